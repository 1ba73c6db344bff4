package inspect

import (
	"context"
	"sort"

	"inv/internal/fetch"
)

// span is the part of a partition that a search for its last records has not
// looked at yet, [start, end), and what it has found behind it.
type span struct {
	id         fetch.ID
	topicID    [16]byte
	start, end int64
	found      []*Record // in offset order
	window     []*Record // the matches of the window being read
}

// The first look goes back a little further than n, for commit markers stand
// between the records; each further one goes back four times as far.
const (
	lookSlack  = 16
	lookGrowth = 4
	maxLook    = 1 << 17
)

// last finds the n last records by time of the partitions: each partition's
// last n that pass the filter, by offset, and of these the last n by timestamp,
// partition, offset. They come back in that order.
func (t *tail) last(ctx context.Context, spans []*span, n int) ([]*Record, error) {
	look := int64(2*n + lookSlack)
	for {
		var positions []fetch.Position
		byID := map[fetch.ID]*span{}
		for _, s := range spans {
			if len(s.found) >= n || s.end <= s.start {
				continue
			}
			from := max(s.start, s.end-look)
			positions = append(positions, fetch.Position{ID: s.id, TopicID: s.topicID, Offset: from, Stop: s.end})
			byID[s.id] = s
			s.end, s.window = from, s.window[:0]
		}
		if len(positions) == 0 {
			break
		}
		if err := t.readWindows(ctx, positions, byID, n); err != nil {
			return nil, err
		}
		for _, s := range byID {
			s.found = append(s.window[:len(s.window):len(s.window)], s.found...)
			s.found = s.found[max(0, len(s.found)-n):]
			s.window = nil
		}
		look = min(look*lookGrowth, maxLook)
	}
	return newest(spans, n), nil
}

// readWindows reads one window of each partition.
func (t *tail) readWindows(ctx context.Context, positions []fetch.Position, byID map[fetch.ID]*span, n int) error {
	stops := map[fetch.ID]int64{}
	for _, p := range positions {
		stops[p.ID] = p.Stop
	}
	options := lookOptions
	options.Known = t.known
	stream := t.cluster.Stream(ctx, positions, options)
	for event := range stream.Events() {
		t.notice(event.Notice)
		for i := range event.Chunks {
			c := &event.Chunks[i]
			id := fetch.ID{Topic: c.Topic, Partition: c.Partition}
			s, stop := byID[id], stops[id]
			err := t.decoder.Each(c, func(r *Record) bool {
				if r.Offset >= stop {
					return false
				}
				t.stats.Read++
				t.decode(r)
				if t.filter.match(r) {
					s.keep(r, n)
				}
				return true
			})
			if err != nil {
				t.unreadable(err)
			}
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return stream.Err()
}

// keep adds a match, and drops the ones that can't be among the last n.
func (s *span) keep(r *Record, n int) {
	most := 2 * n // dropping one by one would move the others each time
	if len(r.Value) > keepBuffer {
		most = n
	}
	if len(s.window) >= most {
		kept := copy(s.window, s.window[len(s.window)-n+1:])
		clear(s.window[kept:])
		s.window = s.window[:kept]
	}
	s.window = append(s.window, r.Clone())
}

func newest(spans []*span, n int) []*Record {
	var all []*Record
	for _, s := range spans {
		all = append(all, s.found...)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.Timestamp != b.Timestamp:
			return a.Timestamp < b.Timestamp
		case a.Partition != b.Partition:
			return a.Partition < b.Partition
		case a.Offset != b.Offset:
			return a.Offset < b.Offset
		}
		return a.Topic < b.Topic
	})
	return all[max(0, len(all)-n):]
}
