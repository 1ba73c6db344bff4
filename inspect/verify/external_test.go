package verify_test

import (
	"fmt"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The processor without procurement, whose reorders somebody else delivers in two
// parts, the first of them under the reorder's own id.
func TestExternalProcurement(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers, verify.PolicyDefault, 1)
		s.running = []string{"inventory"}
		for n := range 12 {
			s.send("catalog", fmt.Sprintf("p%d", n), event_(&event.Product{ID: fmt.Sprintf("p%d", n), Name: "P", ReorderThreshold: 20,
				ReorderQuantity: 50, CriticalThreshold: 5, InitialStock: 25}, event.AppendProduct))
		}
		delivered := map[string]bool{}
		for round := range 3 {
			for n := range 60 {
				id := fmt.Sprintf("o%d-%d", round, n)
				s.send("orders", id, s.order(id))
			}
			s.drain()
			s.mustHold()
			s.deliverInParts(delivered)
			s.drain()
			s.mustHold()
		}
		if len(delivered) < 12 {
			t.Errorf("just %d reorders were delivered", len(delivered))
		}
	})
}

// deliverInParts writes two receipts for each reorder that has none, the smaller
// one first.
func (s *system) deliverInParts(delivered map[string]bool) {
	s.t.Helper()
	spans, err := kafka.Spans(s.t.Context(), s.client, s.topic("reorders"))
	if err != nil {
		s.t.Fatal(err)
	}
	err = kafka.Read(s.t.Context(), kafka.Config{Brokers: s.brokers}, spans, func(_ int, r *kgo.Record) bool {
		var v event.Reorder
		if err := event.ParseReorder(r.Value, &v); err != nil {
			s.t.Error(err)
		}
		if delivered[v.EventID] {
			return false
		}
		delivered[v.EventID] = true
		for part, quantity := range []int64{20, 30} {
			id := v.EventID
			if part > 0 {
				id += "-rest"
			}
			s.send("receipts", v.ProductID, event_(&event.Receipt{ReceiptID: id, EventID: v.EventID, ProductID: v.ProductID, Quantity: quantity,
				Timestamp: time.Now().UnixMilli()}, event.AppendReceipt))
		}
		return false
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
