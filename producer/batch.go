package producer

import "sync"

// batches lends a worker its batches and takes them back, from any goroutine.
type batches struct {
	mu   sync.Mutex
	free []*Batch

	// What the fullest batch so far held: a new one gets room for that much at
	// once, since growing to it leaves as much garbage again.
	bytes, headers int
}

// maxBatches is how many batches a worker keeps that have come back.
const maxBatches = 16

func newBatches() *batches { return &batches{free: make([]*Batch, 0, maxBatches)} }

// get lends a batch: the one that came back last, which is in the processor's
// cache.
func (p *batches) get() *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return &Batch{slots: make([]slot, 0, batchSize), release: p.put,
			buf: make([]byte, 0, p.bytes), headers: make([]Header, 0, p.headers)}
	}
	b := p.free[last]
	p.free = p.free[:last]
	b.slots = b.slots[:0]
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

func (p *batches) put(b *Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxBatches {
		p.free = append(p.free, b)
	}
}
