package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"inv/inspect/dashboard/simulate"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Updates of the reference system have no delta. What the first one of a product in
// the hour changed follows from the last one before the hour; a product's first
// update ever counts as an order of unknown units.
func TestFirstUpdatesOfTheHour(t *testing.T) {
	t.Parallel()
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		w := newWorld(t, brokers, 0, 0)
		w.create()
		kafkatest.DeleteAfter(t, w.client, w.names()...)
		w.store = simulate.New(w.topics, 1, 3)
		now := time.Now()
		update := func(p *simulate.Product, stock int, order string, ago time.Duration) *kgo.Record {
			at := now.Add(-ago)
			value := fmt.Sprintf(`{"current_stock":%d,"last_order_id":%q,"last_updated":%d,"product_id":%q}`, stock, order, at.UnixMilli(), p.ID)
			return &kgo.Record{Topic: w.topics.Updates, Key: []byte(p.ID), Value: []byte(value), Timestamp: at}
		}
		a, b, c := w.store.Products()[0], w.store.Products()[1], w.store.Products()[2]
		w.write(
			update(a, 50, "order-1", 3*time.Hour), update(a, 40, "order-2", 2*time.Hour),
			update(b, 30, "order-2", 2*time.Hour), update(c, 9, "order-3", 2*time.Hour),
			update(a, 36, "order-4", 20*time.Minute), update(a, 35, "order-5", 10*time.Minute),
			update(b, 70, "order-2", 10*time.Minute), // a restock
			update(b, 69, "order-6", 5*time.Minute),
		)
		once := *c
		once.ID = "never-before"
		w.write(update(&once, 5, "order-7", time.Minute))
		w.run()
		w.loaded()
		var f frame
		if err := w.get("/api/summary", &f); err != nil {
			t.Fatal(err)
		}
		var orders, units int64
		for _, m := range f.Minutes {
			orders, units = orders+m.Orders, units+m.Units
		}
		if orders != 4 || units != 4+1+1 {
			t.Errorf("%d orders of %d units in the last hour, want 4 of 6", orders, units)
		}
	})
}
