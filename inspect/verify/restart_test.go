package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// startOver writes a part of the outputs again, as a processor does that was reset
// and reads the inputs from their start.
func (h *history) startOver(part, of int) {
	for _, topic := range []string{"orders.dlq", "reorders", "alerts", "receipts", "updates"} {
		all := slices.Clone(h.records[topic])
		for _, r := range all[:len(all)*part/of] {
			h.again(r)
		}
	}
}

// After a reset that kept the outputs there is one finding, which says so.
func TestSecondHistoryAfterAReset(t *testing.T) {
	for name, c := range map[string]struct {
		start func(h *history)
		rest  string
		seen  string
	}{
		"once":        {func(h *history) { h.startOver(1, 1) }, "", "2: the updates of 2 of 2 products begin again at seq 1"},
		"twice":       {func(h *history) { h.startOver(1, 1); h.startOver(1, 2) }, "", "3: the updates of 2 of 2"},
		"and more":    {func(h *history) { h.startOver(1, 1); h.order("o9", line1("chair", 49)); h.deliver() }, "", "2: the updates of 2 of 2"},
		"not all yet": {func(h *history) { h.startOver(1, 3) }, "group inv-ledger has more to read", "2: the updates of 2 of 2"},
	} {
		h := plain(t)
		c.start(h)
		r := h.audit(testOptions(), c.rest)
		if len(r.Findings) != 1 || r.Findings[0].Check != "2.seq" || !strings.Contains(r.Findings[0].Seen, c.seen) || r.Verdict != Violated || !r.Signs.Restarted {
			t.Errorf("%s: %q, %+v", name, r.seen(), r.Findings)
		}
		for _, check := range r.Checks {
			if check.ID[:2] < "5." && check.ID != "2.seq" && check.Verdict != Undecided {
				t.Errorf("%s: %s %s", name, check.ID, check.Verdict)
			}
		}
	}
}

// Other faults than a second history are found one by one.
func TestRepeatedUpdatesAreNoSecondHistory(t *testing.T) {
	for name, wrong := range map[string]func(h *history){
		"an opening twice": func(h *history) { h.again(h.update("chair", 1)) },
		"each opening twice": func(h *history) {
			for _, product := range []string{"chair", "desk-2"} {
				h.again(h.update(product, 1))
			}
		},
		"a product twice": func(h *history) {
			for _, r := range slices.Clone(h.records["updates"]) {
				if string(r.Key) == "chair" {
					h.again(r)
				}
			}
		},
		"the last updates twice": func(h *history) {
			for _, r := range []*kgo.Record{h.update("chair", 5), h.update("chair", 6), h.update("desk-2", 2)} {
				h.again(r)
			}
		},
	} {
		h := plain(t)
		wrong(h)
		if r := h.audit(testOptions(), ""); r.Signs.Restarted || r.Checks[checkCauses].Violations == 0 {
			t.Errorf("%s: %q, %+v", name, r.seen(), r.Findings)
		}
	}
}
