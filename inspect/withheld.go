package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"inv/internal/kafka/fetch"
)

// ErrWithheld is wrapped by the notice on records that an open transaction withholds.
var ErrWithheld = errors.New("withheld by an open transaction")

const (
	// A following run reports a transaction that stays open for this long: those of a
	// busy topic come and go.
	openFor = 2 * time.Second
	// A finite run has this much time to look for open transactions at its end.
	withheldLimit = 2 * time.Second
)

// held is what an open transaction withholds of a partition.
type held struct {
	from, to int64 // offsets
	since    time.Time
}

// withheld watches for open transactions while following. It is reported once.
type withheld struct {
	open     map[fetch.ID]held
	reported bool
}

// watch notes the open transaction of a chunk's partition, and returns true once one
// has been open for long.
func (w *withheld) watch(c *fetch.Chunk, now time.Time) bool {
	id := c.ID()
	if c.LastStable < 0 || c.LastStable >= c.HighWatermark {
		delete(w.open, id)
		return false
	}
	h, known := w.open[id]
	if !known || h.from != c.LastStable {
		h = held{from: c.LastStable, since: now}
	}
	h.to = c.HighWatermark
	w.open[id] = h
	return now.Sub(h.since) >= openFor
}

// stuck returns the transactions that are not of a busy topic: those of other brokers
// are seen a little later than the first.
func (w *withheld) stuck(now time.Time) map[fetch.ID]held {
	open := maps.Clone(w.open)
	maps.DeleteFunc(open, func(_ fetch.ID, h held) bool { return now.Sub(h.since) < openFor/2 })
	return open
}

// reportWithheld reports, once in a run, what open transactions withhold.
func (t *tail) reportWithheld(open map[fetch.ID]held) {
	if len(open) == 0 || t.withheld.reported {
		return
	}
	t.withheld.reported = true
	var texts []string
	for _, id := range slices.SortedFunc(maps.Keys(open), fetch.ID.Compare) {
		h := open[id]
		texts = append(texts, fmt.Sprintf("%s p%d@%d (%s)", id.Topic, id.Partition, h.from, offsets(h.to-h.from)))
	}
	t.unreadable(fmt.Errorf("%w: %s", ErrWithheld, list(texts)))
}

// checkWithheld reports what open transactions withhold behind the ends of a finite run.
func (t *tail) checkWithheld(ctx context.Context, topics []*fetch.Topic, spans []fetch.Span) {
	ctx, cancel := context.WithTimeout(ctx, withheldLimit)
	defer cancel()
	// The high watermarks first: taken later, they could be behind records that were
	// committed in between.
	highs, err := t.highs.Offsets(ctx, topics, fetch.End)
	if err != nil {
		return // the run was complete without it
	}
	stable, err := t.cluster.Offsets(ctx, topics, fetch.End)
	if err != nil {
		return
	}
	open := map[fetch.ID]held{}
	for _, s := range spans {
		if end := stable[s.ID]; end == s.To && end < highs[s.ID] { // the same as at the start
			open[s.ID] = held{from: end, to: highs[s.ID]}
		}
	}
	t.reportWithheld(open)
}

func offsets(n int64) string {
	if n == 1 {
		return "1 offset"
	}
	return fmt.Sprint(n, " offsets")
}
