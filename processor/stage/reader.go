package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader reads ranges of partitions, committed records only, outside of any
// group: a consumer shows neither that a range ends in commit markers or
// compacted-away records, nor where the last stable offset is, and then waits
// forever. A Reader serves several goroutines.
type Reader struct {
	client  *kgo.Client
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
	return &Reader{client, fetch.NewCluster(client, true)}, nil
}

// Close ends the Reader's connections.
func (r *Reader) Close() { r.client.Close() }

// HighWatermark returns the offset behind the partition's last record, committed or
// not.
func (r *Reader) HighWatermark(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, fetch.NewCluster(r.client, false), topic, partition, fetch.End)
}

// StableEnd returns the offset behind the partition's last committed record.
func (r *Reader) StableEnd(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, r.cluster, topic, partition, fetch.End)
}

// LogStart returns the offset of the partition's first record.
func (r *Reader) LogStart(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, r.cluster, topic, partition, fetch.Start)
}

// StableEnds returns, by partition, the offset behind the last committed record of
// each partition that a topic has now, according to any broker.
func (r *Reader) StableEnds(ctx context.Context, topic string) (ends []int64, err error) {
	return r.ends(ctx, r.cluster, topic)
}

// HighWatermarks returns, by partition, the offset behind the last record, committed or
// not, of each partition that a topic has now, according to any broker.
func (r *Reader) HighWatermarks(ctx context.Context, topic string) (ends []int64, err error) {
	return r.ends(ctx, fetch.NewCluster(r.client, false), topic)
}

func (r *Reader) ends(ctx context.Context, cluster *fetch.Cluster, topic string) (ends []int64, err error) {
	err = r.retry(ctx, func() error {
		t, err := cluster.Newest(ctx, topic)
		if err != nil {
			return err
		}
		if t == nil {
			return fmt.Errorf("%w: topic %s", errNotShown, topic)
		}
		ends, err = offsets(ctx, cluster, t, fetch.End)
		return err
	})
	return ends, err
}

// offset looks up an offset of one partition. It asks the cluster, not a cache, for
// the partition's leader: the partition may be new.
func (r *Reader) offset(ctx context.Context, cluster *fetch.Cluster, topic string, partition int32, at fetch.At) (offset int64, err error) {
	err = r.retry(ctx, func() error {
		t, err := r.describe(ctx, topic)
		if err != nil {
			return err
		}
		if int(partition) >= len(t.Partitions) {
			return fmt.Errorf("%w: %s/%d", errNotShown, topic, partition)
		}
		one := *t
		one.Partitions = t.Partitions[partition : partition+1]
		found, err := offsets(ctx, cluster, &one, at)
		if err == nil {
			offset = found[0]
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("asking for the offsets of %s/%d: %w", topic, partition, err)
	}
	return offset, nil
}

// errNotShown means that the cluster does not show a topic or partition, which may
// be new, for a broker that lags behind.
var errNotShown = errors.New("the cluster does not show it")

// shownWithin bounds the wait for the cluster to show it.
const shownWithin = 30 * time.Second

func (r *Reader) describe(ctx context.Context, topic string) (*fetch.Topic, error) {
	topics, err := r.cluster.Topics(ctx, topic)
	if err != nil {
		return nil, err
	}
	if topics[topic] == nil {
		return nil, fmt.Errorf("%w: topic %s", errNotShown, topic)
	}
	return topics[topic], nil
}

// offsets looks up an offset of each partition of a topic, in their order.
func offsets(ctx context.Context, cluster *fetch.Cluster, t *fetch.Topic, at fetch.At) ([]int64, error) {
	found, err := cluster.Offsets(ctx, []*fetch.Topic{t}, at)
	if err != nil {
		return nil, err
	}
	list := make([]int64, len(t.Partitions))
	for i, p := range t.Partitions {
		offset, ok := found[fetch.ID{Topic: t.Name, Partition: p.Number}]
		if !ok {
			return nil, fmt.Errorf("%w: %s/%d", errNotShown, t.Name, p.Number)
		}
		list[i] = offset
	}
	return list, nil
}

// retry repeats a request while its error is transient.
func (r *Reader) retry(ctx context.Context, request func() error) error {
	for began := time.Now(); ; {
		err := request()
		if err == nil || !transient(err) || errors.Is(err, errNotShown) && time.Since(began) > shownWithin {
			return err
		}
		if err := kafka.Pause(ctx, readerBackoff); err != nil {
			return err
		}
	}
}

// Committed returns a group's offset of a partition and its metadata; -1 if there
// is none.
func (r *Reader) Committed(ctx context.Context, group, topic string, partition int32) (at int64, metadata string, err error) {
	err = r.retry(ctx, func() error {
		commits, err := r.cluster.Commits(ctx, group)
		if err != nil {
			return err
		}
		commit, ok := commits[fetch.ID{Topic: topic, Partition: partition}]
		if at, metadata = commit.At, commit.Metadata; !ok {
			at = -1
		}
		return nil
	})
	return at, metadata, err
}

// Metadata returns the metadata of all offsets that a group has committed.
func (r *Reader) Metadata(ctx context.Context, group string) (map[Source]string, error) {
	all := map[Source]string{}
	err := r.retry(ctx, func() error {
		commits, err := r.cluster.Commits(ctx, group)
		for id, commit := range commits {
			all[Source{id.Topic, id.Partition}] = commit.Metadata
		}
		return err
	})
	return all, err
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
