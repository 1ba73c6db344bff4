package main

import (
	"strings"
	"testing"
	"time"

	"inv/producer"
)

// The progress line shows what remains and what is wrong; on a terminal it never
// wraps.
func TestProgressLine(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	columns := 200
	s := &streams{err: &out, errTerminal: true, now: func() time.Time { return now }, width: func() int { return columns }}
	line := newProgressLine(s)
	shown := func(p producer.Progress) string {
		out.Reset()
		line.show(p)
		return strings.TrimPrefix(out.String(), eraseLine)
	}
	p := producer.Progress{Made: 1500, Sent: 1500, Elapsed: time.Second, Left: 3000, Rest: 9 * time.Second}
	p.Acknowledged, p.Bytes = 1000, 5000
	wants := func(text, want string) {
		t.Helper()
		if text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
	wants(shown(p), "1,000 records, 1,000/s, 5.0 kB, 3,000 to come, 9s left")
	now = now.Add(3 * time.Second)
	p.Behind = 1500 * time.Millisecond
	wants(shown(p), "1,000 records, 1,000/s, NO ANSWER for 3s to 500, BEHIND by 1.5s, 5.0 kB, 3,000 to come, 9s left")
	columns = 40
	wants(shown(p), "1,000 records, 1,000/s, NO ANSWER for …")
	columns, p.Acknowledged, p.Behind = 200, 1500, 0
	wants(shown(p), "1,500 records, 1,500/s, 5.0 kB, 3,000 to come, 9s left")
	now = now.Add(time.Hour) // nothing was to be answered
	wants(shown(p), "1,500 records, 1,500/s, 5.0 kB, 3,000 to come, 9s left")
}
