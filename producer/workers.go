package producer

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// workers render the records of a run. Each takes the next batch of the schedule,
// renders it, and passes it to the sink when it is its turn, so the order is that of a
// single worker. Until then a worker keeps its batches, whose bytes are in its
// processor's cache, and renders more, so that a delayed worker does not delay the
// others. With one batch each, they fell asleep, took longer to wake up than to render
// a batch, and kept delaying each other.
type workers struct {
	*run
	eager bool // there are enough processors to spin for a turn

	waits    sync.Mutex // held while waiting until a record is due; locked before planning
	planning sync.Mutex // guards the run's schedule and the following fields
	issued   int64      // tickets, in the order of the schedule
	over     bool
	ended    error // why the run is over early

	// turns has a channel for each ticket that can be outstanding. The worker that
	// receives from it may submit the ticket's batch.
	turns []chan struct{}

	err  error // of the first batch that the sink rejected; belongs to the worker whose turn it is
	stop context.CancelCauseFunc
}

// ahead is how many batches a worker renders before it waits for its turn: together
// they take about as long as waking up. More of them, with headers, would not fit in
// the processor's second-level cache.
const ahead = 3

// patience is how long a worker spins for its turn before it sleeps: about the time it
// takes to wake up.
const patience = 200 * time.Microsecond

// work runs n workers, one of them the caller, until there are no more records, the
// sink fails or ctx ends.
func (r *run) work(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ws := &workers{run: r, eager: n <= runtime.GOMAXPROCS(0), stop: stop, turns: make([]chan struct{}, n*ahead)}
	for i := range ws.turns {
		ws.turns[i] = make(chan struct{}, 1)
	}
	ws.turn(0) <- struct{}{}
	var others sync.WaitGroup
	for range n - 1 {
		others.Go(func() { ws.work(ctx) })
	}
	ws.work(ctx)
	others.Wait()
	if ws.err != nil {
		return ws.err
	}
	return ws.ended
}

// turn returns the channel on which a ticket gets its turn.
func (ws *workers) turn(ticket int64) chan struct{} { return ws.turns[ticket%int64(len(ws.turns))] }

// pending is a batch that waits for its turn.
type pending struct {
	batch  *Batch
	ticket int64
}

// work runs a worker.
func (ws *workers) work(ctx context.Context) {
	w, lent := &worker{}, newBatches()
	own := make([]pending, 0, ahead) // the oldest first
	var l lookout
	for {
		b, ticket := ws.receive(ctx, lent, len(own) == 0)
		if b != nil {
			ws.renderer.render(w, b)
			lent.filled(b)
			own = append(own, pending{b, ticket})
		} else if len(own) == 0 {
			return
		}
		if b == nil || len(own) == cap(own) { // nothing else to do
			ws.await(own[0].ticket, &l)
			own = ws.submit(ctx, own)
		}
		for len(own) > 0 && ws.comes(own[0].ticket) {
			own = ws.submit(ctx, own)
		}
	}
}

// comes reports whether it is a ticket's turn.
func (ws *workers) comes(ticket int64) bool {
	select {
	case <-ws.turn(ticket):
		return true
	default:
		return false
	}
}

// lookout decides whether to spin for a turn. After spinning in vain, because the sink
// is slow or another program uses the other processor, a worker sleeps at once the next
// times: twice as often after each failure in a row.
type lookout struct{ skip, after int }

const leastSkip, mostSkip = 8, 1024

func (l *lookout) look(appears func() bool) {
	switch {
	case l.skip > 0:
		l.skip--
	case appears():
		l.after = 0
	default:
		l.after = min(max(2*l.after, leastSkip), mostSkip)
		l.skip = l.after
	}
}

// await waits for a ticket's turn.
func (ws *workers) await(ticket int64, l *lookout) {
	turn := ws.turn(ticket)
	if ws.eager {
		l.look(func() bool { return appears(turn) })
	}
	<-turn
}

// appears spins until it is a turn; false if that takes longer than patience.
func appears(turn <-chan struct{}) bool {
	begin := time.Now()
	for look := 1; len(turn) == 0; look++ {
		if look%256 == 0 && time.Since(begin) > patience {
			return false
		}
	}
	return true
}

// submit writes a worker's oldest batch to the sink, unless an earlier one failed, and
// passes the turn on. It returns the other batches.
func (ws *workers) submit(ctx context.Context, own []pending) []pending {
	b := own[0].batch
	if ws.err == nil && b.wrong != nil {
		ws.err = b.wrong
		ws.stop(ws.err)
	}
	if ws.err != nil {
		b.Release()
	} else {
		count := ws.count(b)
		if ws.err = ws.sink.Write(ctx, b); ws.err != nil {
			ws.stop(ws.err)
		} else {
			ws.add(count)
		}
	}
	ws.turn(own[0].ticket + 1) <- struct{}{}
	return slices.Delete(own, 0, 1)
}

// receive returns the next batch and its ticket. The batch is nil if no record is due,
// or, if wait is set, if there are no more.
func (ws *workers) receive(ctx context.Context, lent *batches, wait bool) (*Batch, int64) {
	if wait {
		ws.waits.Lock()
		defer ws.waits.Unlock()
	}
	b := lent.get()
	for {
		ticket, until, over := ws.next(ctx, b)
		if len(b.slots) > 0 {
			return b, ticket
		}
		if over || !wait {
			b.Release()
			return nil, 0
		}
		ws.clock.Sleep(ctx, until, ws.sink.Failed())
		select {
		case <-ws.sink.Failed():
			ws.end(ws.sink.Flush(ctx))
		default:
		}
	}
}

// next fills a batch with the records that are due and assigns it a ticket. If no record
// is due, it returns until when to wait, or that the run is over.
func (ws *workers) next(ctx context.Context, b *Batch) (ticket int64, until time.Time, over bool) {
	ws.planning.Lock()
	defer ws.planning.Unlock()
	ws.report()
	if ws.over || ctx.Err() != nil {
		return 0, until, true
	}
	now := ws.now()
	more := ws.collect(b, now)
	if err := ws.schedule.err; err != nil {
		b.slots = b.slots[:0]
		ws.over, ws.ended = true, err
		return 0, until, true
	}
	if n := len(b.slots); n > 0 {
		ws.made += int64(n)
		ws.issued++
		return ws.issued - 1, until, false
	}
	ws.over = !more && !ws.lasts(now)
	return 0, ws.wake(now), ws.over
}

// end ends the run early.
func (ws *workers) end(err error) {
	ws.planning.Lock()
	defer ws.planning.Unlock()
	ws.over, ws.ended = true, err
}
