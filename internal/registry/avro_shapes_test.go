package registry

import (
	"testing"

	"inv/internal/event"
)

// The schemas of the built-in records can be derived, and their values fit.
func TestEventShapes(t *testing.T) {
	for _, kind := range []string{event.KindProduct, event.KindOrder, event.KindUpdate, event.KindReorder, event.KindAlert, event.KindReceipt} {
		s, ok := event.Shape(kind)
		if !ok {
			t.Fatalf("%s has no shape", kind)
		}
		source, misfits := Derive(Avro, "Events", "inventory", s)
		if len(misfits) > 0 {
			t.Fatalf("%s: %v", kind, misfits)
		}
		if misfits := Fit(compiled(t, source.Text), s); len(misfits) > 0 {
			t.Errorf("%s: %v", kind, misfits)
		}
	}
}
