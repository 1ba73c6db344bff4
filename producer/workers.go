package producer

import (
	"context"
	"sync"
)

// workers make a run's records. Each takes the next batch of the schedule, makes
// its records, and gives it to the sink when those before it have been given: so
// the order is that of one worker, and a record stays with the processor that
// made it, in whose cache it is.
type workers struct {
	collect sync.Mutex // held by the one that goes on with the schedule
	issued  int64      // tickets, in the order of the schedule; guarded by collect
	over    bool       // guarded by collect
	ended   error      // why it is over before its end; guarded by collect

	turn  sync.Mutex
	moved *sync.Cond
	now   int64 // the ticket whose turn it is; guarded by turn
	err   error // of the first batch that the sink did not take; of whoever's turn it is
	stop  context.CancelCauseFunc
}

// work runs n workers until there is nothing more to make, the sink fails or ctx
// ends. The caller is one of them.
func (r *run) work(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ws := &workers{stop: stop}
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
		ws.wait(ticket)
		r.give(ctx, ws, b)
		ws.done()
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

// wait returns when it is the ticket's turn; done ends it.
func (ws *workers) wait(ticket int64) {
	ws.turn.Lock()
	for ws.now != ticket {
		ws.moved.Wait()
	}
	ws.turn.Unlock()
}

func (ws *workers) done() {
	ws.turn.Lock()
	ws.now++
	ws.turn.Unlock()
	ws.moved.Broadcast()
}
