package when

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) // 14:00 in Berlin
	for text, want := range map[string]string{
		"now":                            "2026-05-01T12:00:00Z",
		"today":                          "2026-04-30T22:00:00Z",
		"yesterday":                      "2026-04-29T22:00:00Z",
		"today UTC":                      "2026-05-01T00:00:00Z",
		"15m":                            "2026-05-01T11:45:00Z",
		"15m ago":                        "2026-05-01T11:45:00Z",
		"2h30m":                          "2026-05-01T09:30:00Z",
		"1d":                             "2026-04-30T12:00:00Z",
		"1w2d3h":                         "2026-04-22T09:00:00Z",
		"2026-05-01":                     "2026-04-30T22:00:00Z",
		"2026-05-01 14:02":               "2026-05-01T12:02:00Z",
		"2026-05-01 14:02:11.5":          "2026-05-01T12:02:11.5Z",
		"2026-05-01T14:02:11":            "2026-05-01T12:02:11Z",
		"14:02":                          "2026-05-01T12:02:00Z",
		"14:02:11":                       "2026-05-01T12:02:11Z",
		"14:02 UTC":                      "2026-05-01T14:02:00Z",
		"2026-05-01 14:02 Asia/Tokyo":    "2026-05-01T05:02:00Z",
		"2026-05-01T14:02:11Z":           "2026-05-01T14:02:11Z",
		"2026-05-01T14:02:11.123+05:30":  "2026-05-01T08:32:11.123Z",
		"2026-01-15 12:00 Europe/Berlin": "2026-01-15T11:00:00Z",
		"1970-01-01":                     "1969-12-31T23:00:00Z",
	} {
		got, note, err := Parse(text, now, berlin)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want || note != "" {
			t.Errorf("%q: %s, %q, %v; want %s", text, got.UTC().Format(time.RFC3339Nano), note, err, want)
		}
	}
}

// The unit of an epoch follows from its magnitude, and is said.
func TestEpoch(t *testing.T) {
	for text, want := range map[string]string{
		"1777636800":          "seconds: 2026-05-01T12:00:00Z",
		"1777636800123":       "milliseconds: 2026-05-01T12:00:00Z",
		"1777636800123456":    "microseconds: 2026-05-01T12:00:00Z",
		"1777636800123456789": "nanoseconds: 2026-05-01T12:00:00Z",
		"9223372036854775807": "nanoseconds: 2262-04-11T23:47:16Z",
		"99999999999":         "seconds: 5138-11-16T09:46:39Z",
		"100000000000":        "milliseconds: 1973-03-03T09:46:40Z",
	} {
		got, note, err := Parse(text, time.Time{}, time.UTC)
		if err != nil || note != text+" is read as epoch "+want || !strings.HasSuffix(want, got.UTC().Format(time.RFC3339)) {
			t.Errorf("%s: %s, %q, %v; want %s", text, got, note, err, want)
		}
	}
}

// When clocks change, one hour does not exist and one comes twice.
func TestClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	got, note, err := Parse("2026-10-25 02:30", time.Time{}, berlin)
	if err != nil || got.UTC().Format(time.RFC3339) != "2026-10-25T00:30:00Z" || !strings.Contains(note, "2026-10-25T02:30:00+02:00, not 2026-10-25T02:30:00+01:00") {
		t.Errorf("%s, %q, %v", got, note, err)
	}
	if got, _, err := Parse("2026-03-29 02:30", time.Time{}, berlin); err == nil || !strings.Contains(err.Error(), "does not exist in Europe/Berlin") {
		t.Errorf("%s, %v", got, err)
	}
	for _, text := range []string{"2026-10-25 01:59", "2026-10-25 03:00", "2026-03-29 01:59", "2026-03-29 03:00"} {
		if got, note, err := Parse(text, time.Time{}, berlin); err != nil || note != "" || got.Format("2006-01-02 15:04") != text {
			t.Errorf("%s: %s, %q, %v", text, got, note, err)
		}
	}
}

func TestNotATime(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, text := range []string{"", "ago", "soon", "17", "-5", "999999999", "99999d", "2026-13-01", "2026-02-30", "25:00", "0001-01-01T00:00:00Z", "1969-12-30", "14:02 Mars/Base", "2026-05-01 14:02 +02:00", "15 m", "1.5d", "9999999999999999999"} {
		if got, _, err := Parse(text, now, time.UTC); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestParsePosition(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]Position{
		"start": {Kind: Start}, "earliest": {Kind: Start}, "beginning": {Kind: Start},
		"end": {Kind: End}, "latest": {Kind: End}, "LATEST": {Kind: End},
		"0": {Kind: Offset}, "4711": {Kind: Offset, Offset: 4711}, "1777636800": {Kind: Offset, Offset: 1777636800},
		"999999999999": {Kind: Offset, Offset: 999999999999},
		"-5":           {Kind: Back, Offset: 5},
		"1d":           {Kind: Time, Time: now.AddDate(0, 0, -1)},
		"15m ago":      {Kind: Time, Time: now.Add(-15 * time.Minute)},
		"today":        {Kind: Time, Time: now.Truncate(24 * time.Hour)},
		"1777636800123": {Kind: Time, Time: time.UnixMilli(1777636800123),
			Note: "1777636800123 is read as epoch milliseconds: 2026-05-01T12:00:00Z"},
	} {
		got, err := ParsePosition(text, now, time.UTC)
		if err != nil || got.Kind != want.Kind || got.Offset != want.Offset || !got.Time.Equal(want.Time) || got.Note != want.Note {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "-0", "--5", "-1777636800123", "1.5", "99999999999999999999"} {
		if got, err := ParsePosition(text, now, time.UTC); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{"start", "-5", "15m ago", "2026-05-01 02:30 Europe/Berlin", "1777636800123", "9223372036854775807", "1w2d"} {
		f.Add(seed)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text, now, time.UTC)
		if err == nil && p.Offset < 0 {
			t.Errorf("%q is %+v", text, p)
		}
		if err == nil && p.Kind == Time && strings.Contains(text, "ago") && p.Time.After(now) {
			t.Errorf("%q is after now: %s", text, p.Time)
		}
	})
}
