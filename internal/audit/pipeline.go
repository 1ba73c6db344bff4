package audit

import (
	"context"
	"runtime"
	"sync"

	"inv/internal/fetch"
)

// mostParsers is how many goroutines read values at most: more than this are
// faster than the one that judges.
const mostParsers = 4

// job is one chunk on its way: it is fetched, read by some parser, and judged
// when those before it have been.
type job struct {
	chunk fetch.Chunk
	end   int64 // exclusive
	batch batch
	pool  *sync.Pool    // that the batch goes back to
	ready chan struct{} // closed when the batch has been read
	err   error
}

// pipeline reads steps one after the other.
type pipeline struct {
	reader  *reader
	snap    *snapshot
	auditor *auditor
	jobs    chan *job // to be read
	order   chan *job // to be judged
	failed  error     // why fetching ended early; valid once order is closed
}

// run reads the steps' topics to the snapshot's ends and has the auditor judge
// them. Progress and judgement happen on the goroutine that called it.
func (r *reader) run(ctx context.Context, a *auditor, snap *snapshot, steps []step) error {
	parsers := min(max(runtime.GOMAXPROCS(0), 1), mostParsers)
	// As many wait to be judged as are read: more would cost memory and gain nothing.
	p := &pipeline{reader: r, snap: snap, auditor: a, jobs: make(chan *job), order: make(chan *job, parsers)}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { p.fetch(ctx, steps) })
	for range parsers {
		running.Go(func() { p.read(ctx) })
	}
	err := p.judge(ctx)
	cancel()
	running.Wait()
	return err
}

// fetch makes a job of each chunk.
func (p *pipeline) fetch(ctx context.Context, steps []step) {
	defer close(p.order)
	defer close(p.jobs)
	for _, s := range steps {
		var spans []span
		for _, t := range s.topics {
			spans = append(spans, p.snap.spans[t]...)
		}
		p.failed = p.reader.chunks(ctx, spans, func(chunk *fetch.Chunk, end int64) bool {
			j := &job{chunk: *chunk, end: end, batch: s.batches.Get().(batch), pool: s.batches, ready: make(chan struct{})}
			return give(ctx, p.order, j) && give(ctx, p.jobs, j)
		})
		if p.failed != nil || ctx.Err() != nil {
			return
		}
	}
}

func give(ctx context.Context, to chan<- *job, j *job) bool {
	select {
	case to <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// read makes rows of the records of one job after the other.
func (p *pipeline) read(ctx context.Context) {
	parser := newParser(&p.auditor.o, p.auditor.seed)
	for j := range p.jobs {
		if ctx.Err() == nil {
			j.err = parser.read(j)
		}
		close(j.ready)
	}
}

func (p *parser) read(j *job) error {
	j.batch.begin(p)
	return p.decoder.Each(&j.chunk, func(raw *fetch.Record) bool {
		if raw.Offset >= j.end {
			return false
		}
		view(&p.record, raw)
		j.batch.add(p, &p.record)
		return true
	})
}

// judge has the jobs judged in their order.
func (p *pipeline) judge(ctx context.Context) error {
	for j := range p.order {
		select {
		case <-j.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if j.err != nil {
			return j.err
		}
		j.batch.judge(p.auditor)
		p.reader.pass(&j.chunk, j.end)
		j.pool.Put(j.batch)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return p.failed
}
