package inspect

import (
	"slices"
	"sync"
	"sync/atomic"

	"inv/internal/kafka/fetch"
)

// A run that has much to show renders shares of the records side by side, and writes
// them in order. The workers only try: each begins with the state that the renderer had
// when its share was handed out, and what it has rendered counts if the renderer still
// has that state when it is the share's turn (a column may have become wider
// meanwhile). Otherwise, or if the share would end the run, the run shows it itself.
// So the output, the notices and the end are those of a run without workers.
const (
	// Responses with less than this are shown directly, so that a followed record does
	// not wait for a worker.
	minParallel = 64 << 10
	// A share has at most this many bytes, so that it and its lines stay in a
	// processor's cache; larger records are shown directly.
	shareBytes   = 64 << 10
	shareRecords = 512
	// maxWorkers is more than one reader of the output can keep busy.
	maxWorkers = 4
	// sharesPerWorker may be handed out.
	sharesPerWorker = 4
)

// progress is what a renderer's next line of a topic depends on, besides the record.
type progress struct {
	dated   bool
	columns int   // of the terminal
	widths  []int // of the topic's columns
	counts  [severities]int
}

// same reports whether a record is rendered the same way from both.
func (p progress) same(q progress) bool {
	return p.dated == q.dated && p.columns == q.columns && slices.Equal(p.widths, q.widths)
}

// splitter is a Renderer of which several goroutines can each have one.
type splitter interface {
	Renderer
	// split returns a renderer for another goroutine; nil: there can't be one.
	split() splitter
	progress(topic string) progress
	resume(topic string, p progress)
}

func (w Raw) split() splitter          { return w }
func (Raw) progress(string) progress   { return progress{} }
func (Raw) resume(string, progress)    {}
func (j *JSON) split() splitter        { return &JSON{Indent: j.Indent, theme: j.theme, views: j.views} }
func (*JSON) progress(string) progress { return progress{} }
func (*JSON) resume(string, progress)  {}
func (*YAML) split() splitter          { return &YAML{} }
func (*YAML) progress(string) progress { return progress{} }
func (*YAML) resume(string, progress)  {}
func (c *CSV) split() splitter         { return &CSV{Safe: c.Safe} }
func (*CSV) progress(string) progress  { return progress{} }
func (*CSV) resume(string, progress)   {}

func (p *Pretty) split() splitter { return NewPretty(p.options) }

func (p *Pretty) progress(topic string) progress {
	return progress{dated: p.clock.dated, columns: p.options.Width, widths: slices.Clone(p.layout(topic).widths), counts: p.counts}
}

func (p *Pretty) resume(topic string, to progress) {
	p.clock.dated, p.options.Width, p.counts = to.dated, to.columns, to.counts
	copy(p.layout(topic).widths, to.widths)
}

func (h *Highlight) split() splitter {
	if inner, ok := h.Renderer.(splitter); ok {
		return &Highlight{Renderer: inner.split(), patterns: h.patterns, begin: h.begin, reset: h.reset}
	}
	return nil // a Format may number its records
}

func (h *Highlight) progress(topic string) progress {
	return h.Renderer.(splitter).progress(topic) // by split
}

func (h *Highlight) resume(topic string, p progress) { h.Renderer.(splitter).resume(topic, p) }

// share is consecutive records of a topic.
type share struct {
	records    []Record
	bytes      []byte // of the records
	begin, end progress
	out        []byte
	shown      int64
	undecoded  []undecoded
	again      bool // the run has to show it
	done       chan struct{}
}

// undecoded is a record of a share that can't be decoded.
type undecoded struct {
	index int
	err   error
}

// worker renders shares.
type worker struct {
	stopped  *atomic.Bool
	filter   *filter
	failOn   *jsonCondition
	decoding *decoding
	raw      bool // records are rendered as they are in the topic
	renderer splitter
	record   Record // decoded; the share keeps what is in the topic
}

func (w *worker) work(shares <-chan *share) {
	for s := range shares {
		w.render(s)
		s.done <- struct{}{}
	}
}

func (w *worker) render(s *share) {
	topic := s.records[0].Topic
	w.renderer.resume(topic, s.begin)
	for i := range s.records {
		r := &s.records[i]
		if w.stopped.Load() {
			return
		}
		byKey := w.filter.key == nil || w.filter.key.raw(r.Key)
		if !byKey && !w.filter.key.others {
			continue
		}
		if w.decoding != nil {
			w.record = *r
			r = &w.record
			err := w.decoding.decode(r, nil)
			if waits(err) {
				s.again = true
				return
			}
			if err != nil {
				s.undecoded = append(s.undecoded, undecoded{i, err})
			}
		}
		if !w.filter.match(r, byKey) {
			continue
		}
		if w.failOn != nil && w.failOn.match(r) {
			s.again = true
			return
		}
		if w.raw {
			r = &s.records[i]
		}
		s.shown++
		s.out = w.renderer.Append(s.out, r)
	}
	s.end = w.renderer.progress(topic)
}

