package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// settleTime is how long the snapshot waits for open transactions; the processor's
// end within 10 s.
const settleTime = 20 * time.Second

// snapshot is the ranges to read: each partition from its start to the last stable
// offset.
type snapshot struct {
	spans map[string][]fetch.Span
	open  []string // output topics with a transaction that stayed open
}

// names returns the topics that exist in the options, without "".
func (t Topics) names() []string {
	all := []string{t.Catalog, t.Orders, t.Receipts, t.Updates, t.Reorders, t.Alerts, t.Log, t.PendingReceipts,
		deadLetters(t.Catalog), deadLetters(t.Orders), deadLetters(t.Receipts), deadLetters(t.Reorders)}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" || name == deadLetters("") })
}

// snapshot fixes the ends, effects before their causes: updates and dead letters
// first, then the receipts that these come from, then the reorders that receipts
// come from, and the orders and the catalogue last. So whatever is in the snapshot has its
// cause in it. An output's end waits for the transactions that were open when it
// was asked for, since their records may already show in an earlier topic.
func (r *reader) snapshot(ctx context.Context, t Topics) (*snapshot, error) {
	s := &snapshot{spans: map[string][]fetch.Span{}}
	known := t.names()
	for _, step := range []struct {
		settle bool
		topics []string
	}{
		{true, []string{t.Updates}},
		{true, []string{deadLetters(t.Catalog), deadLetters(t.Orders), deadLetters(t.Receipts), deadLetters(t.Reorders)}},
		{true, []string{t.Receipts, t.PendingReceipts}},
		{true, []string{t.Reorders, t.Alerts}},
		{false, []string{t.Orders, t.Catalog}},
	} {
		topics := slices.DeleteFunc(step.topics, func(name string) bool { return !slices.Contains(known, name) })
		ends, open, err := StableEnds(ctx, r.client, step.settle, topics)
		if err != nil {
			return nil, err
		}
		s.open = append(s.open, open...)
		starts, err := kafka.Starts(ctx, r.client, topics...)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.SortedFunc(maps.Keys(ends), fetch.ID.Compare) {
			s.spans[id.Topic] = append(s.spans[id.Topic], fetch.Span{ID: id, From: starts[id], To: ends[id]})
		}
	}
	return s, nil
}

// StableEnds returns the last stable offsets. If it is to settle, they are at
// least the high watermarks that were there when it was called; topics where a
// transaction stays open too long for that are returned as open.
func StableEnds(ctx context.Context, client *kgo.Client, settle bool, topics []string) (ends map[fetch.ID]int64, open []string, err error) {
	var high map[fetch.ID]int64
	if settle {
		if high, err = kafka.Ends(ctx, client, topics...); err != nil {
			return nil, nil, err
		}
	}
	deadline := time.Now().Add(settleTime)
	for {
		if ends, err = kafka.StableEnds(ctx, client, topics...); err != nil {
			return nil, nil, err
		}
		behind := map[string]bool{}
		for id, end := range high {
			if ends[id] < end {
				behind[id.Topic] = true
			}
		}
		if len(behind) == 0 || time.Now().After(deadline) {
			return ends, slices.Sorted(maps.Keys(behind)), nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// restState is the progress at one moment. If two are at rest and equal, nothing
// happened in between.
type restState struct {
	why    string // why it is not at rest, or ""
	unrest Unrest
	ends   map[fetch.ID]int64
}

// rest looks at the groups' committed offsets and at the ends of all topics: the
// system's, and those that a group has read besides, such as the repartition
// topics of Kafka Streams.
func (r *reader) rest(ctx context.Context, o Options) (*restState, error) {
	state := &restState{}
	if len(o.Groups) == 0 {
		state.why, state.unrest = "no consumer group is known whose offsets would tell", NoGroups
	}
	cluster := fetch.NewCluster(r.client, true)
	counter := kafka.NewLagCounter(r.client, 1, 0)
	names := o.Topics.names()
	committed := make([]map[fetch.ID]int64, len(o.Groups))
	for i, g := range o.Groups {
		var err error
		committed[i], err = cluster.Committed(kadm.RequireStable(ctx), g.Name)
		if errors.Is(err, kerr.UnstableOffsetCommit) {
			state.why, state.unrest = fmt.Sprintf("a transaction of group %s is open", g.Name), Busy
		} else if err != nil {
			return nil, err
		}
		for id := range committed[i] {
			names = append(names, id.Topic)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var err error
	if state.ends, err = kafka.StableEnds(ctx, r.client, names...); err != nil {
		return nil, err
	}
	high, err := kafka.Ends(ctx, r.client, names...)
	if err != nil {
		return nil, err
	}
	for id, end := range state.ends {
		if high[id] != end && state.why == "" {
			state.why, state.unrest = fmt.Sprintf("a transaction is open on %s partition %d", id.Topic, id.Partition), Busy
		}
	}
	for i, g := range o.Groups {
		if state.why != "" {
			break
		}
		if err := groupRest(ctx, counter, g, committed[i], state); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// groupRest checks whether a group has read all data records of its topics: those
// that it should read, and those that it has read besides.
func groupRest(ctx context.Context, counter *kafka.LagCounter, g Group, committed map[fetch.ID]int64, state *restState) error {
	reads := slices.Clone(g.Topics)
	for id := range committed {
		reads = append(reads, id.Topic)
	}
	ends := maps.Clone(state.ends)
	maps.DeleteFunc(ends, func(id fetch.ID, _ int64) bool { return !slices.Contains(reads, id.Topic) })
	unread, err := counter.Unread(ctx, g.Name, ends)
	switch {
	case err != nil || len(unread) == 0:
		return err
	case len(committed) == 0:
		state.why, state.unrest = fmt.Sprintf("group %s has read nothing", g.Name), NothingRead
	default:
		state.why, state.unrest = fmt.Sprintf("group %s has more to read on %s partition %d", g.Name, unread[0].Topic, unread[0].Partition), Unread
	}
	return nil
}
