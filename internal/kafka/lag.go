package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Lag is a group's progress in one partition. Offsets alone don't show it: the last
// offset of a transactional topic is a commit marker, which no consumer receives, so
// end minus committed never becomes 0 there.
type Lag struct {
	Topic     string
	Partition int32
	Committed int64 // -1: the group has committed nothing here
	End       int64 // the high watermark
	Stable    int64 // the last stable offset; below End while a transaction is open
	Records   int64 // committed records that the group has not read, and Waiting
	Waiting   int64 // what the group has read and its state still holds, waiting for another record
	Exact     bool  // false: not counted; Records is the difference of the offsets, an upper bound
}

// AtRest reports whether nothing is left to read: no data record between the
// committed offset and the end, and no open transaction.
func (l Lag) AtRest() bool { return l.Records == 0 && l.Stable == l.End }

// WaitingField is a field in the metadata of a committed offset that says how much
// of what was read waits for another record: @waiting=3. It counts as lag, since
// the group has not finished with it.
const WaitingField = "@waiting"

// HeldField is a field in the metadata of a committed offset, beside the [WaitingField],
// with the lowest offset of what waits: @held=4711.
const HeldField = "@held"

// waitsBelow reports whether the metadata of an offset says that something waits which
// was read from below an end.
func waitsBelow(metadata string, end int64) bool {
	if waiting(metadata) == 0 {
		return false
	}
	for field := range strings.SplitSeq(metadata, " ") {
		if value, ok := strings.CutPrefix(field, HeldField+"="); ok {
			if from, err := strconv.ParseInt(value, 10, 64); err == nil {
				return from < end
			}
		}
	}
	return true // it is not known from where
}

