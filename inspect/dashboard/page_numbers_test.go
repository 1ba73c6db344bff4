package dashboard_test

import (
	"fmt"
	"testing"

	"inv/inspect/dashboard"
	"inv/internal/event"
	"inv/internal/kafka/fetch"
)

// Whole numbers and amounts of any size that records can hold are shown with all their digits.
func TestNumbersBeyond53Bits(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	const exact, most = 1<<53 + 1, 999_999_999_999_999_999 // JavaScript shows 9007199254740992 and 1000000000000000000
	at := c.clock.Load()
	c.product(lamp("a"))
	c.update(event.Update{ProductID: "a", CurrentStock: most, Seq: 1, Timestamp: at - 300_000})
	c.update(event.Update{ProductID: "a", CurrentStock: most - exact, Delta: -exact, Seq: 2, UnmetQuantity: exact, UnitPrice: 1000, // 0.001

		Timestamp: at, Cause: "order_events/0@1#0"})
	c.update(event.Update{ProductID: "b", CurrentStock: -exact, Seq: exact, ReorderThreshold: exact, ReorderQuantity: exact, CriticalThreshold: exact,
		Timestamp: at, Cause: "stock_receipts/0@1#0", Delta: -99_999_999_999_999_999})
	r := event.Reorder{EventID: "reorder-b-1", ProductID: "b", ReorderQuantity: exact, CurrentStock: -exact, Priority: event.PriorityUrgent, Timestamp: at}
	c.take(dashboard.Reorders, "reorder_events", "b", event.AppendReorder(nil, &r))
	a := event.Alert{AlertID: "alert-b-1", ProductID: "b", CurrentStock: exact, Threshold: exact, Timestamp: at}
	c.take(dashboard.Alerts, "inventory_alerts", "b", event.AppendAlert(nil, &a))
	c.hub.Update(func(m *dashboard.Model) {
		m.SetStatus(dashboard.Status{AsOf: at, Behind: exact, Lag: []dashboard.Lag{
			{Group: "inv-ledger", Known: true, Exact: true, Records: exact}, {Group: "inv-ingest", Known: true, Exact: true, Records: 10}}})
	})
	b := browse(t, c.url)
	b.screen(1440, 900, "light", false)
	b.open("")
	b.until(`document.querySelectorAll("tr.row").length === 2 && !!document.querySelector("#alerts a") && !!document.querySelector("#reorders a")`)
	const left = "990,992,800,745,259,006" // most − exact
	contains := func(selector string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			b.until(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, text))
		}
	}
	contains(`tr[data-id="a"] .c-stock`, left)
	contains(`tr[data-id="a"] .c-last`, "−9,007,199,254,740,993")
	contains(`tr[data-id="b"] .c-stock`, "-9,007,199,254,740,993", "18,014,398,509,481,986")
	contains(`tr[data-id="b"] .c-bar`, "9,007,199,254,740,993")
	contains(`tr[data-id="b"] .c-last`, "−99,999,999,999,999,999")
	contains(`tr[data-id="b"] .c-order`, "9,007,199,254,740,993")
	contains("#alerts", "9,007,199,254,740,993")
	contains("#reorders", "9,007,199,254,740,993")
	contains("#system", "9,007,199,254,740,993")
	contains("#fact-lag", "9,007,199,254,741,003")
	evaluate[bool](b, `(() => { for (const d of document.querySelectorAll(".chart details")) d.open = true; return true })()`)
	contains(`.chart:nth-of-type(2) tbody`, "9,007,199,254,740,993")
	contains(`.chart:nth-of-type(3) tbody`, "9,007,199,254,740.99")
	if label := evaluate[string](b, `document.querySelector(".chart:nth-of-type(2) svg").getAttribute("aria-label")`); label == "" {
		t.Error("the chart has no description")
	}
	for what, expression := range map[string]string{
		"cells do not overlap":    `[...document.querySelectorAll("tr.row .cell > :not(.sev, svg)")].every((e) => e.getBoundingClientRect().right <= e.closest("td").getBoundingClientRect().right && (!e.textContent || getComputedStyle(e).overflowX === "clip"))`,
		"long numbers are titles": fmt.Sprintf(`document.querySelector('tr[data-id="a"] .stock b').title === %q`, left),
	} {
		if !evaluate[bool](b, expression) {
			t.Errorf("%s: false", what)
		}
	}
	b.snap("numbers")
	b.open("#/product/a")
	b.until(`document.querySelectorAll("#detail .list tbody tr").length === 2`)
	evaluate[bool](b, `document.querySelector("#detail details").open = true`)
	contains("#detail .list", left, "−9,007,199,254,740,993", "9,007,199,254,740,993")
	contains("#detail details", "999,999,999,999,999,999", left)
	contains("#detail .label.most", "999,999,999,999,999,999")
	contains(".detail-stock", left)
	b.open("#/product/b")
	contains("#detail .kv", "9,007,199,254,740,993")
	if n := evaluate[int](b, `[...document.querySelectorAll("#detail svg *")].filter((e) => [...e.attributes].some((a) => /NaN|Infinity/.test(a.value))).length`); n != 0 {
		t.Errorf("%d parts of the chart have no place", n)
	}
}

