package dashboard

import (
	"context"
	"errors"

	"inv/internal/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// countBelow is the distance between a group's offset and the end up to which
// the records are counted: commit markers take up offsets too, so that on a
// transactional topic the distance never becomes 0.
const countBelow = 64

// lagCounter counts what groups have yet to read. It remembers the last count
// of a partition, so that a topic at rest costs nothing.
type lagCounter struct {
	admin   *kadm.Client
	cluster *fetch.Cluster
	decoder *fetch.Decoder
	counted map[groupPartition]counted
}

type groupPartition struct {
	group string
	id    fetch.ID
}

type counted struct {
	span    span
	records int64
}

func newLagCounter(client *kgo.Client, cluster *fetch.Cluster) *lagCounter {
	return &lagCounter{kadm.NewClient(client), cluster, fetch.NewDecoder(), map[groupPartition]counted{}}
}

// lag is a group's lag over all that it has committed to.
func (l *lagCounter) lag(ctx context.Context, group string) Lag {
	lag := Lag{Group: group, Exact: true}
	committed, err := l.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) || len(committed) == 0 {
		return lag
	}
	var names []string
	for name := range committed {
		names = append(names, name)
	}
	topics, err := l.cluster.Topics(ctx, names...)
	if err != nil {
		return lag
	}
	var list []*fetch.Topic
	for _, t := range topics {
		list = append(list, t)
	}
	ends, err := l.cluster.Offsets(ctx, list, fetch.End)
	if err != nil {
		return lag
	}
	near := map[fetch.ID]span{}
	committed.Each(func(o kadm.OffsetResponse) {
		id := fetch.ID{Topic: o.Topic, Partition: o.Partition}
		end, ok := ends[id]
		if o.Err != nil || o.At < 0 || !ok {
			return
		}
		lag.Known = true
		switch distance := end - o.At; {
		case distance <= 0:
		case distance <= countBelow:
			near[id] = span{o.At, end}
		default:
			lag.Records += distance
			lag.Exact = false
		}
	})
	lag.Records += l.count(ctx, group, near)
	return lag
}

// count counts the data records of spans by reading those that it does not
// remember.
func (l *lagCounter) count(ctx context.Context, group string, spans map[fetch.ID]span) (records int64) {
	open := map[fetch.ID]int64{}
	var positions []fetch.Position
	for id, s := range spans {
		if known, ok := l.counted[groupPartition{group, id}]; ok && known.span == s {
			records += known.records
			continue
		}
		open[id] = 0
		positions = append(positions, fetch.Position{ID: id, Offset: s.from, Stop: s.to})
	}
	if len(positions) == 0 {
		return records
	}
	stream := l.cluster.Stream(ctx, positions, streamOptions())
	for e := range stream.Events() {
		for i := range e.Chunks {
			c := &e.Chunks[i]
			id := fetch.ID{Topic: c.Topic, Partition: c.Partition}
			err := l.decoder.Each(c, func(r *fetch.Record) bool {
				if r.Offset < spans[id].to {
					open[id]++
				}
				return true
			})
			if err != nil {
				open[id] = spans[id].to - spans[id].from // damaged: the offsets' word for it
			}
		}
	}
	for id, n := range open {
		records += n
		if ctx.Err() == nil && stream.Err() == nil {
			l.counted[groupPartition{group, id}] = counted{spans[id], n}
		}
	}
	return records
}
