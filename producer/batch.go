package producer

// batches lends batches out and takes them back, from any goroutine.
type batches struct{ free chan *Batch }

// maxBatches is how many batches may be on their way: what bounds the memory of
// a run whose sink is slower than its workers.
const maxBatches = 32

func newBatches() *batches { return &batches{make(chan *Batch, maxBatches)} }

func (p *batches) take() *Batch {
	select {
	case b := <-p.free:
		b.slots = b.slots[:0]
		return b
	default:
		return &Batch{slots: make([]slot, 0, batchSize), release: p.give}
	}
}

func (p *batches) give(b *Batch) {
	select {
	case p.free <- b:
	default: // more than can be on their way: let it go
	}
}