// A burst of orders stays in the rates of the first minute.
func TestRatesOfTheFirstMinute(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	first := c.clock.Load()/1000*1000 + 900
	c.clock.Store(first)
	c.product(lamp("a"))
	c.update(event.Update{ProductID: "a", CurrentStock: 34, Delta: -6, Seq: 2, UnitPrice: 10 * event.MoneyUnit, Timestamp: first, Cause: "order_events/0@1#0"})
	c.stage(dashboard.LoadingDone)
	b := browse(t, c.url)
	b.open("")
	for _, after := range []int64{0, 9_200, 11_200, 35_999, 36_000, 59_000} {
		c.clock.Store(first + after)
		c.stage(dashboard.LoadingDone)
		seconds := max(10, (first+after)/1000-first/1000+1)
		b.until(fmt.Sprintf(`[...document.querySelectorAll(".chart .muted")].every((e) => e.textContent.includes("%d s"))`, seconds))
		want := fmt.Sprintf("%.0f %.0f %.0f", 60/float64(seconds), 360/float64(seconds), 3600/float64(seconds))
		b.until(fmt.Sprintf(`[...document.querySelectorAll(".chart .big")].map((e) => Math.round(e.textContent.replace(/[^0-9.]/g, ""))).join(" ") === %q`, want))
	}
}

// Names can't change the direction of what stands beside them, wherever the page
// shows them.
func TestBidiControlsAreIsolated(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	at := c.clock.Load()
	// Overrides, unfinished isolates, ends of isolates that were not begun, and a
	// paragraph, in which all isolates end.
	hostile := []string{"\u202eevil", "ev\u2067il\u202e", "\u2069\u2069\u202eevil", "\u2066\u2069\u2069\u202eevil", "ev\u2029\u202eil", "\u05d0\u05d1", "\u202bevil\u2069\u202e"}
	for i, name := range hostile {
		id := fmt.Sprint("p", i, name)
		c.product(event.Product{ID: id, Name: name, Category: name, WarehouseID: name, Price: 1, ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, InitialStock: 40})
		c.update(event.Update{ProductID: id, CurrentStock: 4, Delta: -6, Seq: 1, Timestamp: at, Cause: "order_events/0@1#0"})
		a := event.Alert{AlertID: "alert", ProductID: id, ProductName: name, CurrentStock: 4, Threshold: 5, WarehouseID: name, Timestamp: at}
		c.take(dashboard.Alerts, "inventory_alerts", id, event.AppendAlert(nil, &a))
		r := event.Reorder{EventID: "reorder-" + id, ProductID: id, ReorderQuantity: 50, Priority: event.PriorityUrgent, Timestamp: at}
		c.take(dashboard.Reorders, "reorder_events", id, event.AppendReorder(nil, &r))
		c.take(dashboard.DeadLetters, "order_events.dlq", "k", nil, fetch.Header{Key: event.HeaderDLQTopic, Value: []byte(name)},
			fetch.Header{Key: event.HeaderDLQReason, Value: []byte(name)}, fetch.Header{Key: event.HeaderDLQMessage, Value: []byte(name + "no number in line 3")})
		c.take(dashboard.Updates, "topic"+name, id, []byte(`"`+name+`"`))
	}
	c.hub.Update(func(m *dashboard.Model) {
		m.SetStatus(dashboard.Status{AsOf: at, Trouble: "topic " + hostile[2] + " can't be read (abc 123)", Missing: []string{hostile[0], hostile[2]},
			Lag: []dashboard.Lag{{Group: hostile[2], Known: true, Exact: true, Records: 123}}})
	})
	b := browse(t, c.url)
	b.screen(1440, 900, "light", false)
	// Of our own words and numbers, each character is to the right of the one before,
	// unless a new line begins.
	const reversed = `(() => {
		const found = [];
		for (const d of document.querySelectorAll("details")) d.open = true;
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let node = walker.nextNode(); node; node = walker.nextNode()) {
			if (!node.parentElement.checkVisibility() || /SCRIPT|STYLE|OPTION/.test(node.parentElement.nodeName)) continue;
			let depth = 0; // what is isolated may be reversed
			const own = [...node.data].map((c) => {
				if (/[\u2066-\u2068]/.test(c)) depth++;
				if (c === "\u2069") depth--;
				return depth > 0 ? " " : c;
			}).join("");
			const x = (i) => {
				const range = document.createRange();
				range.setStart(node, i);
				range.setEnd(node, i + 1);
				return range.getBoundingClientRect();
			};
			for (const word of own.matchAll(/[A-Za-z0-9]{2,}/g)) {
				for (let i = word.index + 1; i < word.index + word[0].length; i++) {
					const before = x(i - 1), after = x(i);
					if (before.width && after.width && after.top === before.top && after.left < before.left) {
						found.push(node.data);
						break;
					}
				}
			}
		}
		return found;
	})()`
	check := func(where string) {
		t.Helper()
		if texts := evaluate[[]string](b, reversed); len(texts) > 0 {
			t.Errorf("%s: reversed in %q", where, texts)
		}
	}
	b.open("")
	b.until(fmt.Sprintf(`document.querySelectorAll("tr.row").length === %d && document.querySelectorAll("#alerts a").length === %[1]d && !document.querySelector("#banner").hidden && document.querySelectorAll("#dead li").length === %[1]d`, len(hostile)))
	b.snap("bidi")
	check("the overview")
	// Sentences that others wrote around names spell the controls.
	b.until(`document.querySelector("#banner").textContent.includes("Topic \\u2069\\u2069\\u202eevil can't be read (abc 123)")`)
	b.until(`document.querySelector("#dead dl").textContent.includes("\\u202eno number in line 3")`)
	for i := range hostile {
		b.open("")
		b.until(fmt.Sprintf(`!!document.querySelector('tr[data-id^="p%d"] a')`, i))
		evaluate[bool](b, fmt.Sprintf(`document.querySelector('tr[data-id^="p%d"] a').click() === undefined`, i))
		b.until(`!!document.querySelector("#detail .list tbody tr")`)
		check(fmt.Sprintf("the page of %q", hostile[i]))
	}
}
