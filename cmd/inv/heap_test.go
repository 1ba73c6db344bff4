package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		live, least   uint64
		percent, want int
	}{
		{0, 48 << 20, 20, 4700},
		{8 << 20, 48 << 20, 20, 500},
		{40 << 20, 48 << 20, 20, 20},
		{44 << 20, 48 << 20, 20, 20}, // 9 % would be too little
		{500 << 20, 48 << 20, 20, 20},
		{24 << 20, 48 << 20, 75, 100},
	} {
		if got := growth(c.live, c.percent, c.least); got != c.want {
			t.Errorf("%d MiB live may grow by %d %%, want %d", c.live>>20, got, c.want)
		}
	}
}

// The goal follows what is live, and is given back in the end.
func TestGrowHeap(t *testing.T) {
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	before := percent()
	await := func(what string, holds func(p int) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !holds(percent()); {
			if time.Now().After(end) {
				t.Fatalf("%s: the heap may grow by %d %%", what, percent())
			}
			runtime.GC()
		}
	}
	stop := growHeap(20, 1<<40)
	await("little is live", func(p int) bool { return p > 1000 })
	stop()
	stop = growHeap(20, 1)
	await("much is live", func(p int) bool { return p == 20 })
	stop()
	runtime.GC()
	await("in the end", func(p int) bool { return p == before })
}
