package verify

import (
	"testing"

	"inv/internal/event"
)

func TestTimesOfHeaders(t *testing.T) {
	p := &parser{}
	for _, ms := range []int64{0, 1, 86_399_999, 86_400_000, 1_790_000_000_990, 1_790_000_001_007, 1_790_046_061_001, event.MaxTime, -1, -86_400_001, event.MaxTime + 1, 999} {
		if got, want := string(p.ceTime(ms)), formatTime(ms); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}
