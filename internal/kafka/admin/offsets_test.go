package admin

import (
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]Target{
		"start":                {at: toStart},
		"end":                  {at: toEnd},
		"0":                    {at: toOffset},
		"4711":                 {at: toOffset, offset: 4711},
		"15m":                  {at: toTime, time: now.Add(-15 * time.Minute)},
		"2026-05-01T00:00:00Z": {at: toTime, time: now.Add(-12 * time.Hour)},
	} {
		got, err := ParseTarget(text, now)
		if err != nil || got.at != want.at || got.offset != want.offset || !got.time.Equal(want.time) {
			t.Errorf("%q is read as %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "-5", "-15m", "0s", "2026-05-01", "99999999999999999999"} {
		if _, err := ParseTarget(text, now); err == nil {
			t.Errorf("%q is taken for a target", text)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"start", "end", "17", "15m", "2026-05-01T00:00:00Z", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if to, err := ParseTarget(text, time.Unix(0, 0)); err == nil && to.offset < 0 {
			t.Errorf("%q is the offset %d", text, to.offset)
		}
	})
}
