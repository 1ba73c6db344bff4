package dashboard

import (
	"context"
	"fmt"
	"slices"

	"inv/internal/kafka/fetch"
)

// Bounds of the backfill: the dashboard shows the present, and its memory must not
// grow with the topics.
const (
	newestRange = 10_000  // offsets of a partition that are read at a time, for the current numbers
	chartRange  = 2_000   // the same for the charts, whose records are kept until they are turned around
	pastRange   = 200_000 // the same for reorders, receipts and dead letters
	alertsRange = 400
)

// span is the part of a partition that is still to be read.
type span struct{ from, to int64 }

// loader reads the records that the topics had when the dashboard began.
type loader struct {
	cluster *fetch.Cluster
	hub     *Hub
	sources map[string]Source
	now     func() int64
	log     func(string)
	decoder *fetch.Decoder
}

func streamOptions() fetch.StreamOptions {
	return fetch.StreamOptions{MaxBytes: 1 << 20, Patience: fetch.Forever}
}

// read passes on the records of the spans as they arrive.
func (l *loader) read(ctx context.Context, spans map[fetch.ID]span, each func(*fetch.Record)) error {
	var list []fetch.Span
	for id, s := range spans {
		list = append(list, fetch.Span{ID: id, From: s.from, To: s.to})
	}
	slices.SortFunc(list, func(a, b fetch.Span) int { return int(a.Partition - b.Partition) })
	options := fetch.ReadOptions{
		StreamOptions: streamOptions(), Decoder: l.decoder, Notice: l.log,
		Damaged: func(err error) { l.log(fmt.Sprintf("skipped a part of a topic: %v", err)) },
	}
	return l.cluster.Read(ctx, list, options, func(r *fetch.Record) bool { each(r); return true })
}

// back reads spans backwards, in ranges of size offsets of each partition. It calls
// use with the wanted records of each range, the newest of each partition first,
// until use returns true.
func (l *loader) back(ctx context.Context, spans map[fetch.ID]span, size int64, wanted func(*fetch.Record) bool, use func([]fetch.Record) (enough bool)) error {
	left := make(map[fetch.ID]span, len(spans))
	for id, s := range spans {
		left[id] = s
	}
	var arena []byte
	for len(left) > 0 {
		turn := make(map[fetch.ID]span, len(left))
		for id, s := range left {
			turn[id] = span{max(s.from, s.to-size), s.to}
		}
		records := map[int32][]fetch.Record{}
		arena = arena[:0]
		err := l.read(ctx, turn, func(r *fetch.Record) {
			if wanted(r) {
				var kept fetch.Record
				r.SetHeaders(nil) // nobody needs them
				kept, arena = r.CopyTo(arena)
				records[r.Partition] = append(records[r.Partition], kept)
			}
		})
		if err != nil {
			return err
		}
		enough := false
		for _, of := range records {
			slices.Reverse(of)
			enough = use(of)
		}
		if enough {
			return nil
		}
		for id, s := range turn {
			if left[id] = (span{left[id].from, s.from}); s.from <= left[id].from {
				delete(left, id)
			}
		}
	}
	return nil
}

// atOnce is how many records are folded while the model is locked.
const atOnce = 500

// fold folds records into the model in small portions.
func (l *loader) fold(source Source, records []fetch.Record, apply func(*Model, *Record)) {
	for part := range slices.Chunk(records, atOnce) {
		l.hub.Update(func(m *Model) {
			for i := range part {
				apply(m, &Record{source, &part[i]})
			}
		})
	}
}

// forward folds spans in their order.
func (l *loader) forward(ctx context.Context, spans map[fetch.ID]span, apply func(*Model, *Record)) error {
	return l.read(ctx, spans, func(r *fetch.Record) {
		l.hub.Update(func(m *Model) { apply(m, &Record{l.sources[r.Topic], r}) })
	})
}

