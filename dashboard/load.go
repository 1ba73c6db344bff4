package dashboard

import (
	"context"
	"fmt"
	"slices"

	"inv/internal/fetch"
)

// Bounds of what is read before the dashboard began: it is for looking at the
// present, and its memory must not grow with the topics.
const (
	newestRange = 10_000  // offsets of a partition that are read at a time, for the current numbers
	chartRange  = 2_000   // the same for the charts, whose records are kept until they are turned around
	pastRange   = 200_000 // the same for reorders, receipts and dead letters
	alertsRange = 400
)

// span is what of a partition is still to be read.
type span struct{ from, to int64 }

// loader reads what was in the topics when the dashboard began.
type loader struct {
	cluster *fetch.Cluster
	hub     *Hub
	sources map[string]Source
	now     func() int64
	log     func(string)
	decoder *fetch.Decoder
}

func streamOptions() fetch.StreamOptions {
	return fetch.StreamOptions{MaxBytes: 1 << 20, PartitionBytes: 512 << 10, Wait: followWait}
}

// read passes the records of the spans on as they come.
func (l *loader) read(ctx context.Context, spans map[fetch.ID]span, each func(*fetch.Record)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var positions []fetch.Position
	for id, s := range spans {
		if s.from < s.to {
			positions = append(positions, fetch.Position{ID: id, Offset: s.from, Stop: s.to})
		}
	}
	if len(positions) == 0 {
		return nil
	}
	slices.SortFunc(positions, func(a, b fetch.Position) int { return int(a.Partition - b.Partition) })
	stream := l.cluster.Stream(ctx, positions, streamOptions())
	for e := range stream.Events() {
		if e.Notice != "" {
			l.log(e.Notice)
		}
		for i := range e.Chunks {
			c := &e.Chunks[i]
			stop := spans[fetch.ID{Topic: c.Topic, Partition: c.Partition}].to
			err := l.decoder.Each(c, func(r *fetch.Record) bool {
				if r.Offset < stop {
					each(r)
				}
				return r.Offset < stop
			})
			if err != nil {
				l.log(fmt.Sprintf("skipped a part of a topic: %v", err))
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return stream.Err()
}

// kept is a record's copy in the arena of a turn.
type kept struct {
	topic             string
	partition         int32
	offset, timestamp int64
	key, value        []byte
	tombstone         bool
}

func keep(r *fetch.Record, arena []byte) (kept, []byte) {
	start := len(arena)
	arena = append(arena, r.Key...)
	middle := len(arena)
	arena = append(arena, r.Value...)
	return kept{
		r.Topic, r.Partition, r.Offset, r.Timestamp,
		arena[start:middle:middle], arena[middle:len(arena):len(arena)], r.Value == nil,
	}, arena
}

func (k *kept) record(s Source) *Record {
	r := &Record{Source: s, Topic: k.topic, Partition: k.partition, Offset: k.offset, Timestamp: k.timestamp, Key: k.key, Value: k.value}
	if k.tombstone {
		r.Value = nil
	}
	return r
}

// back reads spans backwards, in ranges of size offsets of each partition. Of
// each range, the records that are wanted are given to use, the newest of each
// partition first; use returns true when it has seen enough.
func (l *loader) back(ctx context.Context, spans map[fetch.ID]span, size int64, wanted func(*fetch.Record) bool, use func([]kept) (enough bool)) error {
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
		records := map[int32][]kept{}
		arena = arena[:0]
		err := l.read(ctx, turn, func(r *fetch.Record) {
			if wanted(r) {
				var k kept
				k, arena = keep(r, arena)
				records[r.Partition] = append(records[r.Partition], k)
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

// atOnce is how many records are folded before others may look at the model.
const atOnce = 500

// fold gives records to the model in small portions.
func (l *loader) fold(source Source, records []kept, apply func(*Model, *Record)) {
	for part := range slices.Chunk(records, atOnce) {
		l.hub.Update(func(m *Model) {
			for i := range part {
				apply(m, part[i].record(source))
			}
		})
	}
}

// forward folds spans in their order.
func (l *loader) forward(ctx context.Context, spans map[fetch.ID]span, apply func(*Model, *Record)) error {
	return l.read(ctx, spans, func(r *fetch.Record) {
		l.hub.Update(func(m *Model) { apply(m, l.record(r)) })
	})
}

func (l *loader) record(r *fetch.Record) *Record {
	return &Record{
		Source: l.sources[r.Topic], Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: r.Key, Value: r.Value, Header: r.Header,
	}
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
		}, func(records []kept) bool {
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
	err := l.back(ctx, spans, alertsRange, func(*fetch.Record) bool { return true }, func(records []kept) bool {
		for i := range records {
			r := records[i].record(Alerts)
			r.Key, r.Value = nil, slices.Clone(r.Value)
			found = append(found, r)
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
	return l.back(ctx, spans, chartRange, all, func(records []kept) bool {
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
		err := l.back(ctx, earlier, newestRange, wanted, func(records []kept) bool {
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
