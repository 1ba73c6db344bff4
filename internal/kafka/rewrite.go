package kafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	batchDefault = 1_000_012 // bytes; franz-go's own largest record batch
	batchAlone   = 64 << 20  // bytes before compression of a record that goes alone
)

// Rewriter writes records that were in a topic once more, each to the partition that
// it names. A record that has just fitted its topic does so again: it goes alone,
// compressed. It is for one goroutine.
type Rewriter struct {
	config Config
	opts   []kgo.Opt
	limits map[string]int // max.message.bytes, by topic
	client *kgo.Client
	alone  *kgo.Client // nil until it is needed
}

// NewRewriter makes a Rewriter for topics. Options are added to its clients' own.
func NewRewriter(ctx context.Context, c Config, topics []string, opts ...kgo.Opt) (*Rewriter, error) {
	w := &Rewriter{config: c, opts: append(slices.Clone(opts), kgo.RecordPartitioner(kgo.ManualPartitioner()))}
	lookup, err := New(c)
	if err != nil {
		return nil, err
	}
	defer lookup.Close()
	w.limits = BatchLimits(ctx, lookup, topics)
	batch := batchDefault
	for _, limit := range w.limits {
		batch = min(batch, limit)
	}
	w.client, err = New(c, append(slices.Clone(w.opts), kgo.ProducerBatchMaxBytes(int32(batch)))...)
	return w, err
}

// BatchLimits returns the max.message.bytes of topics. Those whose configuration can't
// be read are left out.
func BatchLimits(ctx context.Context, client *kgo.Client, topics []string) map[string]int {
	limits := map[string]int{}
	if len(topics) == 0 {
		return limits
	}
	configs, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return limits
	}
	for _, of := range configs {
		for _, v := range of.Configs {
			if n, err := strconv.Atoi(v.MaybeValue()); v.Key == "max.message.bytes" && err == nil && n > 0 {
				limits[of.Name] = n
			}
		}
	}
	return limits
}

// Close closes the connections.
func (w *Rewriter) Close() {
	w.client.Close()
	if w.alone != nil {
		w.alone.Close()
	}
}

// Fits reports whether a record certainly fits its topic, whatever its compression.
func (w *Rewriter) Fits(r *kgo.Record) bool {
	limit, ok := w.limits[r.Topic]
	if !ok || limit > batchDefault {
		limit = batchDefault
	}
	size := recordbatch.Overhead + recordbatch.Room(r.Key, r.Value, nil)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value) + 10
	}
	return size+10 <= limit
}

// Write writes a record that [Rewriter.Fits]. done is called once it is acknowledged or
// has failed, by another goroutine.
func (w *Rewriter) Write(ctx context.Context, r *kgo.Record, done func(*kgo.Record, error)) {
	w.client.Produce(ctx, r, done)
}

// WriteAlone writes a record in a batch of its own, and waits until it is acknowledged.
// The error wraps [kerr.MessageTooLarge] if it doesn't fit.
func (w *Rewriter) WriteAlone(ctx context.Context, r *kgo.Record) error {
	if w.alone == nil {
		client, err := New(w.config, append(slices.Clone(w.opts),
			kgo.ProducerBatchMaxBytes(batchAlone), kgo.ProducerBatchCompression(kgo.ZstdCompression()))...)
		if err != nil {
			return err
		}
		w.alone = client
	}
	if err := w.alone.ProduceSync(ctx, r).FirstErr(); err != nil {
		return fmt.Errorf("writing a record to %s/%d: %w", r.Topic, r.Partition, err)
	}
	return nil
}

// Flush waits until all records are acknowledged or have failed.
func (w *Rewriter) Flush(ctx context.Context) error { return w.client.Flush(ctx) }
