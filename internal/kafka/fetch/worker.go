package fetch

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// worker reads from one broker, all of a stream's partitions that it leads in
// one request at a time: while the stream's reader shows one response, the next
// one is on its way.
type worker struct {
	stream  *Stream
	node    int32
	given   chan handover
	ended   chan struct{}
	cursors []*cursor // those served last at the end, so that each gets its turn
	trouble bool      // there is an outage, whose end is to be reported
}

func (s *Stream) worker(ctx context.Context, node int32) *worker {
	if w := s.workers[node]; w != nil {
		return w
	}
	w := &worker{stream: s, node: node, given: make(chan handover, 64), ended: make(chan struct{})}
	s.workers[node] = w
	go w.run(ctx)
	return w
}

// handover is cursors for a worker.
type handover struct {
	cursors []*cursor
	trouble bool
}

func (w *worker) hand(ctx context.Context, h handover) {
	select {
	case w.given <- h:
	case <-ctx.Done():
	}
}

func (w *worker) run(ctx context.Context) {
	defer close(w.ended)
	for ctx.Err() == nil {
		if len(w.cursors) == 0 {
			select {
			case h := <-w.given:
				w.accept(h)
			case <-ctx.Done():
				return
			}
		}
		for more := true; more; {
			select {
			case h := <-w.given:
				w.accept(h)
			default:
				more = false
			}
		}
		if !w.fetch(ctx) {
			return
		}
	}
}

func (w *worker) accept(h handover) {
	w.cursors = append(w.cursors, h.cursors...)
	w.trouble = w.trouble || h.trouble
}

// fetch asks once and passes the answer on; false when ctx is done.
func (w *worker) fetch(ctx context.Context) bool {
	answer, err := w.stream.cluster.client.Broker(int(w.node)).Request(ctx, w.request())
	if err == nil {
		if code := answer.(*kmsg.FetchResponse).ErrorCode; code != 0 {
			err = kerr.ErrorForCode(code)
		}
	}
	if err != nil {
		return w.fail(ctx, err)
	}
	if w.trouble {
		w.trouble = false
		if !w.report(ctx, report{recovered: true}) {
			return false
		}
	}
	return w.dispatch(ctx, answer.(*kmsg.FetchResponse))
}

// fail gives all cursors back: their leader may be another broker by now.
func (w *worker) fail(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	lost := w.cursors
	w.cursors = nil
	for _, c := range lost {
		if !w.report(ctx, report{cursor: c, err: fmt.Errorf("broker %d: %w", w.node, err), away: true}) {
			return false
		}
	}
	return true
}

func (w *worker) report(ctx context.Context, r report) bool {
	select {
	case w.stream.reports <- r:
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *worker) request() *kmsg.FetchRequest {
	o := &w.stream.options
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID = -1
	req.MaxBytes = o.MaxBytes
	req.SessionEpoch = -1
	if w.stream.cluster.ReadCommitted {
		req.IsolationLevel = 1
	}
	// A finite read wants what is there, not what may come.
	for _, c := range w.cursors {
		if c.To < 0 {
			req.MinBytes, req.MaxWaitMillis = 1, int32(o.Wait.Milliseconds())
		} else if c.empties > 0 && req.MaxWaitMillis == 0 {
			req.MinBytes, req.MaxWaitMillis = 1, 100
		}
	}
	for _, c := range w.cursors {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != c.Topic {
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = c.Topic, c.TopicID
			req.Topics = append(req.Topics, t)
			n++
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.CurrentLeaderEpoch = c.Partition, c.next, c.epoch
		p.LastFetchedEpoch, p.LogStartOffset, p.PartitionMaxBytes = -1, -1, o.PartitionBytes
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, p)
	}
	return req
}

// dispatch hands a response on and moves the cursors behind it.
func (w *worker) dispatch(ctx context.Context, resp *kmsg.FetchResponse) bool {
	byID := make(map[ID]*cursor, len(w.cursors))
	names := make(map[[16]byte]string, 1)
	for _, c := range w.cursors {
		byID[c.ID] = c
		names[c.TopicID] = c.Topic
	}
	var event Event
	var failed []report
	data := 0
	answered := make([]*cursor, 0, len(w.cursors))
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == "" {
			t.Topic = names[t.TopicID]
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			c := byID[ID{t.Topic, p.Partition}]
			if c == nil {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				failed = append(failed, report{cursor: c, err: err})
				continue
			}
			data += len(p.RecordBatches)
			answered = append(answered, c)
			event.Chunks = append(event.Chunks, w.chunk(c, p))
		}
	}
	if len(event.Chunks) > 0 && !w.stream.send(ctx, event) {
		return false
	}
	for i, c := range answered {
		w.advance(c, &event.Chunks[i], data)
	}
	return w.settle(ctx, event.Chunks, answered, failed)
}

func (w *worker) chunk(c *cursor, p *kmsg.FetchResponseTopicPartition) Chunk {
	whole, next := wholeBatches(p.RecordBatches, c.next)
	return Chunk{
		Topic: c.Topic, Partition: c.Partition, From: c.next, Next: next, To: c.To, Batches: whole,
		Log:     Log{HighWatermark: p.HighWatermark, LastStable: p.LastStableOffset, LogStart: p.LogStartOffset},
		aborted: p.AbortedTransactions, readCommitted: w.stream.cluster.ReadCommitted, complete: w.stream.options.Complete,
	}
}

// How often a finite read looks again when a partition ends before its stop
// (its log was cut back, or a replica is behind).
const maxEmpties = 5

// advance moves a cursor behind its chunk. A partition that has nothing to give
// before its stop though it reaches that far (all compacted away) is done; so
// is, after a few looks, one that no longer reaches that far, unless the read is
// to be complete: then transactions are open.
func (w *worker) advance(c *cursor, chunk *Chunk, data int) {
	c.homeless, c.denied = false, false
	if c.next = chunk.Next; len(chunk.Batches) > 0 {
		c.empties = 0
		return
	}
	if c.To < 0 || data > 0 {
		return
	}
	end := chunk.HighWatermark
	if chunk.readCommitted {
		end = chunk.LastStable
	}
	if c.empties++; end >= c.To || c.empties > maxEmpties && !w.stream.options.Complete {
		c.next = c.To
	}
}

// settle sorts the cursors for the next request and gives back those that are
// done or failed.
func (w *worker) settle(ctx context.Context, chunks []Chunk, answered []*cursor, failed []report) bool {
	out := map[*cursor]error{}
	for _, f := range failed {
		out[f.cursor] = f.err
	}
	served := map[*cursor]bool{}
	for i, c := range answered {
		served[c] = len(chunks[i].Batches) > 0
	}
	var first, last []*cursor
	for _, c := range w.cursors {
		err, gone := out[c]
		switch {
		case gone || w.stream.over(c):
			if !w.report(ctx, report{cursor: c, err: err}) {
				return false
			}
		case served[c]:
			last = append(last, c)
		default:
			first = append(first, c)
		}
	}
	w.cursors = append(first, last...)
	return true
}
