package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// growHeap lets the heap grow by so many percent between collections, but to least bytes in
// any case, until stop: a percentage alone collects a small heap, such as one that is being
// filled, over and over, and there is little to gain.
func growHeap(percent int, least uint64) (stop func()) {
	h := &heapGrowth{percent: percent, least: least, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	before := debug.SetGCPercent(percent)
	h.collected()
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stopped = true
		debug.SetGCPercent(before)
	}
}

// heapGrowth sets what the heap may grow to after each collection.
type heapGrowth struct {
	percent int
	least   uint64
	live    []metrics.Sample

	mu      sync.Mutex
	stopped bool
}

func (h *heapGrowth) collected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	metrics.Read(h.live)
	debug.SetGCPercent(growth(h.live[0].Value.Uint64(), h.percent, h.least))
	// The next collection finds it unreachable.
	runtime.SetFinalizer(&collection{h}, func(c *collection) { c.growth.collected() })
}

// collection is garbage from the beginning.
type collection struct{ growth *heapGrowth }

// growth returns by how many percent a heap with so many live bytes may grow.
func growth(live uint64, percent int, least uint64) int {
	live = max(live, 1<<20)
	if live >= least {
		return percent
	}
	return max(percent, int((least-live)*100/live))
}
