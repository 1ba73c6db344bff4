package producer

import (
	"context"
	"sync"
)

// workers make a run's records. Each takes the next batch of the schedule, makes
// its records, and gives it to the sink when it is its turn: so the order is that
// of one worker. A worker waits for its turn and keeps its batch, since the bytes
// are in its processor's cache; batches are much alike, so once workers have waited
// for each other they seldom have to again. To put a batch aside for the one who
// gives the batch before it was measured: nearly all then moved to another cache.
type workers struct {
	collect sync.Mutex // held by the one that goes on with the schedule
	issued  int64      // tickets, in the order of the schedule; guarded by collect
	over    bool       // guarded by collect
	ended   error      // why it is over before its end; guarded by collect

	// turns has one place for each worker, so each of the tickets that are out has
	// its own. Whoever gets something from it may give its batch.
	turns []chan struct{}

	err  error // of the first batch that the sink did not take; of the one whose turn it is
	stop context.CancelCauseFunc
}

// work runs n workers until there is nothing more to make, the sink fails or ctx
// ends. The caller is one of them.
func (r *run) work(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ws := &workers{stop: stop, turns: make([]chan struct{}, n)}
	for i := range ws.turns {
		ws.turns[i] = make(chan struct{}, 1)
	}
	ws.turns[0] <- struct{}{}
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
		b, ticket := r.take(ctx, ws, w)
		if b == nil {
			return
		}
		r.renderer.render(w, b)
		r.batches.filled(b)
		places := int64(len(ws.turns))
		await(ws.turns[ticket%places])
		r.give(ctx, ws, b)
		ws.turns[(ticket+1)%places] <- struct{}{}
	}
}

// spins is how often a worker looks for its turn before it sleeps, which takes some
// microseconds. To fall asleep and be woken takes as long as it takes to give a
// batch, and then the other worker would wait in its turn, and so on.
const spins = 10_000

// await waits for a turn.
func await(turn <-chan struct{}) {
	for i := 0; i < spins && len(turn) == 0; i++ {
		continue
	}
	<-turn
}

// take is the next batch with its ticket, nil if there is none.
func (r *run) take(ctx context.Context, ws *workers, w *worker) (*Batch, int64) {
	ws.collect.Lock()
	defer ws.collect.Unlock()
	if ws.over {
		return nil, 0
	}
	b, err := r.next(ctx, w)
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
