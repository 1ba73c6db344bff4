package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader reads ranges of partitions, committed records only, outside of any
// group: a consumer shows neither that a range ends in commit markers or
// compacted-away records, nor where the last stable offset is, and then waits
// forever. A Reader serves several goroutines.
type Reader struct {
	client  *kgo.Client
	admin   *kadm.Client
	cluster *fetch.Cluster
}

const readerBackoff = 100 * time.Millisecond

// readerOptions make a read wait until it has every record: state that lacks one
// is wrong.
var readerOptions = fetch.ReadOptions{StreamOptions: fetch.StreamOptions{
	PartitionBytes: 2 << 20, Wait: 100 * time.Millisecond, Patience: fetch.Forever, Complete: true,
}}

// NewReader makes a Reader with a connection of its own.
func NewReader(c kafka.Config) (*Reader, error) {
	client, err := kafka.New(c)
	if err != nil {
		return nil, err
	}
	return &Reader{client, kadm.NewClient(client), fetch.NewCluster(client, true)}, nil
}

// Close ends the Reader's connections.
func (r *Reader) Close() { r.client.Close() }

// HighWatermark returns the offset behind the partition's last record, committed or
// not.
func (r *Reader) HighWatermark(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListEndOffsets)
}

// StableEnd returns the offset behind the partition's last committed record.
func (r *Reader) StableEnd(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListCommittedOffsets)
}

// LogStart returns the offset of the partition's first record.
func (r *Reader) LogStart(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListStartOffsets)
}

// Committed returns a group's offset of a partition and its metadata; -1 if there
// is none.
func (r *Reader) Committed(ctx context.Context, group, topic string, partition int32) (at int64, metadata string, err error) {
	for {
		offsets, err := r.admin.FetchOffsets(ctx, group)
		o, ok := offsets.Lookup(topic, partition)
		if err == nil {
			err = o.Err
		}
		switch {
		case errors.Is(err, kerr.GroupIDNotFound), err == nil && !ok:
			return -1, "", nil
		case err == nil:
			return o.At, o.Metadata, nil
		case !transient(err):
			return 0, "", fmt.Errorf("fetching the offsets of %s: %w", group, err)
		}
		if err := pause(ctx, readerBackoff); err != nil {
			return 0, "", err
		}
	}
}

type listOffsets func(context.Context, ...string) (kadm.ListedOffsets, error)

func (r *Reader) offset(ctx context.Context, topic string, partition int32, list listOffsets) (int64, error) {
	for {
		offsets, err := list(ctx, topic)
		if err == nil {
			o, ok := offsets.Lookup(topic, partition)
			if ok && o.Err == nil {
				return o.Offset, nil
			}
			err = o.Err
			if !ok {
				return 0, fmt.Errorf("partition %d of %s does not exist", partition, topic)
			}
		}
		if !transient(err) {
			return 0, fmt.Errorf("asking for the offsets of %s/%d: %w", topic, partition, err)
		}
		if err := pause(ctx, readerBackoff); err != nil {
			return 0, err
		}
	}
}

// transient reports whether an error is one of a cluster that is changing or out of
// reach for a while.
func transient(err error) bool {
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return ke.Retriable && !errors.Is(err, kerr.UnknownTopicOrPartition)
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Read calls use for the committed records from offset from up to, and not
// including, offset to. A record is valid until use returns, and so is what it
// points to. Read waits for transactions that are still open below to. Offsets
// without a record, whatever the reason, are passed over.
func (r *Reader) Read(ctx context.Context, topic string, partition int32, from, to int64, use func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	return r.read(ctx, fetch.Span{ID: fetch.ID{Topic: topic, Partition: partition}, From: from, To: to}, use, func(int64) {})
}

// Follow is Read without an end: it calls use for each committed record, and
// progress whenever all before an offset were read. It ends with the context or
// an error.
func (r *Reader) Follow(ctx context.Context, topic string, partition int32, from int64, use func(*kgo.Record) error, progress func(next int64)) error {
	return r.read(ctx, fetch.Span{ID: fetch.ID{Topic: topic, Partition: partition}, From: from, To: fetch.Never}, use, progress)
}

func (r *Reader) read(ctx context.Context, span fetch.Span, use func(*kgo.Record) error, progress func(next int64)) error {
	decoder, failed := fetch.NewDecoder(), error(nil)
	var record kgo.Record
	err := r.cluster.ReadChunks(ctx, []fetch.Span{span}, readerOptions, func(chunk *fetch.Chunk) bool {
		damaged := decoder.Each(chunk, func(raw *fetch.Record) bool {
			raw.View(&record)
			record.Headers = raw.AppendHeaders(record.Headers)
			failed = use(&record)
			return failed == nil
		})
		if failed = cmp.Or(failed, damaged); failed != nil {
			return false
		}
		next := chunk.Next
		if len(chunk.Batches) == 0 {
			next = max(next, chunk.LastStable) // compaction has left nothing in between
		}
		progress(next)
		return true
	})
	return cmp.Or(failed, err)
}
