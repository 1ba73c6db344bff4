package admin

import (
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]Target{
		"start":                {timestamp: start},
		"end":                  {timestamp: end},
		"0":                    {timestamp: fixed},
		"4711":                 {4711, fixed},
		"15m":                  {timestamp: now.Add(-15 * time.Minute).UnixMilli()},
		"2026-05-01T00:00:00Z": {timestamp: now.Add(-12 * time.Hour).UnixMilli()},
		"1960-01-01T00:00:00Z": {},
	} {
		got, err := ParseTarget(text, now)
		if err != nil || got != want {
			t.Errorf("%q: target %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "-5", "-15m", "0s", "2026-05-01", "99999999999999999999"} {
		if _, err := ParseTarget(text, now); err == nil {
			t.Errorf("%q is accepted", text)
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
