package processor_test

import (
	"bytes"
	"testing"

	"inv/internal/kafkatest"
	"inv/processor/inventory"
)

// A backlog of a large catalogue and of orders, all there before the start: the
// catalogue is read first, so that no line has to wait for its product.
func TestCatalogueIsReadFirst(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products := catalogOf(3000)
	s.create()
	s.write(s.catalogRecords(products)...)
	s.write(s.orderRecords(ordersOf(3000, products, 1))...)
	s.drain(func(c *config) { c.Topologies = []string{inventory.Name} })
	for _, r := range s.all(s.topic("ledger-changelog")) {
		if bytes.HasPrefix(r.Key, []byte("w/")) {
			t.Fatalf("a line waited for its product: %q", r.Key)
		}
	}
}