// waiting returns the number in the WaitingField of an offset's metadata, 0 if it
// has none.
func waiting(metadata string) int64 {
	for field := range strings.SplitSeq(metadata, " ") {
		if value, ok := strings.CutPrefix(field, WaitingField+"="); ok {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// countAtMost bounds the records that GroupLag counts in one partition.
const countAtMost = 10_000

// GroupLag returns the group's lag in every partition of the topics that it has
// committed to and of those named, sorted by topic and partition. A partition
// without a commit counts from its start. A named topic that doesn't exist has
// no partitions.
func GroupLag(ctx context.Context, c Config, group string, topics ...string) ([]Lag, error) {
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return NewLagCounter(client, countAtMost, 0).Lag(ctx, group, topics...)
}

// LagCounter counts the records that groups have not read. It caches its counts, so
// that a partition at rest is not read again. It is not safe for concurrent use.
type LagCounter struct {
	cluster    *fetch.Cluster
	client     *kgo.Client
	maxRecords int64
	maxOffsets int64
	counted    map[groupPartition]counted
}

type groupPartition struct {
	group string
	id    fetch.ID
}

// counted is how many records were in the offsets of a partition.
type counted struct {
	from, to, records int64
}

// NewLagCounter returns a counter that counts at most maxRecords records in a
// partition, and none if the group is more than maxOffsets offsets behind; 0: no
// limit. The client should not consume, since reading would wait for its fetches.
func NewLagCounter(client *kgo.Client, maxRecords, maxOffsets int64) *LagCounter {
	return &LagCounter{fetch.NewCluster(client, true), client, maxRecords, maxOffsets, map[groupPartition]counted{}}
}

// Lag is [GroupLag]. A partition that can't be read is not counted.
func (c *LagCounter) Lag(ctx context.Context, group string, topics ...string) ([]Lag, error) {
	committed, err := c.cluster.Commits(ctx, group)
	if err != nil {
		return nil, err
	}
	for id := range committed {
		if !slices.Contains(topics, id.Topic) {
			topics = append(topics, id.Topic)
		}
	}
	if len(topics) == 0 {
		return nil, nil
	}
	// The stable offsets first: taken after the ends they could hide a
	// transaction that began in between.
	stable, err := StableEnds(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := Ends(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	starts, err := Starts(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	var lags []Lag
	var spans []Span
	for _, id := range slices.SortedFunc(maps.Keys(stable), fetch.ID.Compare) {
		commit, ok := committed[id]
		if !ok {
			commit.At = -1
		}
		lags = append(lags, Lag{Topic: id.Topic, Partition: id.Partition, Committed: commit.At, End: ends[id], Stable: stable[id], Waiting: waiting(commit.Metadata)})
		spans = append(spans, Span{ID: id, From: max(commit.At, starts[id]), To: stable[id]})
	}
	counts, damaged, err := c.count(ctx, group, spans)
	if err != nil {
		return nil, fmt.Errorf("counting records: %w", err)
	}
	for i := range lags {
		l := &lags[i]
		l.Records, l.Exact = counts[i], counts[i] < c.maxRecords && !c.far(spans[i]) && damaged[i] == nil
		if !l.Exact {
			l.Records = spans[i].To - spans[i].From
		}
		l.Records += l.Waiting
	}
	return lags, nil
}

// Unread returns, sorted, the partitions where the group has yet to read a
// committed data record below the end that is given, from the group's offset to
// that end. If in one of them the group is too far behind to be counted, or a
// transaction is open below the end, none is read and all are returned in which
// the group's offset is below the end. If all is read but something still waits in
// the group's state that came from below the end, see [WaitingField] and [HeldField],
// the partitions that it came from are returned, with From and To equal.
func (c *LagCounter) Unread(ctx context.Context, group string, ends map[fetch.ID]int64) ([]Span, error) {
	committed, err := c.cluster.Commits(ctx, group)
	if err != nil {
		return nil, err
	}
	var behind, held []Span
	for _, id := range slices.SortedFunc(maps.Keys(ends), fetch.ID.Compare) {
		at := committed[id].At
		if at < ends[id] {
			behind = append(behind, Span{ID: id, From: at, To: ends[id]})
		}
		if waitsBelow(committed[id].Metadata, ends[id]) {
			held = append(held, Span{ID: id, From: at, To: at})
		}
	}
	unread, err := c.unread(ctx, group, behind)
	if len(unread) == 0 && err == nil {
		return held, nil
	}
	return unread, err
}

// unread is Unread for spans that are not empty.
func (c *LagCounter) unread(ctx context.Context, group string, behind []Span) (unread []Span, err error) {
	if len(behind) == 0 {
		return nil, nil
	}
	var topics []string
	for _, s := range behind {
		topics = append(topics, s.Topic)
	}
	topics = slices.Compact(topics)
	starts, err := Starts(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	for i := range behind {
		behind[i].From = max(behind[i].From, starts[behind[i].ID])
	}
	behind = slices.DeleteFunc(behind, func(s Span) bool { return s.From >= s.To })
	if slices.ContainsFunc(behind, c.far) {
		return behind, nil
	}
	stable, err := StableEnds(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(behind, func(s Span) bool { return stable[s.ID] < s.To }) {
		return behind, nil
	}
	counts, damaged, err := c.count(ctx, group, behind)
	if err != nil {
		return nil, fmt.Errorf("looking for records: %w", err)
	}
	for i, s := range behind {
		switch {
		case counts[i] > 0:
			unread = append(unread, s)
		case damaged[i] != nil:
			return nil, damaged[i]
		}
	}
	return unread, nil
}

func (c *LagCounter) far(s Span) bool { return c.maxOffsets > 0 && s.To-s.From > c.maxOffsets }

// count counts the records in the spans of a group that are not far, by reading
// those that it does not remember.
func (c *LagCounter) count(ctx context.Context, group string, spans []Span) (counts []int64, damaged []error, err error) {
	counts, damaged = make([]int64, len(spans)), make([]error, len(spans))
	var open []Span
	var at []int // in spans
	for i, s := range spans {
		known, ok := c.counted[groupPartition{group, s.ID}]
		switch {
		case s.From >= s.To || c.far(s):
		case ok && known.from == s.From && known.to == s.To:
			counts[i] = known.records
		default:
			open, at = append(open, s), append(at, i)
		}
	}
	n, bad, err := count(ctx, c.cluster, c.maxRecords, open)
	if err != nil {
		return nil, nil, err
	}
	for j, i := range at {
		if counts[i], damaged[i] = n[j], bad[j]; bad[j] == nil {
			c.counted[groupPartition{group, open[j].ID}] = counted{open[j].From, open[j].To, n[j]}
		}
	}
	return counts, damaged, nil
}
