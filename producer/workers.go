package producer

import (
	"context"
	"sync"
)

// workers make a run's records. Each takes the next batch of the schedule, makes
// its records, and gives it to the sink when those before it have been given: so
// the order is that of one worker. A worker whose batch comes too early leaves it
// to whoever gives the one before it, and goes on.
type workers struct {
	collect sync.Mutex // held by the one that goes on with the schedule
	issued  int64      // tickets, in the order of the schedule; guarded by collect
	over    bool       // guarded by collect
	ended   error      // why it is over before its end; guarded by collect

	turn   sync.Mutex
	moved  *sync.Cond
	now    int64    // the ticket of the next batch to give; guarded by turn
	early  []*Batch // those made, by ticket modulo the length; guarded by turn
	giving bool     // a worker gives batches; guarded by turn

	err  error // of the first batch that the sink did not take; of the one that gives
	stop context.CancelCauseFunc
}

// ahead is how many batches a worker may have made before they can be given.
const ahead = 4

// work runs n workers until there is nothing more to make, the sink fails or ctx
// ends. The caller is one of them.
func (r *run) work(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ws := &workers{stop: stop, early: make([]*Batch, ahead*n)}
	ws.moved = sync.NewCond(&ws.turn)
	var others sync.WaitGroup
	for range n - 1 {
		others.Go(func() { r.worker(ctx, ws) })
	}
	r.worker(ctx, ws)
	others.Wait()
	if ws.err != nil {
		return ws.err
	}
	return ws.ended
}

func (r *run) worker(ctx context.Context, ws *workers) {
	w := &worker{}
	for {
		b, ticket := r.take(ctx, ws)
		if b == nil {
			return
		}
		r.renderer.render(w, b)
		r.batches.filled(b)
		for b = ws.made(b, ticket); b != nil; b = ws.next() {
			r.give(ctx, ws, b)
		}
	}
}

// take is the next batch with its ticket, nil if there is none.
func (r *run) take(ctx context.Context, ws *workers) (*Batch, int64) {
	ws.collect.Lock()
	defer ws.collect.Unlock()
	if ws.over {
		return nil, 0
	}
	b, err := r.next(ctx)
	if b == nil {
		ws.over, ws.ended = true, err
		return nil, 0
	}
	ws.issued++
	return b, ws.issued - 1
}

// give gives a batch to the sink, unless one before it was not taken.
func (r *run) give(ctx context.Context, ws *workers, b *Batch) {
	if ws.err != nil {
		b.Release()
		return
	}
	count := r.count(b)
	if err := r.sink.Write(ctx, b); err != nil {
		ws.err = err
		ws.stop(err)
		return
	}
	r.add(count)
}

// made puts a batch among those to give. If it is the next one and nobody is
// giving, the caller is to give it, and then what next returns.
func (ws *workers) made(b *Batch, ticket int64) *Batch {
	ws.turn.Lock()
	defer ws.turn.Unlock()
	for ticket-ws.now >= int64(len(ws.early)) {
		ws.moved.Wait()
	}
	if ws.giving || ticket != ws.now {
		ws.early[ticket%int64(len(ws.early))] = b
		return nil
	}
	ws.giving = true
	return b
}

// next is the batch after the one that was given, nil if it is not made yet.
func (ws *workers) next() *Batch {
	ws.turn.Lock()
	defer ws.turn.Unlock()
	ws.now++
	ws.moved.Broadcast()
	at := &ws.early[ws.now%int64(len(ws.early))]
	b := *at
	*at = nil
	ws.giving = b != nil
	return b
}
