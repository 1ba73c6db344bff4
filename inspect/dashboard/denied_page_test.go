package dashboard_test

import (
	"fmt"
	"testing"
)

// The page names the permissions that are missing, marks what is stale for lack of
// them, and calls nothing empty that can't be read.
func TestPageWithoutPermissions(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	b := browse(t, w.url)
	b.spy()
	b.screen(1440, 900, "light", false)
	b.openLive()
	b.until(`document.querySelector("#dead").textContent.includes("None so far")`)
	deny := func(denied string) {
		evaluate[bool](b, fmt.Sprintf(`fetch("/api/summary").then((r) => r.json()).then((f) => {
			for (const s of streams) s.close();
			Object.assign(f.status, {denied: %s, lag: [{group: "inv-ledger", known: false, records: 0, exact: true, denied: true}]});
			return streams.at(-1).dispatchEvent(new MessageEvent("delta", {data: JSON.stringify({status: f.status})}));
		}) && true`, denied))
	}
	deny(`[
		{operation: "Read", resource: "topic", name: "inventory_alerts", section: "alerts", as_of: 1700000000000},
		{operation: "Describe", resource: "topic", name: "order_events.dlq", section: "dead_letters", as_of: 0}]`)
	b.until(`(() => {
		const text = document.querySelector("#banner").textContent;
		return !document.querySelector("#banner").hidden && text.includes("not authorized for Read on topic inventory_alerts (last read at ") && text.includes("Describe on topic order_events.dlq.");
	})()`)
	b.until(`document.querySelector("#alerts-total").textContent.includes("stale since")`)
	b.until(`document.querySelector("#dead-total").textContent.includes("can't be read")`)
	b.until(`!document.querySelector("#dead").textContent.includes("None so far")`)
	b.until(`document.querySelector("#system").textContent.includes("not authorized")`)
	const marked = `[...document.querySelectorAll("main [data-stale]")].map((e) => e.querySelector("h2")?.id ?? e.id).join()`
	b.until(marked + ` === "alerts-title,dead-title"`)
	b.snap("denied")
	deny(`[]`)
	b.until(`document.querySelector("#banner").hidden && ` + marked + ` === ""`)
	b.until(`document.querySelector("#dead").textContent.includes("None so far")`)
}
