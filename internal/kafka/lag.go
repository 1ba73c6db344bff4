package kafka

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Lag is where a group stands in one partition. Offsets alone don't tell: the
// last offset of a transactional topic is a commit marker that no consumer is
// given, so end minus committed never becomes 0 there.
type Lag struct {
	Topic     string
	Partition int32
	Committed int64 // -1: the group has committed nothing here
	End       int64 // the high watermark
	Stable    int64 // the last stable offset; below End while a transaction is open
	Records   int64 // committed data records that the group has yet to read
	Exact     bool  // false: more than were counted; Records is what the offsets give at most
}

// AtRest says that nothing is left to read: no data record between the
// committed offset and the end, and no open transaction.
func (l Lag) AtRest() bool { return l.Records == 0 && l.Stable == l.End }

// countAtMost bounds the records that one partition's lag is counted by reading.
const countAtMost = 10_000

// GroupLag is the group's lag in every partition of the topics that it has
// committed to and of those named, sorted by topic and partition. A partition
// without a commit counts from its start. A named topic that doesn't exist has
// no partitions.
func GroupLag(ctx context.Context, c Config, group string, topics ...string) ([]Lag, error) {
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var committed kadm.OffsetResponses
	err = retry(ctx, func() error {
		committed, err = admin.FetchOffsets(ctx, group)
		return err
	})
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("reading the offsets of group %s: %w", group, err)
	}
	named := map[string]bool{}
	for _, t := range topics {
		named[t] = true
	}
	for t := range committed {
		if !named[t] {
			topics = append(topics, t)
		}
	}
	if len(topics) == 0 {
		return nil, nil
	}
	lags, starts, err := ends(ctx, admin, topics)
	if err != nil {
		return nil, err
	}
	spans := make([]Span, len(lags))
	for i := range lags {
		l := &lags[i]
		l.Committed = -1
		from := starts[i]
		if o, ok := committed.Lookup(l.Topic, l.Partition); ok && o.Err == nil && o.At >= 0 {
			l.Committed, from = o.At, max(o.At, from)
		}
		spans[i] = Span{l.Topic, l.Partition, from, l.Stable}
	}
	counts, err := CountRecords(ctx, c, countAtMost, spans...)
	if err != nil {
		return nil, err
	}
	for i := range lags {
		lags[i].Records, lags[i].Exact = counts[i], counts[i] < countAtMost
		if !lags[i].Exact {
			lags[i].Records = spans[i].To - spans[i].From
		}
	}
	return lags, nil
}

// ends lists the partitions of topics with their high watermark and last stable
// offset, and beside them where each log starts.
func ends(ctx context.Context, admin *kadm.Client, topics []string) (lags []Lag, starts []int64, err error) {
	// The stable offsets first: taken after the ends they could hide a
	// transaction that began in between.
	stable, err := admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("listing stable offsets: %w", err)
	}
	high, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("listing end offsets: %w", err)
	}
	low, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("listing start offsets: %w", err)
	}
	var failed error
	high.Each(func(o kadm.ListedOffset) {
		if errors.Is(o.Err, kerr.UnknownTopicOrPartition) {
			return
		}
		s, _ := stable.Lookup(o.Topic, o.Partition)
		l, _ := low.Lookup(o.Topic, o.Partition)
		if err := errors.Join(o.Err, s.Err, l.Err); err != nil {
			failed = fmt.Errorf("offsets of %s/%d: %w", o.Topic, o.Partition, err)
			return
		}
		lags = append(lags, Lag{Topic: o.Topic, Partition: o.Partition, End: o.Offset, Stable: s.Offset})
	})
	if failed != nil {
		return nil, nil, failed
	}
	sort.Slice(lags, func(i, j int) bool {
		return lags[i].Topic < lags[j].Topic || lags[i].Topic == lags[j].Topic && lags[i].Partition < lags[j].Partition
	})
	for _, l := range lags {
		o, _ := low.Lookup(l.Topic, l.Partition)
		starts = append(starts, o.Offset)
	}
	return lags, starts, nil
}
