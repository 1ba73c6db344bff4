package producer

import "sync/atomic"

// batches lends batches out and takes them back, from any goroutine.
type batches struct {
	free chan *Batch

	// What the fullest batch so far held: a new one gets room for that much at
	// once, since growing to it leaves as much garbage again.
	bytes, headers atomic.Int64
}

// maxBatches is how many batches may be on their way: what bounds the memory of
// a run whose sink is slower than its workers.
const maxBatches = 16

func newBatches() *batches { return &batches{free: make(chan *Batch, maxBatches)} }

func (p *batches) take() *Batch {
	select {
	case b := <-p.free:
		b.slots = b.slots[:0]
		return b
	default:
		return &Batch{slots: make([]slot, 0, batchSize), release: p.give,
			buf: make([]byte, 0, p.bytes.Load()), headers: make([]Header, 0, p.headers.Load())}
	}
}

// filled notes the size of a batch that has been made.
func (p *batches) filled(b *Batch) {
	// A little more than it held, for those after it differ a little.
	raise(&p.bytes, int64(len(b.buf)+len(b.buf)/16))
	raise(&p.headers, int64(len(b.headers)))
}

func raise(to *atomic.Int64, n int64) {
	for old := to.Load(); n > old && !to.CompareAndSwap(old, n); old = to.Load() {
	}
}

func (p *batches) give(b *Batch) {
	select {
	case p.free <- b:
	default: // more than can be on their way: let it go
	}
}
