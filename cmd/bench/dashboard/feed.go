package main

import (
	"context"
	"fmt"
	"time"

	"inv/inspect/dashboard"
	"inv/inspect/dashboard/simulate"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// topics are those of scenarios/inventory.yaml.
var topics = dashboard.Topics{
	Catalog: "product_catalog", Orders: "order_events", Updates: "inventory_updates", Reorders: "reorder_events",
	Alerts: "inventory_alerts", Receipts: "stock_receipts", DeadLetters: []string{"order_events.dlq"},
}

// fill creates the topics and writes the catalogue and at least updates updates,
// spread over the given time until now.
func fill(ctx context.Context, client *kgo.Client, store *simulate.Store, updates int, over time.Duration) error {
	specs := []kafka.TopicSpec{{Name: topics.Catalog, Partitions: 1}}
	for _, name := range []string{topics.Orders, topics.Updates, topics.Reorders, topics.Alerts, topics.Receipts, topics.DeadLetters[0]} {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 6})
	}
	if _, err := kafka.EnsureTopics(ctx, client, specs...); err != nil {
		return err
	}
	start := time.Now().Add(-over)
	var produced kgo.FirstErrPromise
	written := 0
	write := func(records []*kgo.Record) {
		for _, r := range records {
			if r.Topic == topics.Updates {
				written++
			}
			client.Produce(ctx, r, produced.Promise())
		}
	}
	write(store.Open(start))
	opening := written
	for written < updates {
		share := float64(written-opening) / float64(max(updates-opening, 1))
		write(store.Order(start.Add(time.Duration(share * float64(over)))))
	}
	if err := produced.Err(); err != nil {
		return fmt.Errorf("writing the history: %w", err)
	}
	return nil
}

// run writes orders that cause about rate updates per second until ctx is done, in
// transactions every 50 ms like a processor. With a probe, each transaction also
// sells one of the probe's product and tells the probe when it is committed.
func run(ctx context.Context, client *kgo.Client, store *simulate.Store, rate int, probe *probe) error {
	const every = 50 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	start, written := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			var records []*kgo.Record
			for due := int(now.Sub(start).Seconds() * float64(rate)); written < due; {
				for _, r := range store.Order(now) {
					if r.Topic == topics.Updates {
						written++
					}
					records = append(records, r)
				}
			}
			first := store.Products()[0]
			if probe != nil {
				records = append(records, store.Sell(first, 1, now)...)
				written++
			}
			if err := transact(client, records); err != nil {
				return err
			}
			if probe != nil {
				probe.commit(first.Seq, time.Now())
				probe.written.Store(int64(written))
			}
		}
	}
}

func transact(client *kgo.Client, records []*kgo.Record) error {
	// Not the caller's context: a transaction that has begun is completed.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(ctx, kgo.TryCommit)
}
