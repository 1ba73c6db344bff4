package dashboard_test

import (
	"fmt"
	"testing"

	"inv/inspect/dashboard"
	"inv/internal/event"
)

// A link to a product that does not exist says so in a fresh tab, once everything
// that could name it is read, and shows the product when there is one.
func TestPageOfAnUnknownProduct(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	c.product(lamp("a"))
	b := browse(t, c.url)
	b.open("#/product/nobody")
	b.until(`document.querySelector("#connection").dataset.state !== "connecting" && document.querySelector("#detail").textContent.includes("Loading…")`)
	for _, loading := range []string{dashboard.LoadingReorders, dashboard.LoadingCharts} {
		c.stage(loading)
		b.until(`document.querySelector("#connection").dataset.state === "live" && document.querySelector("#detail").textContent.includes("Loading…")`)
	}
	c.stage(dashboard.LoadingDone)
	b.until(`document.querySelector("#detail").textContent.includes("No product has this id.")`)
	b.open("#/product/nobody")
	b.until(`document.querySelector("#detail").textContent.includes("No product has this id.")`)
	c.product(lamp("nobody"))
	b.until(`document.querySelector("#detail-title").textContent === "Lamp nobody"`)
}

// While receipts are still to be read, no number of open reorders is shown, nor one
// that looks final while older ones are.
func TestOpenReordersWhileLoading(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	c.product(lamp("a"))
	for i := range 3 {
		c.product(lamp(fmt.Sprint(i)))
		r := event.Reorder{EventID: fmt.Sprint("reorder-", i), ProductID: fmt.Sprint(i), ReorderQuantity: 50, Priority: event.PriorityNormal, Timestamp: c.clock.Load()}
		c.take(dashboard.Reorders, "reorder_events", r.EventID, event.AppendReorder(nil, &r))
	}
	b := browse(t, c.url)
	b.screen(1440, 900, "light", false)
	b.open("")
	b.until(`document.querySelectorAll("tr.row").length === 4 && document.querySelector("#fact-reorders").textContent === "Loading…"`)
	for _, list := range []string{"#alerts", "#dead"} {
		if text := evaluate[string](b, `document.querySelector("`+list+`").textContent`); text != "" {
			t.Errorf("%s says %q before anything was read", list, text)
		}
	}
	c.stage(dashboard.LoadingReorders)
	b.until(`document.querySelector("#alerts").textContent === "No alerts yet"`)
	b.until(`document.querySelectorAll("tr.row").length === 4 && document.querySelector("#fact-reorders").textContent === "Loading…"`)
	const badges, listed = `[...document.querySelectorAll(".c-order .badge")].length`, `document.querySelectorAll("#reorders a").length`
	b.until(badges + ` === 0 && ` + listed + ` === 0 && document.querySelector("#reorders-total").textContent === "loading older ones…"`)
	if text := evaluate[string](b, `document.querySelector("#reorders").textContent`); text != "" {
		t.Errorf("the list of open reorders says %q while they are read", text)
	}
	b.open("#/product/1")
	b.until(`document.querySelector("#detail .kv")?.textContent.includes("Open reorderLoading…")`)
	b.open("")
	for _, loading := range []string{dashboard.LoadingCharts, dashboard.LoadingPast} {
		c.stage(loading)
		b.until(`document.querySelector("#fact-reorders").textContent === "3 so far" && ` + badges + ` === 3 && ` + listed + ` === 3`)
	}
	c.stage(dashboard.LoadingDone)
	b.until(`document.querySelector("#dead").textContent === "None so far"`)
	b.until(`document.querySelector("#fact-reorders").textContent === "3" && document.querySelector("#reorders-total").textContent === "3, oldest first"`)
}
