package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Own is the number of a topic's committed records: the caller's own and others'.
type Own struct {
	Own, Others int64

	ends map[int32]int64 // high watermarks when they were counted
}

// ErrChanged is wrapped by RemoveOwn's error for a topic that has grown since it was
// counted.
var ErrChanged = errors.New("it has been written to since it was counted")

// headerKept names the place from which a record was copied by RemoveOwn:
// topic/partition@offset.
const headerKept = "inv-kept"

// CountOwn counts the committed records of topics. A topic that doesn't exist is left
// out.
func (c *Client) CountOwn(ctx context.Context, own func(*kgo.Record) bool, topics ...string) (map[string]*Own, error) {
	spans, err := kafka.Spans(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := kafka.Ends(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	counts := map[string]*Own{}
	for _, s := range spans {
		if counts[s.Topic] == nil {
			counts[s.Topic] = &Own{ends: map[int32]int64{}}
		}
		counts[s.Topic].ends[s.Partition] = ends[s.ID]
	}
	err = kafka.Read(ctx, c.config, spans, func(_ int, r *kgo.Record) bool {
		if own(r) {
			counts[r.Topic].Own++
		} else {
			counts[r.Topic].Others++
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("counting records: %w", err)
	}
	return counts, nil
}

// RemoveOwn removes the caller's own records from a topic that was counted. Without
// others' records, it deletes the topic. Otherwise it appends copies of those, with
// their partitions, timestamps and headers, and then deletes everything before the
// copies, so that at least one copy of each exists at any time. It can be repeated
// after an error.
func (c *Client) RemoveOwn(ctx context.Context, topic string, counted *Own, own func(*kgo.Record) bool) error {
	if err := c.unchanged(ctx, topic, counted); err != nil {
		return err
	}
	if counted.Others == 0 {
		_, err := c.Delete(ctx, topic)
		return err
	}
	spans, err := kafka.Spans(ctx, c.client, topic)
	if err == nil {
		err = c.mayTruncate(ctx, topic)
	}
	if err == nil {
		err = c.copyOthers(ctx, topic, spans, own)
	}
	if err != nil {
		return fmt.Errorf("keeping what others wrote to %s: %w", topic, err)
	}
	to := kadm.Offsets{}
	for _, s := range spans {
		if s.To > s.From {
			to.AddOffset(s.Topic, s.Partition, s.To, -1)
		}
	}
	deleted, err := c.admin.DeleteRecords(ctx, to)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("deleting the records of %s before the copies: %w", topic, err)
	}
	return nil
}

func (c *Client) unchanged(ctx context.Context, topic string, counted *Own) error {
	ends, err := kafka.Ends(ctx, c.client, topic)
	if err != nil {
		return err
	}
	now := map[int32]int64{}
	for id, end := range ends {
		now[id.Partition] = end
	}
	if !maps.Equal(now, counted.ends) {
		return fmt.Errorf("topic %s is left as it is: %w", topic, ErrChanged)
	}
	return nil
}

// mayTruncate returns an error if a topic's cleanup policy does not allow records to
// be deleted.
func (c *Client) mayTruncate(ctx context.Context, topic string) error {
	configs, err := c.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	for _, of := range configs {
		for _, s := range of.Configs {
			if s.Key == "cleanup.policy" && s.MaybeValue() == "compact" {
				return errors.New("its cleanup.policy is compact, so that its beginning can't be deleted")
			}
		}
	}
	return nil
}

// copyOthers appends copies of others' records. A copy from an earlier attempt counts
// as its original.
func (c *Client) copyOthers(ctx context.Context, topic string, spans []kafka.Span, own func(*kgo.Record) bool) error {
	w, err := kafka.NewRewriter(ctx, c.config, []string{topic})
	if err != nil {
		return err
	}
	defer w.Close()
	var mu sync.Mutex
	var failed error
	done := func(_ *kgo.Record, err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = cmp.Or(failed, err)
	}
	copied := map[copyOf]bool{}
	err = kafka.Read(ctx, c.config, spans, func(_ int, r *kgo.Record) bool {
		place := keptFrom(r)
		if own(r) || copied[copyOfRecord(r, place)] {
			return false
		}
		copied[copyOfRecord(r, place)] = true
		if again := keptCopy(r, place); w.Fits(again) {
			w.Write(ctx, again, done)
		} else {
			done(again, writeLarge(ctx, w, r, again))
		}
		mu.Lock()
		defer mu.Unlock()
		return failed != nil
	})
	flushed := w.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	return cmp.Or(err, failed, flushed)
}

// writeLarge writes a copy, or the unchanged record if there is no room for one more
// header.
func writeLarge(ctx context.Context, w *kafka.Rewriter, r, again *kgo.Record) error {
	err := w.WriteAlone(ctx, again)
	if errors.Is(err, kerr.MessageTooLarge) {
		return w.WriteAlone(ctx, &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	return err
}

// keptFrom returns the place of a record, or of its original if it is a copy.
func keptFrom(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == headerKept {
			return string(h.Value)
		}
	}
	return fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset)
}

func keptCopy(r *kgo.Record, place string) *kgo.Record {
	headers := slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool { return h.Key == headerKept })
	headers = append(headers, kgo.RecordHeader{Key: headerKept, Value: []byte(place)})
	return &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: headers}
}

// copyOf identifies a record and its copies. The header alone does not, since others
// can write it, too.
type copyOf struct {
	place   string
	content [sha256.Size]byte
}

func copyOfRecord(r *kgo.Record, place string) copyOf {
	content := sha256.Sum256(r.Value)
	return copyOf{place, sha256.Sum256(append(content[:], r.Key...))}
}

// Lost returns how many offsets each topic has lost at its beginning, by topic.
func (c *Client) Lost(ctx context.Context, topics ...string) (map[string]int64, error) {
	starts, err := kafka.Starts(ctx, c.client, topics...)
	if err != nil {
		return nil, err
	}
	lost := map[string]int64{}
	for id, start := range starts {
		if start > 0 {
			lost[id.Topic] += start
		}
	}
	return lost, nil
}
