package producer

import (
	"slices"
	"sync"
)

// batches lends batches out and takes them back, from any goroutine.
type batches struct {
	mu   sync.Mutex
	free []*Batch

	// What the fullest batch so far held: a new one gets room for that much at
	// once, since growing to it leaves as much garbage again.
	bytes, headers int
}

// maxBatches is how many batches may be on their way: what bounds the memory of
// a run whose sink is slower than its workers.
const maxBatches = 16

func newBatches() *batches { return &batches{free: make([]*Batch, 0, maxBatches)} }

// take lends a batch to a worker: if there is one, the last that it made, which is
// in its processor's cache.
func (p *batches) take(w *worker) *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return &Batch{slots: make([]slot, 0, batchSize), release: p.give, maker: w,
			buf: make([]byte, 0, p.bytes), headers: make([]Header, 0, p.headers)}
	}
	at := last
	for i, b := range p.free {
		if b.maker == w {
			at = i
		}
	}
	b := p.free[at]
	p.free = slices.Delete(p.free, at, at+1)
	b.slots, b.maker = b.slots[:0], w
	return b
}

// filled notes the size of a batch that has been made.
func (p *batches) filled(b *Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A little more than it held, for those after it differ a little.
	p.bytes = max(p.bytes, len(b.buf)+len(b.buf)/16)
	p.headers = max(p.headers, len(b.headers))
}

func (p *batches) give(b *Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxBatches { // else more than can be on their way: let it go
		p.free = append(p.free, b)
	}
}
