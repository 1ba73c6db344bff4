package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reader reads ranges of partitions, committed records only, outside of any
// group. It asks for them with plain fetch requests: a consumer shows neither
// that a range ends in commit markers or compacted-away records, nor where the
// last stable offset is, and then waits for ever. A Reader serves several
// goroutines, one request at a time.
type Reader struct {
	client *kgo.Client
	admin  *kadm.Client
	codec  kgo.Decompressor
	pools  []kgo.Pool

	mu     sync.Mutex
	topics map[string]*topicInfo
}

type topicInfo struct {
	id      [16]byte
	leaders map[int32]int32
}

// Fetch sizes and patience of a Reader.
const (
	readerWait      = 100 * time.Millisecond // for new records at the end
	readerBytes     = 2 << 20
	readerBackoff   = 100 * time.Millisecond
	readerMissing   = 15 * time.Second // how long a topic may be missing
	emptyConfirming = 2                // empty answers that prove a gap at the end
)

// NewReader makes a Reader with a connection of its own.
func NewReader(c kafka.Config) (*Reader, error) {
	client, err := kafka.New(c)
	if err != nil {
		return nil, err
	}
	pool := &fetchPool{}
	return &Reader{
		client: client,
		admin:  kadm.NewClient(client),
		codec:  kgo.DefaultDecompressor(pool),
		pools:  []kgo.Pool{pool},
		topics: map[string]*topicInfo{},
	}, nil
}

// Close ends the Reader's connections.
func (r *Reader) Close() { r.client.Close() }

// HighWatermark is the offset behind the partition's last record, committed or
// not.
func (r *Reader) HighWatermark(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListEndOffsets)
}

// StableEnd is the offset behind the partition's last committed record.
func (r *Reader) StableEnd(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListCommittedOffsets)
}

// LogStart is the offset of the partition's first record.
func (r *Reader) LogStart(ctx context.Context, topic string, partition int32) (int64, error) {
	return r.offset(ctx, topic, partition, r.admin.ListStartOffsets)
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
		if !passing(err) {
			return 0, fmt.Errorf("asking for the offsets of %s/%d: %w", topic, partition, err)
		}
		if err := pause(ctx, readerBackoff); err != nil {
			return 0, err
		}
	}
}

// passing says whether an error is one of a cluster that is changing or out of
// reach for a while.
func passing(err error) bool {
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
// with, offset to. A record is use's until it returns; what it points to, too. It
// waits for transactions that are still open below to.
// Offsets without a record, whatever the reason, are passed over.
func (r *Reader) Read(ctx context.Context, topic string, partition int32, from, to int64, use func(*kgo.Record) error) error {
	empty := 0
	var missing time.Time
	for pos := from; pos < to; {
		rp, err := r.fetch(ctx, topic, partition, pos)
		if err == nil {
			err = kerr.ErrorForCode(rp.ErrorCode)
		}
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange):
			if pos, err = r.LogStart(ctx, topic, partition); err != nil {
				return err
			}
			continue
		case errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID):
			if missing.IsZero() {
				missing = time.Now()
			} else if time.Since(missing) > readerMissing {
				return fmt.Errorf("reading %s/%d: %w", topic, partition, err)
			}
			fallthrough
		case err != nil && passing(err):
			r.forget(topic)
			if err := pause(ctx, readerBackoff); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("reading %s/%d at offset %d: %w", topic, partition, pos, err)
		}
		next, err := r.use(topic, rp, pos, to, use)
		if err != nil {
			return err
		}
		if next > pos {
			pos, empty = next, 0
			continue
		}
		if rp.LastStableOffset < to {
			continue // the fetch has waited
		}
		if empty++; empty >= emptyConfirming {
			return nil
		}
	}
	return nil
}

func (r *Reader) use(topic string, rp *kmsg.FetchResponseTopicPartition, pos, to int64, use func(*kgo.Record) error) (next int64, err error) {
	o := kgo.ProcessFetchPartitionOpts{
		Offset:         pos,
		IsolationLevel: kgo.ReadCommitted(),
		Topic:          topic,
		Partition:      rp.Partition,
		Pools:          r.pools,
	}
	fp, next := kgo.ProcessFetchPartition(o, rp, r.codec, nil)
	for _, rec := range fp.Records {
		if rec.Offset >= to {
			return to, nil
		}
		if err := use(rec); err != nil {
			return 0, err
		}
		rec.Recycle()
	}
	if fp.Err != nil && next == pos {
		return 0, fmt.Errorf("reading %s/%d at offset %d: %w", topic, rp.Partition, pos, fp.Err)
	}
	return next, nil
}

func (r *Reader) fetch(ctx context.Context, topic string, partition int32, offset int64) (*kmsg.FetchResponseTopicPartition, error) {
	info, err := r.info(ctx, topic)
	if err != nil {
		return nil, err
	}
	leader, ok := info.leaders[partition]
	if !ok {
		return nil, kerr.UnknownTopicOrPartition
	}
	if leader < 0 {
		return nil, kerr.LeaderNotAvailable
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(readerWait.Milliseconds())
	req.MinBytes = 1
	req.MaxBytes = readerBytes
	req.IsolationLevel = 1 // read_committed
	req.SessionEpoch = -1  // no fetch session
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = topic, info.id
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = partition, offset, readerBytes
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	kresp, err := r.client.Broker(int(leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := kresp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, kerr.UnknownTopicOrPartition
	}
	return &resp.Topics[0].Partitions[0], nil
}

func (r *Reader) info(ctx context.Context, topic string) (*topicInfo, error) {
	r.mu.Lock()
	info := r.topics[topic]
	r.mu.Unlock()
	if info != nil {
		return info, nil
	}
	details, err := r.admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, err
	}
	d, ok := details[topic]
	if !ok {
		return nil, kerr.UnknownTopicOrPartition
	}
	if d.Err != nil {
		return nil, d.Err
	}
	info = &topicInfo{id: d.ID, leaders: map[int32]int32{}}
	for _, p := range d.Partitions {
		info.leaders[p.Partition] = p.Leader
	}
	r.mu.Lock()
	r.topics[topic] = info
	r.mu.Unlock()
	return info, nil
}

func (r *Reader) forget(topic string) {
	r.mu.Lock()
	delete(r.topics, topic)
	r.mu.Unlock()
}

// Follow is Read without an end: it calls use for each committed record, and
// progress whenever all before an offset were read. It ends with the context or
// an error.
func (r *Reader) Follow(ctx context.Context, topic string, partition int32, from int64, use func(*kgo.Record) error, progress func(next int64)) error {
	end, err := r.StableEnd(ctx, topic, partition)
	for pos := from; err == nil; {
		if err := r.Read(ctx, topic, partition, pos, end, use); err != nil {
			return err
		}
		pos = max(pos, end)
		progress(pos)
		end, err = r.await(ctx, topic, partition, pos)
	}
	return err
}

// await waits a little for something at an offset, and returns the last stable
// offset.
func (r *Reader) await(ctx context.Context, topic string, partition int32, pos int64) (int64, error) {
	rp, err := r.fetch(ctx, topic, partition, pos)
	if err == nil && rp.ErrorCode == 0 {
		return rp.LastStableOffset, nil
	}
	return r.StableEnd(ctx, topic, partition) // says what is wrong, if it lasts
}
