package inventory

import (
	"context"
	"sync"

	"inv/internal/event"
	"inv/internal/kafka"
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

// catalogue follows the catalogue topic, so that every instance knows every product. It
// is safe for concurrent use.
type catalogue struct {
	*stage.Follower
	topic  string
	limits limits
	reader *stage.Reader

	mu       sync.Mutex
	products *stage.Table // a listing of each, see encode
}

// listing is the last record of a product.
type listing struct {
	status status
	stage.Version
}

func newCatalogue(c kafka.Config, topic string, partitions int, l limits) (*catalogue, error) {
	reader, err := stage.NewReader(c)
	if err != nil {
		return nil, err
	}
	k := &catalogue{topic: topic, limits: l, reader: reader, products: stage.NewTable()}
	k.Follower = stage.NewFollower(reader, topic, partitions, func(ctx context.Context, partition int32, progress func(int64)) error {
		return reader.Follow(ctx, topic, partition, 0, k.apply(), progress)
	})
	return k, nil
}

// apply returns a function that applies the records of one partition.
func (c *catalogue) apply() func(*kgo.Record) error {
	var in input
	return func(r *kgo.Record) error {
		if err := in.decode(catalogInput, r, c.limits); err != nil {
			return nil // ingest dead-letters it
		}
		l := listing{listed, stage.Version{Partition: r.Partition, Time: r.Timestamp.UnixMilli()}}
		id := in.product.ID
		if in.tombstone {
			l.status, id = delisted, in.key
		}
		partitions := c.Partitions()
		c.mu.Lock()
		defer c.mu.Unlock()
		if before := c.listing(id); before.status == unknown || l.Follows(before.Version, []byte(id), partitions) {
			c.products.Put(id, l.encode())
		}
		return nil
	}
}

func (l listing) encode() []byte { return l.Append([]byte{byte(l.status)}) }

// listing returns the last record of a product; the lock is held.
func (c *catalogue) listing(id string) listing {
	b, ok := c.products.Get(id)
	if !ok {
		return listing{}
	}
	return listing{status(b[0]), stage.ParseVersion(b[1:])}
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
