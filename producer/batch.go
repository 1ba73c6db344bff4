package producer

import "sync"

// batches is a worker's pool of batches. It is safe for concurrent use.
type batches struct {
	mu   sync.Mutex
	free []*Batch

	// The sizes of the largest batch so far: a new one is allocated with them, since
	// growing it would leave as much garbage again.
	bytes, headers int
}

// maxBatches is the number of idle batches that a worker keeps.
const maxBatches = 16

func newBatches() *batches { return &batches{free: make([]*Batch, 0, maxBatches)} }

// get returns an empty batch: the one that was put last, which is still in the
// processor's cache.
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

// filled records the size of a rendered batch.
func (p *batches) filled(b *Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A little more, since batches differ a little.
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
