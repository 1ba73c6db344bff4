package main

import (
	"context"
	"fmt"
)

// fraudTask has the orders of so many customers. Their event times are some three hours of
// this week, since brokers delete older records.
func (l *lab) fraudTask(orders, customers int) task {
	return task{
		topology: "fraud", keyed: true, customers: customers,
		inputs: []string{"order_events"}, read: []string{"order_events"},
		outputs: []string{"fraud_alerts"}, writes: []string{"fraud-alerts"},
		fill: [][]string{{"produce", "orders", "--seed", "7", "--count", fmt.Sprint(orders), "--start", "yesterday", "--rate", fmt.Sprintf("%d/s", max(orders/10_000, 1))}},
		// With more partitions, Streams gets a customer's orders in another order.
		same: l.partitions == 1,
	}
}

// fraudSide is inv. The orders of the last ten seconds are held back, to be put in the order
// of their times, until fifteen seconds have passed without another one. That is waited for
// if they have to be among the results.
func fraudSide(t task) side {
	s := declaredSide(t)
	s.waits = !t.same
	return s
}

// fraudStreams is the topology in Kafka Streams with a kind of store.
func fraudStreams(store, title string) side {
	s := side{name: "streams-" + store, title: "Kafka Streams, " + title, peer: true}
	s.start = func(l *lab, app string) (*child, error) {
		return l.start(s.name, "java", "-Xmx"+l.peerHeap, fmt.Sprintf("-Dpartitions=%d", l.partitions), "-Dstore="+store,
			"-Djava.io.tmpdir="+l.dir, "-cp", l.peer+":"+l.libs+"/*", "FraudWatch", l.brokers, app, fmt.Sprint(l.threads))
	}
	s.groups = func(app string) map[string][]string {
		return map[string][]string{app: {"order_events", app + "-by-customer-repartition"}}
	}
	return s
}

// proveFraud verifies inv on orders of the same shape.
func (l *lab) proveFraud(ctx context.Context) error {
	if !l.proves() {
		return nil
	}
	t := l.fraudTask(proofRecords, proofRecords/20)
	if err := l.prepare(ctx, t, "orders"); err != nil {
		return err
	}
	return l.prove(ctx, t)
}

// fraud compares the declared topology with the same in Kafka Streams.
func fraud(ctx context.Context, l *lab) error {
	if err := l.proveFraud(ctx); err != nil {
		return err
	}
	customers := max(l.orders/20, 1)
	t := l.fraudTask(l.orders, customers)
	if err := l.prepare(ctx, t, "orders"); err != nil {
		return err
	}
	fmt.Printf("\n### Fraud: %d orders of %d customers, %d partitions, exactly once\n\n", l.orders, customers, l.partitions)
	runs, err := l.compare(ctx, t, l.orders, "orders", fraudSide(t), fraudStreams("memory", "in memory"))
	if err == nil {
		ratio(runs["inv"], runs["streams-memory"], "Kafka Streams", 4, 6)
	}
	return err
}

// fraudState compares the memory of a million keys.
func fraudState(ctx context.Context, l *lab) error {
	if err := l.proveFraud(ctx); err != nil {
		return err
	}
	t := l.fraudTask(3*l.orders, l.orders)
	if err := l.prepare(ctx, t, "orders"); err != nil {
		return err
	}
	fmt.Printf("\n### State: %d orders of %d customers, of which one in twenty has none, %d partitions\n\n", 3*l.orders, l.orders, l.partitions)
	sides := []side{fraudSide(t), fraudStreams("memory", "in memory"), fraudStreams("rocksdb", "RocksDB")}
	runs, err := l.compare(ctx, t, 3*l.orders, "orders", sides...)
	if err != nil {
		return err
	}
	for _, s := range sides[1:] {
		if len(runs["inv"]) > 0 && len(runs[s.name]) > 0 {
			fmt.Printf("- inv has 1/%.1f of the RSS of %s (wanted: ≤ 1/4)\n", medianOf(runs[s.name], rss)/medianOf(runs["inv"], rss), s.title)
		}
	}
	return nil
}
