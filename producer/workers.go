package producer

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// workers render the records of a run. Each gets the next batch of the schedule,
// renders it, and hands it to the sink when it is its turn, so the order is that of a
// single worker. While it is another's turn, a worker keeps its batches, whose bytes
// are in its processor's cache, and renders more, so that a delayed worker does not
// delay the others. With one batch each they fell asleep, woke up later than it takes
// to render a batch, and delayed each other for good.
type workers struct {
	*run
	eager bool // there are enough processors to spin for a turn

	waits    sync.Mutex // of the one that waits until something is due; before planning
	planning sync.Mutex // of what belongs to the schedule: the run's, and:
	issued   int64      // tickets, in the order of the schedule
	over     bool
	ended    error // why it is over before its end

	// turns has a place for each of the tickets that can be out. Whoever gets
	// something from it may give its batch.
	turns []chan struct{}

	err  error // of the first batch that the sink did not take; of the one whose turn it is
	stop context.CancelCauseFunc
}

// ahead is how many batches a worker renders before it waits for its turn: about as
// many as take as long as waking up. More of those with headers don't fit into the
// processor's second-level cache.
const ahead = 3

// patience is how long a worker spins for its turn before it sleeps: about as long as
// waking up takes.
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

// turn returns the channel on which this ticket gets its turn.
func (ws *workers) turn(ticket int64) chan struct{} { return ws.turns[ticket%int64(len(ws.turns))] }

// pending is a batch that waits for its turn.
type pending struct {
	batch  *Batch
	ticket int64
}

// work is one worker.
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
		if b == nil || len(own) == cap(own) { // there is nothing else to do
			ws.await(own[0].ticket, &l)
			own = ws.submit(ctx, own)
		}
		for len(own) > 0 && ws.comes(own[0].ticket) {
			own = ws.submit(ctx, own)
		}
	}
}

// comes reports whether it is the turn of this ticket.
func (ws *workers) comes(ticket int64) bool {
	select {
	case <-ws.turn(ticket):
		return true
	default:
		return false
	}
}

// lookout remembers whether spinning for a turn has paid. If it has not, because the
// sink is slow or another program has the other processor, a worker sleeps at once
// the next times: more of them, the more often in a row spinning failed.
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

// await waits for the turn of this ticket.
func (ws *workers) await(ticket int64, l *lookout) {
	turn := ws.turn(ticket)
	if ws.eager {
		l.look(func() bool { return appears(turn) })
	}
	<-turn
}

// appears spins for a turn for the worker's patience.
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

// receive returns the next batch with its ticket; nil if nothing is due, or, if it may
// wait, if there are no more records.
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

// next fills a batch with what is due and assigns it a ticket. If nothing is due, it
// returns until when to wait, or that the run is over.
func (ws *workers) next(ctx context.Context, b *Batch) (ticket int64, until time.Time, over bool) {
	ws.planning.Lock()
	defer ws.planning.Unlock()
	ws.report()
	if ws.over || ctx.Err() != nil {
		return 0, until, true
	}
	now := ws.now()
	more := ws.collect(b, now)
	if n := len(b.slots); n > 0 {
		ws.made += int64(n)
		ws.issued++
		return ws.issued - 1, until, false
	}
	ws.over = !more && !ws.lasts(now)
	return 0, ws.wake(now), ws.over
}

// end ends the run before its end.
func (ws *workers) end(err error) {
	ws.planning.Lock()
	defer ws.planning.Unlock()
	ws.over, ws.ended = true, err
}
