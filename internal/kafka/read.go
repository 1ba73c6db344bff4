package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Span is a range of offsets in one partition, To excluded.
type Span struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Spans are what is committed in the partitions of the topics now, from the
// start of each log to its last stable offset. A topic that doesn't exist has
// none.
func Spans(ctx context.Context, client *kgo.Client, topics ...string) ([]Span, error) {
	lags, starts, err := ends(ctx, kadm.NewClient(client), topics)
	if err != nil {
		return nil, err
	}
	spans := make([]Span, len(lags))
	for i, l := range lags {
		spans[i] = Span{l.Topic, l.Partition, starts[i], l.Stable}
	}
	return spans, nil
}

// CountRecords counts the committed data records in each span by reading them,
// up to limit in each. The spans are as [Read] wants them.
func CountRecords(ctx context.Context, c Config, limit int64, spans ...Span) ([]int64, error) {
	counts := make([]int64, len(spans))
	err := Read(ctx, c, spans, func(span int, _ *kgo.Record) (enough bool) {
		counts[span]++
		return counts[span] >= limit
	})
	if err != nil {
		return nil, fmt.Errorf("counting records: %w", err)
	}
	return counts, nil
}

// readIdle is how long all partitions may give nothing before what is left of
// their spans is taken for empty: compaction can have removed all of it, and
// then no record ever says that the end is reached.
const readIdle = 3 * time.Second

// Read calls visit with each committed data record of the spans, by the index
// of its span, in the order of its partition, until visit has had enough of
// that span. Control records and what was aborted are left out. The spans must
// end at or below the last stable offset and name each partition at most once.
func Read(ctx context.Context, c Config, spans []Span, visit func(span int, r *kgo.Record) (enough bool)) error {
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
		return nil
	}
	reader, err := New(c, kgo.ConsumePartitions(offsets), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(250*time.Millisecond))
	if err != nil {
		return err
	}
	defer reader.Close()
	for left > 0 {
		fetches, err := pollWithin(ctx, reader, readIdle)
		if err != nil {
			return err
		}
		if fetches.NumRecords() == 0 {
			return nil
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			i, ok := open[p.Topic][p.Partition]
			if ok && visitSpan(p.Records, i, spans[i], visit) {
				delete(open[p.Topic], p.Partition)
				reader.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
				left--
			}
		})
	}
	return nil
}

// visitSpan says whether the span is finished.
func visitSpan(records []*kgo.Record, i int, s Span, visit func(int, *kgo.Record) bool) (finished bool) {
	for _, r := range records {
		if r.Offset < s.To && !r.Attrs.IsControl() && visit(i, r) {
			return true
		}
		if r.Offset >= s.To-1 {
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
			return nil, fmt.Errorf("reading %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return fetches, nil
}
