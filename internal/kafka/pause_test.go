package kafka

import (
	"testing"
	"time"
)

func TestDoubled(t *testing.T) {
	const first, longest = 2 * time.Millisecond, 100 * time.Millisecond
	want := []time.Duration{2, 4, 8, 16, 32, 64, 100, 100}
	for i, ms := range want {
		if got := Doubled(first, longest, i); got != ms*time.Millisecond {
			t.Errorf("doubled %d times: %v, want %d ms", i, got, ms)
		}
	}
	if got := Doubled(first, longest, 1<<30); got != longest {
		t.Errorf("doubled very many times: %v", got)
	}
}
