package verify

import (
	"testing"
	"time"

	"inv/internal/event"
)

// A topic that refuses an event's time gets the clock's, and no other.
func TestKafkaTimestampsByTheClock(t *testing.T) {
	for _, c := range []struct {
		name           string
		written, found time.Duration // the clock when outputs were written, and a receipt's timestamp
		want           int64
	}{
		{"the clock's", 5 * time.Second, 10 * time.Second, 0},
		{"from clocks that differ", 5 * time.Second, -2 * time.Minute, 0},
		{"another time", 4 * time.Second, 10 * time.Second, 11},
		{"a receipt's, too near to have been refused", 5 * time.Second, 3 * time.Millisecond, 2},
		{"a receipt's, before its reorder", 5 * time.Second, -time.Hour, 2},
	} {
		h := lit(t)
		for _, topic := range []string{"updates", "reorders", "alerts"} {
			for _, r := range h.records[topic] {
				r.Timestamp = h.now.Add(c.written)
			}
		}
		for _, r := range h.records["receipts"] {
			r.Timestamp = h.now.Add(c.found)
		}
		r := h.audit(testOptions(), "")
		if n := r.Checks[checkEnvelope].Violations; n != c.want {
			t.Errorf("%s: %d findings, want %d: %+v", c.name, n, c.want, r.Findings)
		}
	}
}

func TestTimesOfHeaders(t *testing.T) {
	p := &parser{}
	for _, ms := range []int64{0, 1, 86_399_999, 86_400_000, 1_790_000_000_990, 1_790_000_001_007, 1_790_046_061_001, event.MaxTime, -1, -86_400_001, event.MaxTime + 1, 999} {
		if got, want := string(p.ceTime(ms)), formatTime(ms); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}
