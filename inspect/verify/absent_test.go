package verify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// without takes fields out of all updates.
func (h *history) without(fields ...string) {
	h.t.Helper()
	for _, r := range h.records["updates"] {
		var v map[string]any
		if err := json.Unmarshal(r.Value, &v); err != nil {
			h.t.Fatal(err)
		}
		for _, f := range fields {
			delete(v, f)
		}
		var err error
		if r.Value, err = json.Marshal(v); err != nil {
			h.t.Fatal(err)
		}
	}
}

// othersOptions are for a processor that is not known.
func othersOptions() Options {
	o := testOptions()
	o.App = ""
	return o
}

// A field that a processor does not write leaves the checks undecided that need
// it, and is not held against it. Each of them, alone and with each other.
func TestFieldsAbsentAreNoFinding(t *testing.T) {
	undecided := map[string][]string{
		"current_stock":      {"2.delta", "2.opening", "2.stock", "3.alerts", "3.reorders", "4.quantities"},
		"reorder_threshold":  {"3.alerts", "3.reorders"},
		"reorder_quantity":   {"3.alerts", "3.reorders"},
		"critical_threshold": {"3.alerts", "3.reorders"},
		"seq":                {"2.opening", "2.seq", "3.alerts", "3.reorders", "4.quantities"},
		"delta":              {"2.delta", "2.opening", "2.stock", "4.quantities"},
		"cause":              {"1.causes", "1.lines", "1.once", "2.delta", "2.opening", "4.input", "4.quantities"},
		"unit_price":         nil, "product_name": nil, "category": nil, "warehouse_id": nil, "timestamp": nil,
		"last_order_id": nil, "last_reorder_id": nil, "last_updated": nil,
	}
	for field, also := range undecided {
		for other, more := range undecided {
			h := plain(t)
			h.without(field, other)
			r := h.audit(othersOptions(), "")
			var want []string
			for _, id := range append(slices.Clone(also), more...) {
				want = append(want, id+" undecided 0")
			}
			slices.Sort(want)
			if got := r.seen(); !slices.Equal(got, slices.Compact(want)) {
				t.Errorf("without %s and %s: got %q\nwant %q\n%+v", field, other, got, want, r.Findings)
			}
		}
	}
}

// What the options should have been is said.
func TestAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		change func(h *history, o *Options)
		want   string
	}{
		"another application": {func(_ *history, o *Options) { o.App = "other" }, "all outputs were written by inv"},
		"the reference's fields": {func(h *history, _ *Options) {
			h.without("seq", "reorder_threshold", "critical_threshold", "reorder_quantity", "cause", "delta")
		}, "like the reference system's"},
	} {
		h, o := plain(t), testOptions()
		c.change(h, &o)
		r := h.audit(o, "")
		if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], c.want) {
			t.Errorf("%s: %q", name, r.Warnings)
		}
	}
	if r := plain(t).audit(testOptions(), ""); len(r.Warnings) > 0 {
		t.Errorf("a right history: %q", r.Warnings)
	}
}
