package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"inv/internal/fetch"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// settleTime is how long the snapshot waits for transactions that were open when
// it came by; the processor's end after 10 s at the latest.
const settleTime = 20 * time.Second

// snapshot is what will be read: of each topic its partitions from their start
// to the last stable offset.
type snapshot struct {
	spans map[string][]fetch.Span
	open  []string // output topics with a transaction that stayed open
}

// names are the topics that exist in the options, without "".
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
	admin := kadm.NewClient(r.client)
	details, err := describe(ctx, admin, t.names())
	if err != nil {
		return nil, err
	}
	s := &snapshot{spans: map[string][]fetch.Span{}}
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
		topics := slices.DeleteFunc(step.topics, func(name string) bool { return !details.Has(name) })
		if len(topics) == 0 {
			continue
		}
		ends, open, err := stableEnds(ctx, admin, step.settle, topics)
		if err != nil {
			return nil, err
		}
		s.open = append(s.open, open...)
		starts, err := admin.ListStartOffsets(ctx, topics...)
		if err == nil {
			err = starts.Error()
		}
		if err != nil {
			return nil, err
		}
		for _, name := range topics {
			s.spans[name] = spansOf(details[name], starts, ends)
		}
	}
	return s, nil
}

// describe describes those of the topics that there are. One that may not be
// looked at is an error: it is not the same as one that is not there.
func describe(ctx context.Context, admin *kadm.Client, names []string) (kadm.TopicDetails, error) {
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, err
	}
	for name, d := range details {
		if errors.Is(d.Err, kerr.TopicAuthorizationFailed) {
			return nil, fmt.Errorf("topic %s: %w", name, d.Err)
		}
		if d.Err != nil || len(d.Partitions) == 0 {
			delete(details, name)
		}
	}
	return details, nil
}

func spansOf(detail kadm.TopicDetail, starts, ends kadm.ListedOffsets) []fetch.Span {
	var spans []fetch.Span
	for _, p := range detail.Partitions.Sorted() {
		start, _ := starts.Lookup(detail.Topic, p.Partition)
		end, _ := ends.Lookup(detail.Topic, p.Partition)
		id := fetch.ID{Topic: detail.Topic, Partition: p.Partition}
		spans = append(spans, fetch.Span{ID: id, From: start.Offset, To: end.Offset})
	}
	return spans
}

// stableEnds returns the last stable offsets. If it is to settle, they are at
// least the high watermarks that were there when it was called; topics where a
// transaction stays open too long for that are returned as open.
func stableEnds(ctx context.Context, admin *kadm.Client, settle bool, topics []string) (ends kadm.ListedOffsets, open []string, err error) {
	var high kadm.ListedOffsets
	if settle {
		if high, err = admin.ListEndOffsets(ctx, topics...); err != nil {
			return nil, nil, err
		}
	}
	deadline := time.Now().Add(settleTime)
	for {
		if ends, err = admin.ListCommittedOffsets(ctx, topics...); err != nil {
			return nil, nil, err
		}
		if err := ends.Error(); err != nil {
			return nil, nil, err
		}
		behind := map[string]bool{}
		high.Each(func(h kadm.ListedOffset) {
			if e, ok := ends.Lookup(h.Topic, h.Partition); !ok || e.Offset < h.Offset {
				behind[h.Topic] = true
			}
		})
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

// restState is how far everything was at one moment. Two that are at rest and
// equal say that nothing happened between them.
type restState struct {
	why  string // why it is not at rest, or ""
	ends map[fetch.ID]int64
}

// rest looks at the groups' committed offsets and at the ends of all topics: the
// system's, and those that a group has read besides, such as the repartition
// topics of Kafka Streams.
func (r *reader) rest(ctx context.Context, o Options) (*restState, error) {
	state := &restState{ends: map[fetch.ID]int64{}}
	if len(o.Groups) == 0 {
		state.why = "no consumer group is known whose offsets would tell; name them with --group"
	}
	cluster := fetch.NewCluster(r.client, true)
	counter := kafka.NewLagCounter(r.client, 1, 0)
	names := o.Topics.names()
	committed := make([]map[fetch.ID]int64, len(o.Groups))
	for i, g := range o.Groups {
		var err error
		committed[i], err = cluster.Committed(kadm.RequireStable(ctx), g.Name)
		if errors.Is(err, kerr.UnstableOffsetCommit) {
			state.why = fmt.Sprintf("a transaction of group %s is open", g.Name)
		} else if err != nil {
			return nil, err
		}
		for id := range committed[i] {
			names = append(names, id.Topic)
		}
	}
	slices.Sort(names)
	admin := kadm.NewClient(r.client)
	details, err := describe(ctx, admin, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	if err := stableEndsOf(ctx, admin, details, state); err != nil {
		return nil, err
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
		state.why = fmt.Sprintf("group %s has read nothing; is it another --app-id, or another processor's --group?", g.Name)
	default:
		state.why = fmt.Sprintf("group %s has more to read on %s partition %d", g.Name, unread[0].Topic, unread[0].Partition)
	}
	return nil
}

// stableEndsOf lists the last stable offsets into the state and finds open
// transactions.
func stableEndsOf(ctx context.Context, admin *kadm.Client, details kadm.TopicDetails, state *restState) error {
	if len(details) == 0 {
		return nil
	}
	stable, err := admin.ListCommittedOffsets(ctx, details.Names()...)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return err
	}
	high, err := admin.ListEndOffsets(ctx, details.Names()...)
	if err == nil {
		err = high.Error()
	}
	if err != nil {
		return err
	}
	stable.Each(func(l kadm.ListedOffset) {
		state.ends[fetch.ID{Topic: l.Topic, Partition: l.Partition}] = l.Offset
		if h, _ := high.Lookup(l.Topic, l.Partition); h.Offset != l.Offset && state.why == "" {
			state.why = fmt.Sprintf("a transaction is open on %s partition %d", l.Topic, l.Partition)
		}
	})
	return nil
}