// stock reads the updates backwards until the stock of every product in the
// catalogue is known, or there are no more.
func (l *loader) stock(ctx context.Context, spans map[fetch.ID]span) error {
	seen := map[string]struct{}{}
	// Half of a range has what is needed most often: start small.
	for size, rest := int64(2_000), spans; len(rest) > 0; size = newestRange {
		turn, older := map[fetch.ID]span{}, map[fetch.ID]span{}
		for id, s := range rest {
			middle := max(s.from, s.to-size)
			turn[id] = span{middle, s.to}
			if middle > s.from {
				older[id] = span{s.from, middle}
			}
		}
		err := l.back(ctx, turn, size, func(r *fetch.Record) bool {
			_, known := seen[string(r.Key)]
			return !known || len(r.Key) == 0
		}, func(records []fetch.Record) bool {
			l.fold(Updates, records, func(m *Model, r *Record) {
				m.Newest(r)
				if p := m.products[string(r.Key)]; p != nil && p.stocked {
					seen[string(r.Key)] = struct{}{}
				}
			})
			return false
		})
		if err != nil {
			return err
		}
		complete := false
		l.hub.Look(func(m *Model, _ int64) { complete = m.AllStocked() })
		if complete {
			return nil
		}
		rest = older
	}
	return nil
}

// lastAlerts reads the alerts backwards until the feed is full.
func (l *loader) lastAlerts(ctx context.Context, spans map[fetch.ID]span) error {
	var found []*Record
	err := l.back(ctx, spans, alertsRange, func(*fetch.Record) bool { return true }, func(records []fetch.Record) bool {
		for i := range records {
			found = append(found, &Record{Alerts, records[i].Clone()})
		}
		return len(found) >= feedLength
	})
	slices.SortStableFunc(found, func(a, b *Record) int { return int(a.Timestamp - b.Timestamp) })
	l.hub.Update(func(m *Model) {
		for _, r := range found[max(0, len(found)-feedLength):] {
			m.Apply(r, l.now())
		}
	})
	return err
}

// charts reads the updates of the last hour, the newest first.
func (l *loader) charts(ctx context.Context, spans map[fetch.ID]span, progress func(float64)) error {
	var total, done int64
	for _, s := range spans {
		total += s.to - s.from
	}
	all := func(*fetch.Record) bool { return true }
	return l.back(ctx, spans, chartRange, all, func(records []fetch.Record) bool {
		now := l.now()
		l.fold(Updates, records, func(m *Model, r *Record) { m.Older(r, now) })
		done += chartRange
		progress(min(float64(done)/float64(max(total, 1)), 1))
		return false
	})
}

// split divides spans at an offset of each; one without it is all early.
func split(spans map[fetch.ID]span, at map[fetch.ID]int64) (early, late map[fetch.ID]span) {
	early, late = make(map[fetch.ID]span, len(spans)), make(map[fetch.ID]span, len(spans))
	for id, s := range spans {
		middle, ok := at[id]
		if !ok || middle < 0 {
			middle = s.to
		}
		middle = max(s.from, min(middle, s.to))
		early[id], late[id] = span{s.from, middle}, span{middle, s.to}
	}
	return early, late
}

// undecided looks, in what is before the charts, for the updates that those in
// the charts are to be compared with: for the newest of each product, among the
// last pastRange offsets of each partition.
func (l *loader) undecided(ctx context.Context, earlier map[fetch.ID]span) error {
	var left map[string]struct{}
	l.hub.Look(func(m *Model, _ int64) { left = m.Undecided() })
	whole := true // nothing is further back, and nothing was deleted
	for id, s := range earlier {
		whole = whole && s.from == 0 && s.to <= pastRange
		earlier[id] = span{max(s.from, s.to-pastRange), s.to}
	}
	wanted := func(r *fetch.Record) bool {
		_, is := left[string(r.Key)]
		return is || len(r.Key) == 0
	}
	if len(left) > 0 {
		err := l.back(ctx, earlier, newestRange, wanted, func(records []fetch.Record) bool {
			now := l.now()
			l.fold(Updates, records, func(m *Model, r *Record) {
				if id := m.Before(r, now); id != "" {
					delete(left, id)
				}
			})
			return len(left) == 0
		})
		if err != nil {
			return err
		}
	}
	l.hub.Update(func(m *Model) { m.NothingOlder(whole, l.now()) })
	return nil
}
