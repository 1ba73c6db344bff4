package inventory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"inv/internal/event"
	"inv/processor"
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
	topic   string
	limits  limits
	reader  *stage.Reader
	encoded bool // the schema registry may be needed

	mu       sync.Mutex
	products *stage.Table // a listing of each, see encode
}

// listing is the last record of a product.
type listing struct {
	status status
	stage.Version
}

func newCatalogue(env processor.Env, l limits, f *fits) (*catalogue, error) {
	reader, err := stage.NewReader(env.Kafka)
	if err != nil {
		return nil, err
	}
	topic := env.Topic("catalog")
	k := &catalogue{topic: topic, limits: l, reader: reader, products: stage.NewTable(), encoded: env.Encoded("catalog")}
	k.Follower = stage.NewFollower(reader, topic, env.Partitions("catalog"), func(ctx context.Context, partition int32, progress func(int64)) error {
		values := env.Values("catalog")
		values.Patience = 0 // nothing is held up but who refreshes, and they are patient for a while only
		return reader.Follow(ctx, topic, partition, 0, k.apply(ctx, input{values: values, fits: f}), progress)
	})
	return k, nil
}

// refreshWithin is how long a record waits for the catalogue while the schema registry may
// be away: a transaction is open meanwhile.
const refreshWithin = 30 * time.Second

// refresh is [stage.Follower.Refresh] for a step. If the catalogue may be held up by the
// schema registry, it does not wait for ever; the step is then tried again.
func (c *catalogue) refresh(ctx context.Context) error {
	if !c.encoded {
		return c.Refresh(ctx)
	}
	late, cancel := context.WithTimeout(ctx, refreshWithin)
	defer cancel()
	err := c.Refresh(late)
	if late.Err() != nil && ctx.Err() == nil {
		return stage.Retry(fmt.Errorf("the catalogue was not read to its end within %s: %w", refreshWithin, late.Err()))
	}
	return err
}

// apply returns a function that applies the records of one partition.
func (c *catalogue) apply(ctx context.Context, in input) func(*kgo.Record) error {
	return func(r *kgo.Record) error {
		if err := in.decode(ctx, catalogInput, r, c.limits); err != nil {
			if refusal(err) != nil {
				return nil // ingest dead-letters it
			}
			return err
		}
		l := listing{listed, stage.Version{Partition: r.Partition, Time: r.Timestamp.UnixMilli()}}
		id := in.product.ID
		if in.tombstone {
			l.status, id = delisted, in.key
		}
		partitions := c.Partitions()
		c.mu.Lock()
		defer c.mu.Unlock()
		if before := c.listing(id); before.status == unknown || l.Follows(before.Version, r.Key, partitions) {
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
