package produce

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	want := []time.Duration{2, 4, 8, 16, 32, 64, 100, 100}
	for i, ms := range want {
		if got := backoff(i + 1); got != ms*time.Millisecond {
			t.Errorf("after try %d: %v, want %d ms", i+1, got, ms)
		}
	}
	if got := backoff(1 << 40); got != later {
		t.Errorf("after very many tries: %v", got)
	}
}
