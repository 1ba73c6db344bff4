package inventory

import (
	"context"
	"sync"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// listing is the state of a product in the catalogue.
type listing uint8

const (
	unknown  listing = iota
	listed           // its last record is a product
	delisted         // its last record is a tombstone
)

// catalogue follows all partitions of the catalogue topic, not only those that
// this process ingests, so that every instance knows every product. It is safe
// for concurrent use.
type catalogue struct {
	topic  string
	limits limits
	reader *stage.Reader

	mu       sync.Mutex
	products *stage.Table  // the listing of each, in a byte
	next     []int64       // next offset to read, by partition
	moved    chan struct{} // closed when next has changed
	err      error
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

// follow reads until the context ends.
func (c *catalogue) follow(ctx context.Context) error {
	var group sync.WaitGroup
	for p := range c.next {
		group.Go(func() {
			err := c.reader.Follow(ctx, c.topic, int32(p), 0, c.apply(), func(next int64) { c.advance(p, next) })
			if ctx.Err() != nil {
				err = context.Cause(ctx) // wakes those who wait for the catalogue
			}
			c.fail(err)
		})
	}
	group.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// apply returns a function that applies the records of one partition.
func (c *catalogue) apply() func(*kgo.Record) error {
	var in input
	return func(r *kgo.Record) error {
		if err := in.decode(catalogInput, r, c.limits); err != nil {
			return nil // ingest dead-letters it
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if in.tombstone {
			c.set(in.key, delisted)
		} else {
			c.set(in.product.ID, listed)
		}
		return nil
	}
}

func (c *catalogue) set(id string, l listing) { c.products.Put(id, []byte{byte(l)}) }

func (c *catalogue) listing(id string) listing {
	if l, ok := c.products.Get(id); ok {
		return listing(l[0])
	}
	return unknown
}

func (c *catalogue) advance(partition int, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next[partition] = next
	close(c.moved)
	c.moved = make(chan struct{})
}

func (c *catalogue) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.moved)
		c.moved = make(chan struct{})
	}
}

// missing returns the first product of the entries that is not known yet, or "".
// Orders need a listed product; receipts may also be for one that was delisted.
func (c *catalogue) missing(entries []event.Entry, needsListed bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range entries {
		id := entries[i].ProductID
		if l := c.listing(id); l == unknown || l == delisted && needsListed {
			return id
		}
	}
	return ""
}

// refresh waits until the catalogue has been read to its current end.
func (c *catalogue) refresh(ctx context.Context) error {
	for p := range c.next {
		end, err := c.reader.StableEnd(ctx, c.topic, int32(p))
		if err != nil {
			return err
		}
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