// parallel shows records by way of workers. Its methods are for the run's goroutine.
type parallel struct {
	t       *tail
	main    splitter
	size    int // of a share
	shares  chan *share
	next    *share   // being filled
	pending []*share // handed out, in order
	free    []*share
	stopped atomic.Bool
	workers sync.WaitGroup
}

// newParallel starts the workers. It returns nil if the run has to show one record after
// the other: if a number of records ends it, or if there can't be several renderers.
func newParallel(t *tail, workers, size int) *parallel {
	main, ok := t.o.Renderer.(splitter)
	if !ok || workers < 2 || t.o.most() > 0 {
		return nil
	}
	p := &parallel{t: t, main: main, size: size, shares: make(chan *share, sharesPerWorker*workers), next: newShare()}
	for range workers {
		w := &worker{stopped: &p.stopped, filter: t.filter.split(), failOn: t.failOn.split(),
			decoding: newDecoding(&t.o), raw: t.o.Undecoded, renderer: main.split()}
		if w.renderer == nil {
			p.close()
			return nil
		}
		p.workers.Go(func() { w.work(p.shares) })
	}
	return p
}

func newShare() *share { return &share{done: make(chan struct{}, 1)} }

// close ends the workers; what is pending is not shown.
func (p *parallel) close() {
	if p != nil {
		p.stopped.Store(true)
		close(p.shares)
		p.workers.Wait()
	}
}

func (p *parallel) busy() bool { return p != nil && len(p.pending) > 0 }

// ready returns a channel that receives when the first pending share is ready; nil if
// there is none.
func (p *parallel) ready() <-chan struct{} {
	if !p.busy() {
		return nil
	}
	return p.pending[0].done
}

// show hands a chunk's records to the workers, and shows shares that are ready.
func (p *parallel) show(chunk *fetch.Chunk) (stopped error) {
	failed := p.t.decoder.Each(chunk, func(r *Record) bool {
		if len(p.next.records) > 0 && p.next.records[0].Topic != r.Topic {
			stopped = p.hand()
		}
		size := len(r.Key) + len(r.Value) + len(r.RawHeaders())
		if stopped == nil && size > p.size {
			if stopped = p.drain(); stopped == nil {
				stopped = p.t.showRecord(r)
			}
		} else if stopped == nil {
			stopped = p.add(r)
		}
		return stopped == nil
	})
	if failed == nil || stopped != nil {
		return stopped
	}
	if err := p.drain(); err != nil {
		return err
	}
	p.t.unreadable(failed)
	return nil
}

// add adds a record to the next share, and hands that out if it is full.
func (p *parallel) add(r *Record) error {
	s := p.next
	if cap(s.bytes)-len(s.bytes) < len(r.Key)+len(r.Value)+len(r.RawHeaders()) {
		if err := p.hand(); err != nil {
			return err
		}
		if s = p.next; s.bytes == nil {
			s.bytes = make([]byte, 0, p.size)
		}
	}
	var c Record
	c, s.bytes = r.CopyTo(s.bytes)
	if s.records = append(s.records, c); len(s.records) == shareRecords {
		return p.hand()
	}
	return nil
}

// hand hands out the next share, unless it is empty, once there is room, and shows
// those that are ready.
func (p *parallel) hand() error {
	if p == nil || len(p.next.records) == 0 {
		return nil
	}
	s := p.next
	s.begin = p.main.progress(s.records[0].Topic)
	p.pending = append(p.pending, s)
	p.shares <- s
	if p.next = nil; len(p.free) > 0 {
		p.next, p.free = p.free[len(p.free)-1], p.free[:len(p.free)-1]
	} else {
		p.next = newShare()
	}
	for p.busy() {
		if len(p.pending) == cap(p.shares) {
			<-p.ready()
		} else {
			select {
			case <-p.ready():
			default:
				return nil
			}
		}
		if err := p.commit(); err != nil {
			return err
		}
	}
	return nil
}

// drain shows all that there is.
func (p *parallel) drain() error {
	err := p.hand()
	for err == nil && p.busy() {
		<-p.ready()
		err = p.commit()
	}
	return err
}

// commit shows the first pending share, which is ready.
func (p *parallel) commit() (stopped error) {
	s := p.pending[0]
	p.pending = slices.Delete(p.pending, 0, 1)
	topic := s.records[0].Topic
	if now := p.main.progress(topic); !s.again && now.same(s.begin) {
		for i, n := range s.begin.counts {
			s.end.counts[i] += now.counts[i] - n
		}
		p.main.resume(topic, s.end)
		for _, u := range s.undecoded {
			p.t.undecoded(&s.records[u.index], u.err)
		}
		p.t.stats.Read += int64(len(s.records))
		p.t.stats.Shown += s.shown
		stopped = p.t.write(s.out)
	} else {
		for i := 0; i < len(s.records) && stopped == nil; i++ {
			stopped = p.t.showRecord(&s.records[i])
		}
	}
	clear(s.undecoded)
	*s = share{records: s.records[:0], bytes: s.bytes[:0], out: emptied(s.out), undecoded: s.undecoded[:0], done: s.done}
	p.free = append(p.free, s)
	return stopped
}
