package inspect

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"inv/internal/kafka/fetch"
)

// span is the part of a partition that the search for its last records has not read
// yet, and the records found after it.
type span struct {
	fetch.Span
	found  []*Record // in offset order
	window []*Record // those of the window being read
}

// The first window is a little larger than n, because of commit markers between
// records; each further one is four times as large.
const (
	lookSlack  = 16
	lookGrowth = 4
	maxLook    = 1 << 17
	lookBytes  = 128 << 10 // of a partition, in a response
)

// last returns the last n records that pass the filter: of the last n by offset of
// each partition, the last n by timestamp, partition and offset, in that order.
func (t *tail) last(ctx context.Context, spans []*span, n int) ([]*Record, error) {
	look := int64(2*n + lookSlack)
	for {
		var window []fetch.Span
		byID := map[fetch.ID]*span{}
		for _, s := range spans {
			if len(s.found) >= n || s.To <= s.From {
				continue
			}
			part := s.Span
			part.From = max(s.From, s.To-look)
			window = append(window, part)
			byID[s.ID] = s
			s.To, s.window = part.From, s.window[:0]
		}
		if len(window) == 0 {
			break
		}
		options := fetch.ReadOptions{Decoder: t.decoder, Notice: t.notice, Damaged: t.unreadable}
		options.PartitionBytes, options.Known = lookBytes, t.known
		err := t.cluster.Read(ctx, window, options, func(r *Record) bool {
			if t.pass(r) {
				byID[fetch.ID{Topic: r.Topic, Partition: r.Partition}].keep(r, n)
			}
			return true
		})
		if err != nil {
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

// keep adds a record and drops those that can't be among the last n.
func (s *span) keep(r *Record, n int) {
	most := 2 * n // dropping one at a time would move the others each time
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
	slices.SortFunc(all, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Partition, b.Partition),
			cmp.Compare(a.Offset, b.Offset), strings.Compare(a.Topic, b.Topic))
	})
	return all[max(0, len(all)-n):]
}
