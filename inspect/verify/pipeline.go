package verify

import (
	"cmp"
	"context"
	"runtime"
	"sync"

	"inv/internal/kafka/fetch"
)

// mostParsers bounds the parsing goroutines: more are faster than the judge.
const mostParsers = 4

// A batch is judged when it has this many rows, or was made of values of so many
// bytes: a chunk may unpack to very much more than was fetched.
const (
	mostRows  = 1 << 14
	mostBytes = 8 << 20
)

// job is one chunk: it is fetched, parsed, and judged after the jobs before it.
type job struct {
	chunk fetch.Chunk
	pool  *sync.Pool // of its batches
	// batches are the parsed batches, in order. A parser is at most one ahead of
	// the judge. Once it is closed, err is valid.
	batches chan batch
	err     error
	judged  chan struct{} // not nil: it has no chunk, and is closed when all before it are judged
}

// pipeline reads one step after another.
type pipeline struct {
	reader  *reader
	snap    *snapshot
	auditor *auditor
	jobs    chan *job // to be read
	order   chan *job // to be judged
	failed  error     // why fetching ended early; valid once order is closed
}

// run reads the steps' topics to the ends of the snapshot. The calling goroutine
// judges and reports progress.
func (r *reader) run(ctx context.Context, a *auditor, snap *snapshot, steps []step) error {
	parsers := min(max(runtime.GOMAXPROCS(0), 1), mostParsers)
	// As many wait to be judged as are parsed: more would only cost memory.
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
	cluster := fetch.NewCluster(p.reader.client, true)
	options := fetch.ReadOptions{Notice: func(text string) { p.reader.notices = append(p.reader.notices, text) }}
	for _, s := range steps {
		var spans []fetch.Span
		for _, t := range s.topics {
			spans = append(spans, p.snap.spans[t]...)
		}
		p.failed = cluster.ReadChunks(ctx, spans, options, func(chunk *fetch.Chunk) bool {
			j := &job{chunk: *chunk, pool: s.batches, batches: make(chan batch, 1)}
			return send(ctx, p.order, j) && send(ctx, p.jobs, j)
		})
		if p.failed != nil || ctx.Err() != nil {
			return
		}
		if s.lookedUp && !p.settle(ctx) {
			return
		}
	}
}

// settle waits until all that was fetched has been judged.
func (p *pipeline) settle(ctx context.Context) bool {
	j := &job{judged: make(chan struct{})}
	if !send(ctx, p.order, j) {
		return false
	}
	select {
	case <-j.judged:
		return true
	case <-ctx.Done():
		return false
	}
}

func send(ctx context.Context, to chan<- *job, j *job) bool {
	select {
	case to <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// read makes rows of the records of one job after the other.
func (p *pipeline) read(ctx context.Context) {
	parser := newParser(p.auditor)
	for j := range p.jobs {
		if ctx.Err() == nil {
			j.err = parser.read(ctx, j)
		}
		close(j.batches)
	}
}

// read makes batches of a job's records. It ends early, without an error, when ctx
// is done.
func (p *parser) read(ctx context.Context, j *job) error {
	var b batch
	rows, bytes := 0, 0
	pass := func() bool {
		if b == nil {
			return true
		}
		select {
		case j.batches <- b:
			b, rows, bytes = nil, 0, 0
			return true
		case <-ctx.Done():
			return false
		}
	}
	err := p.decoder.Each(&j.chunk, func(raw *fetch.Record) bool {
		if (rows >= mostRows || bytes >= mostBytes) && !pass() {
			return false
		}
		if b == nil {
			b = j.pool.Get().(batch)
			b.begin(p)
		}
		p.view(raw)
		b.add(p, &p.record)
		rows, bytes = rows+1, bytes+len(raw.Value)
		return p.away == nil
	})
	pass()
	return cmp.Or(p.away, err)
}

// judge judges the jobs in order.
func (p *pipeline) judge(ctx context.Context) error {
	for j := range p.order {
		if j.judged != nil {
			close(j.judged)
			continue
		}
		if err := p.judgeJob(ctx, j); err != nil {
			return err
		}
		p.reader.pass(&j.chunk)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return p.failed
}

func (p *pipeline) judgeJob(ctx context.Context, j *job) error {
	for {
		select {
		case b, more := <-j.batches:
			if !more {
				return j.err
			}
			b.judge(p.auditor)
			j.pool.Put(b)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
