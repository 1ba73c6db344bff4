package event

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTimesAreFormattedAsTimeDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var text timeText
	for _, ms := range []int64{0, 1, 999, 1000, dayMillis - 1, dayMillis, 951782400000, MaxTime, MaxTime + 1, -1} {
		checkTimeText(t, &text, ms)
	}
	for range 10_000 {
		checkTimeText(t, &text, rng.Int64N(MaxTime))
	}
}

func checkTimeText(t *testing.T, text *timeText, ms int64) {
	t.Helper()
	want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
	if got := string(text.append(nil, ms)); got != want {
		t.Errorf("%d is %s, want %s", ms, got, want)
	}
}
