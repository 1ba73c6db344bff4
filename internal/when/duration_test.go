package when

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "0d": 0, "0w0d": 0, "250ms": 250 * time.Millisecond, "10s": 10 * time.Second, "2h30m": 150 * time.Minute, "1.5h": 90 * time.Minute,
		"1d": Day, "7d": 7 * Day, "0.5d": 12 * time.Hour, "1w": 7 * Day, "1w2d3h": 9*Day + 3*time.Hour, "1d12h": 36 * time.Hour,
		"-1d": -Day, "+5m": 5 * time.Minute, "1us": time.Microsecond, "1µs": time.Microsecond, "1ns": 1, "1d1ns": Day + 1,
		"106751d": 106751 * Day,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":            `"" is not a duration such as 250ms, 10s, 2h30m or 7d`,
		"-":           `"-" is not a duration such as 250ms, 10s, 2h30m or 7d`,
		"soon":        `"soon" is not a duration such as 250ms, 10s, 2h30m or 7d`,
		"1.5":         `"1.5" has no unit; write 1.5s, 1.5m, 1.5h or 1.5d`,
		"10":          `"10" has no unit; write 10s, 10m, 10h or 10d`,
		"5min":        `"5min" is not a duration; did you mean "5m"?`,
		"5 minutes":   `"5 minutes" is not a duration; did you mean "5m"?`,
		"10 s":        `"10 s" is not a duration; did you mean "10s"?`,
		"10S":         `"10S" is not a duration; did you mean "10s"?`,
		"2hrs":        `"2hrs" is not a duration; did you mean "2h"?`,
		"3 Days":      `"3 Days" is not a duration; did you mean "3d"?`,
		"100 millis":  `"100 millis" is not a duration; did you mean "100ms"?`,
		"100MS":       `"100MS" is not a duration; did you mean "100ms"?`,
		"1month":      `"1month" is not a duration; the longest unit is w, a week: 1 year is 365d`,
		"1y":          `"1y" is not a duration; the longest unit is w, a week: 1 year is 365d`,
		"1.2.3s":      `"1.2.3s" is not a duration such as 250ms, 10s, 2h30m or 7d`,
		"106752d":     `"106752d" is too long; the longest is 106751d`,
		"9999999999h": `"9999999999h" is too long; the longest is 106751d`,
	} {
		if got, err := ParseDuration(text); err == nil || err.Error() != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "1m": time.Minute, "2h": 2 * time.Hour, "2h30m": 150 * time.Minute, "1h0m5s": time.Hour + 5*time.Second,
		"1d": Day, "30d": 30 * Day, "36h": 36 * time.Hour, "250ms": 250 * time.Millisecond, "20s": 20 * time.Second, "10m": 10 * time.Minute,
	} {
		got := FormatDuration(d)
		if back, err := ParseDuration(got); got != want || err != nil || back != d {
			t.Errorf("%v is %s, want %s; read back as %v, %v", int64(d), got, want, back, err)
		}
	}
}

// Whatever time.ParseDuration accepts means the same; FormatDuration's output is read
// back.
func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"1w2d3h", "250ms", "-1.5h", "0", "1.d", ".5s", "9223372036854775807ns", "1h-2m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseDuration(text)
		if want, goErr := time.ParseDuration(text); goErr == nil && (err != nil || got != want) {
			t.Errorf("%q is %v, %v; time.ParseDuration gives %v", text, got, err, want)
		}
		if err != nil {
			return
		}
		if back, err := ParseDuration(FormatDuration(got)); err != nil || back != got {
			t.Errorf("%q is %v, which is read back as %v, %v", text, got, back, err)
		}
	})
}
