package kafka

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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

// Span is a range of offsets in one partition, To excluded.
type Span struct {
	Topic     string
	Partition int32
	From, To  int64
}

// countIdle is how long a partition may give nothing before what is left of its
// span is taken for empty: compaction can have removed all of it, and then no
// record ever says that the end is reached.
const countIdle = 3 * time.Second

// CountRecords counts the committed data records in each span by reading them,
// up to limit in each. Control records and what was aborted don't count. The
// spans must end at or below the last stable offset and name each partition at
// most once.
func CountRecords(ctx context.Context, c Config, limit int64, spans ...Span) ([]int64, error) {
	counts := make([]int64, len(spans))
	open := map[string]map[int32]int{} // the spans still being read
	offsets := map[string]map[int32]kgo.Offset{}
	left := 0
	for i, s := range spans {
		if s.From >= s.To {
			continue
		}
		if open[s.Topic] == nil {
			open[s.Topic], offsets[s.Topic] = map[int32]int{}, map[int32]kgo.Offset{}
		}
		open[s.Topic][s.Partition] = i
		offsets[s.Topic][s.Partition] = kgo.NewOffset().At(s.From)
		left++
	}
	if left == 0 {
		return counts, nil
	}
	reader, err := New(c, kgo.ConsumePartitions(offsets), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(250*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for left > 0 {
		fetches, err := pollWithin(ctx, reader, countIdle)
		if err != nil {
			return nil, fmt.Errorf("counting records: %w", err)
		}
		if fetches.NumRecords() == 0 {
			break
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			i, ok := open[p.Topic][p.Partition]
			if !ok {
				return
			}
			if countIn(p.Records, spans[i], limit, &counts[i]) {
				delete(open[p.Topic], p.Partition)
				reader.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
				left--
			}
		})
	}
	return counts, nil
}

// countIn adds the records of the span and says whether the span is finished.
func countIn(records []*kgo.Record, s Span, limit int64, count *int64) (finished bool) {
	for _, r := range records {
		if r.Offset < s.To && !r.Attrs.IsControl() {
			*count++
		}
		if r.Offset >= s.To-1 || *count >= limit {
			return true
		}
	}
	return false
}

func pollWithin(ctx context.Context, client *kgo.Client, within time.Duration) (kgo.Fetches, error) {
	poll, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	fetches := client.PollFetches(poll)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return fetches, nil
}
