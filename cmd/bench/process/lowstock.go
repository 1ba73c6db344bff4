package main

import (
	"context"
	"errors"
	"fmt"
)

// lowStock compares the declared detection of low stock on the updates of a backlog of
// orders with the built-in topology that wrote them.
func lowStock(ctx context.Context, l *lab) error {
	t := task{
		topology: "low-stock", keyed: true, inputs: []string{"product_catalog", "inventory_updates"},
		read: []string{"inventory_updates"}, outputs: []string{"low_reorders", "low_alerts"}, writes: []string{"low-reorders", "low-alerts"},
	}
	if l.proves() {
		if err := l.updates(ctx, proofRecords); err != nil {
			return err
		}
		if err := l.prove(ctx, t); err != nil {
			return err
		}
	}
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, l.orders); err != nil {
		return err
	}
	fmt.Printf("\n### Low stock: the updates of %d orders over %d products, %d partitions, exactly once\n\n", l.orders, l.products, l.partitions)
	if !l.cold {
		l.progress("a run of inv that does not count, to warm up the broker")
		if _, err := l.drainOnce(ctx, invSide()); err != nil {
			return err
		}
	}
	var own []*drained
	for range l.rounds {
		d, err := l.drainOnce(ctx, invSide())
		if err != nil {
			return err
		}
		own = append(own, d)
	}
	updates := int(own[len(own)-1].topics["inventory_updates"].records)
	if updates == 0 {
		return errors.New("inv wrote no updates")
	}
	l.shape, l.loaded = shape{}, 0 // the orders are deleted
	runs, err := l.compare(ctx, t, updates, "updates", declaredSide(t))
	if err != nil {
		return err
	}
	took := medianOf(own, seconds)
	fmt.Printf("- the built-in topology wrote them in %.1f s, that is %.0f/s, with %.1f CPU s and %s, and with them %d reorders and %d alerts\n", took,
		float64(updates)/took, medianOf(own, cpu), mb(medianOf(own, rss)), own[0].topics["reorder_events"].records, own[0].topics["inventory_alerts"].records)
	fmt.Printf("- declared / built-in: %.2f × the rate (wanted: ≥ 0.7), %.2f × the CPU seconds\n", took/medianOf(runs["inv"], seconds),
		medianOf(runs["inv"], cpu)/medianOf(own, cpu))
	return nil
}

// updates makes the updates of so many orders.
func (l *lab) updates(ctx context.Context, orders int) error {
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, orders); err != nil {
		return err
	}
	_, err := l.drainOnce(ctx, invSide())
	l.shape, l.loaded = shape{}, 0 // the orders are deleted
	return err
}
