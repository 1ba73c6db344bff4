package stage

import (
	"context"
	"encoding/binary"
	"sync"

	"inv/internal/kafka/partition"
)

// Follower reads all partitions of a topic from their beginnings on, also those that are
// added meanwhile, so that an instance knows every record and not only those of its own
// partitions. It is safe for concurrent use.
type Follower struct {
	reader *Reader
	topic  string
	read   FollowFunc

	mu    sync.Mutex
	next  []int64       // next offset to read, by partition
	moved chan struct{} // closed when next or err has changed
	err   error
}

// FollowFunc reads a partition until the context ends, by [Reader.Follow], and calls
// progress whenever what it made of all records before an offset can be seen.
type FollowFunc func(ctx context.Context, partition int32, progress func(next int64)) error

// NewFollower makes a Follower of a topic that has so many partitions now.
func NewFollower(reader *Reader, topic string, partitions int, read FollowFunc) *Follower {
	return &Follower{reader: reader, topic: topic, read: read, next: make([]int64, partitions), moved: make(chan struct{})}
}

// Run reads until the context ends, or a partition can't be read.
func (f *Follower) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for following := 0; ; {
		f.mu.Lock()
		partitions, moved, err := len(f.next), f.moved, f.err
		f.mu.Unlock()
		if err != nil {
			return err
		}
		for ; following < partitions; following++ {
			p := following
			group.Go(func() { f.run(ctx, p) })
		}
		select {
		case <-moved:
		case <-ctx.Done():
			f.fail(context.Cause(ctx)) // wakes those who wait in Refresh
		}
	}
}

func (f *Follower) run(ctx context.Context, partition int) {
	err := f.read(ctx, int32(partition), func(next int64) { f.advance(partition, next) })
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	f.fail(err)
}

// Partitions returns how many partitions are read.
func (f *Follower) Partitions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.next)
}

// Grow adds partitions up to a number of them.
func (f *Follower) Grow(partitions int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if partitions <= len(f.next) {
		return
	}
	f.next = append(f.next, make([]int64, partitions-len(f.next))...)
	f.signal()
}

func (f *Follower) advance(partition int, next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next[partition] = next
	f.signal()
}

func (f *Follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		f.signal()
	}
}

// signal wakes those who wait; the lock is held.
func (f *Follower) signal() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// Refresh waits until the topic has been read to its current end, in all partitions that
// it has now. Run must be running.
func (f *Follower) Refresh(ctx context.Context) error {
	ends, err := f.reader.StableEnds(ctx, f.topic)
	if err != nil {
		return err
	}
	f.Grow(len(ends))
	for p, end := range ends {
		if err := f.wait(ctx, p, end); err != nil {
			return err
		}
	}
	return nil
}

func (f *Follower) wait(ctx context.Context, partition int, end int64) error {
	for {
		f.mu.Lock()
		next, moved, err := f.next[partition], f.moved, f.err
		f.mu.Unlock()
		if err != nil {
			return err
		}
		if next >= end {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Version is where and when a record of a key was written.
type Version struct {
	Partition int32
	Time      int64 // of the record, epoch ms
}

// VersionBytes is the size of an encoded Version.
const VersionBytes = 12

// Append encodes the Version.
func (v Version) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(dst, uint32(v.Partition)), uint64(v.Time))
}

// ParseVersion reads the Version that b begins with.
func ParseVersion(b []byte) Version {
	return Version{int32(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint64(b[4:]))}
}

// Follows reports whether a record comes after another one of its key, in a topic of so
// many partitions. Within a partition the order is that of offsets, in which both are
// given. In a topic that has grown a key's records may be in two partitions: then the
// later timestamp counts, and of equal ones the record in the partition that the key
// belongs to now.
func (v Version) Follows(before Version, key []byte, partitions int) bool {
	if v.Partition == before.Partition || v.Time != before.Time {
		return v.Partition == before.Partition || v.Time > before.Time
	}
	return before.Partition != partition.Murmur2(key, partitions)
}
