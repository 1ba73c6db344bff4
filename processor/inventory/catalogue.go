package inventory

import (
	"context"
	"encoding/binary"
	"sync"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// status is the state of a product in the catalogue.
type status uint8

const (
	unknown  status = iota
	listed          // its last record is a product
	delisted        // its last record is a tombstone
)

// catalogue follows all partitions of the catalogue topic, not only those that
// this process ingests, so that every instance knows every product; also those
// that are added while it runs. It is safe for concurrent use.
type catalogue struct {
	topic  string
	limits limits
	reader *stage.Reader

	mu       sync.Mutex
	products *stage.Table  // a listing of each, see encode
	next     []int64       // next offset to read, by partition
	moved    chan struct{} // closed when next or err has changed
	err      error
}

// listing is the last record of a product.
type listing struct {
	status    status
	partition int32
	time      int64 // of the record, epoch ms
}

func newCatalogue(c kafka.Config, topic string, partitions int, l limits) (*catalogue, error) {
	reader, err := stage.NewReader(c)
	if err != nil {
		return nil, err
	}
	return &catalogue{
		topic: topic, limits: l, reader: reader,
		products: stage.NewTable(),
		next:     make([]int64, partitions),
		moved:    make(chan struct{}),
	}, nil
}

// follow reads until the context ends, or a partition can't be read.
func (c *catalogue) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for following := 0; ; {
		c.mu.Lock()
		partitions, moved, err := len(c.next), c.moved, c.err
		c.mu.Unlock()
		if err != nil {
			return err
		}
		for ; following < partitions; following++ {
			p := following
			group.Go(func() { c.followOne(ctx, p) })
		}
		select {
		case <-moved:
		case <-ctx.Done():
			c.fail(context.Cause(ctx)) // wakes those who wait for the catalogue
		}
	}
}

func (c *catalogue) followOne(ctx context.Context, partition int) {
	err := c.reader.Follow(ctx, c.topic, int32(partition), 0, c.apply(), func(next int64) { c.advance(partition, next) })
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	c.fail(err)
}

// grow adds partitions up to a number of them.
func (c *catalogue) grow(partitions int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if partitions <= len(c.next) {
		return
	}
	c.next = append(c.next, make([]int64, partitions-len(c.next))...)
	c.signal()
}

// apply returns a function that applies the records of one partition.
func (c *catalogue) apply() func(*kgo.Record) error {
	var in input
	return func(r *kgo.Record) error {
		if err := in.decode(catalogInput, r, c.limits); err != nil {
			return nil // ingest dead-letters it
		}
		l := listing{listed, r.Partition, r.Timestamp.UnixMilli()}
		id := in.product.ID
		if in.tombstone {
			l.status, id = delisted, in.key
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if before := c.listing(id); l.follows(before, id, len(c.next)) {
			c.products.Put(id, l.encode())
		}
		return nil
	}
}

// follows reports whether a record is the last one of its product so far. Within a
// partition the order is that of offsets. In a topic that has grown a product's
// records may be in two partitions: then the later timestamp counts, and of equal
// ones the record in the partition that its key belongs to now.
func (l listing) follows(before listing, id string, partitions int) bool {
	switch {
	case before.status == unknown, before.partition == l.partition, before.time < l.time:
		return true
	case before.time > l.time:
		return false
	}
	return before.partition != partition.Murmur2([]byte(id), partitions)
}

func (l listing) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(l.status)}, uint32(l.partition))
	return binary.BigEndian.AppendUint64(b, uint64(l.time))
}

// listing returns the last record of a product; the lock is held.
func (c *catalogue) listing(id string) listing {
	b, ok := c.products.Get(id)
	if !ok {
		return listing{}
	}
	return listing{status(b[0]), int32(binary.BigEndian.Uint32(b[1:])), int64(binary.BigEndian.Uint64(b[5:]))}
}

func (c *catalogue) advance(partition int, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next[partition] = next
	c.signal()
}

func (c *catalogue) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.signal()
	}
}

// signal wakes those who wait; the lock is held.
func (c *catalogue) signal() {
	close(c.moved)
	c.moved = make(chan struct{})
}

// missing returns the first product of the entries that is not known yet, or "".
// Orders need a listed product; receipts may also be for one that was delisted.
func (c *catalogue) missing(entries []event.Entry, needsListed bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range entries {
		id := entries[i].ProductID
		if s := c.listing(id).status; s == unknown || s == delisted && needsListed {
			return id
		}
	}
	return ""
}

// refresh waits until the catalogue has been read to its current end, in all
// partitions that it has now.
func (c *catalogue) refresh(ctx context.Context) error {
	ends, err := c.reader.StableEnds(ctx, c.topic)
	if err != nil {
		return err
	}
	c.grow(len(ends))
	for p, end := range ends {
		if err := c.wait(ctx, p, end); err != nil {
			return err
		}
	}
	return nil
}

func (c *catalogue) wait(ctx context.Context, partition int, end int64) error {
	for {
		c.mu.Lock()
		next, moved, err := c.next[partition], c.moved, c.err
		c.mu.Unlock()
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
