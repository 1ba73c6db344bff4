package dashboard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/chromedp/chromedp"
)

// expect fails the test for each expression that is not true.
func (b *tab) expect(expressions map[string]string) {
	b.t.Helper()
	for what, expression := range expressions {
		if !evaluate[bool](b, expression) {
			b.t.Errorf("%s: false", what)
		}
	}
}

// The page speaks of orders, deliveries and records that could not be processed; where
// something lies in Kafka is in the titles.
func TestWords(t *testing.T) {
	t.Parallel()
	w := variedWorld(t)
	p := w.store.Products()[2]
	w.write(w.store.Restock(p, 50, time.Now())...)
	w.sell(p, 2)
	b := browse(t, w.url)
	b.screen(1440, 900, "light", false)
	b.visit(pagesOf(w)[0])
	b.until(`document.querySelector("#dead dd.wide") !== null`)
	b.expect(map[string]string{
		"no dead letters":      `!/dead.letter/i.test(document.body.textContent)`,
		"the panel's title":    `document.querySelector("#dead-title").textContent === "Records that could not be processed"`,
		"the reason in words":  `document.querySelector("#dead b").textContent === "not json" && document.querySelector("#dead b").title === "not-json"`,
		"the message":          `document.querySelector("#dead dd.wide").textContent === "the order ends early"`,
		"its place":            fmt.Sprintf(`document.querySelector("#dead dd.wide").title.startsWith(%q)`, w.topics.DeadLetters[0]+"/"),
		"units are shipped":    `[...document.querySelectorAll(".chart h2")].some((h) => h.textContent === "Units shipped per minute")`,
		"amounts are bare":     `/^[\d.,]+[KM]?$/.test([...document.querySelectorAll(".chart .big")].at(-1).textContent)`,
		"the warehouse is cut": fmt.Sprintf(`document.querySelector("#warehouse").offsetWidth < 260 && [...document.querySelectorAll("tr.row small")].some((s) => s.title.endsWith(%q) && s.scrollWidth > s.clientWidth)`, longWarehouse),
	})
	b.do(chromedp.Click("#zone"), chromedp.Click("#theme"), chromedp.Click(`.tile[data-severity="out"]`))
	b.until(`document.querySelector(".tile[data-severity=out]").title.startsWith("Filter on")`)
	b.expect(map[string]string{
		"the zone says its state":  `document.querySelector("#zone").textContent === "Times: UTC"`,
		"the theme says its state": `document.querySelector("#theme").textContent === "Theme: light"`,
		"a filter says its state":  `document.querySelector(".tile[data-severity=out]").ariaPressed === "true" && getComputedStyle(document.querySelector(".tile[data-severity=out]"), "::after").content.includes("✓")`,
	})
	b.visit(somePage{hash: "#/product/" + p.ID, ready: `document.querySelectorAll("#detail .cause").length > 3`})
	b.expect(map[string]string{
		"an order by its id":          `document.querySelector("#detail td.cause").textContent.startsWith("order-")`,
		"its place is in the title":   fmt.Sprintf(`document.querySelector("#detail td.cause").title.includes(%q)`, w.topics.Orders+"/"),
		"a delivery":                  `[...document.querySelectorAll("#detail td.cause")][1].textContent === "delivery"`,
		"no place is in any sentence": fmt.Sprintf(`!document.querySelector("main:not([hidden])").textContent.includes(%q)`, w.topics.Orders),
	})
}

// With a currency all amounts have it.
func TestCurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 5, 100)
	w.currency = "EUR"
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.screen(1440, 900, "light", false)
	b.openLive()
	b.until(`document.querySelectorAll(".chart .big")[2]?.textContent.includes("€")`)
	b.expect(map[string]string{
		"the sum":        `document.querySelectorAll(".chart output")[2].textContent.includes("€")`,
		"not the orders": `!document.querySelectorAll(".chart")[0].textContent.includes("€")`,
	})
	b.visit(somePage{hash: "#/product/" + w.store.Products()[0].ID, ready: `document.querySelector("#detail .kv")`})
	b.until(`[...document.querySelectorAll("#detail dd")].some((d) => /€\d+\.\d\d/.test(d.textContent))`)
}

// A chart of a few minutes has a bar for each of them, from edge to edge.
func TestYoungChartsFillTheirWidth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 3, 0)
	w.sell(w.store.Products()[0], 1)
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.screen(1440, 900, "light", false)
	b.openLive()
	b.until(`/^1 in [12] min$/.test(document.querySelector(".chart output").textContent)`)
	// One bar in the middle; or two, if a minute has begun since.
	b.until(`(() => {
		const bars = [...document.querySelectorAll(".chart svg")[0].querySelectorAll("rect")].map((r) => [+r.getAttribute("x"), +r.getAttribute("width"), +r.getAttribute("height")]);
		const drawn = bars.filter(([, , height]) => height > 0);
		return drawn.length === 1 && (Math.abs(drawn[0][0] + drawn[0][1] / 2 - 300) < 1 || Math.abs(drawn[0][0] + drawn[0][1] / 2 - 150) < 1);
	})()`)
	b.expect(map[string]string{
		"the description": `/the last [12] minutes?:/.test(document.querySelector(".chart svg").ariaLabel)`,
		"a mark for each": `[...document.querySelectorAll(".chart")[0].querySelectorAll(".axis span")].filter((s) => !s.hidden).length <= 2`,
	})
	b.snap("young")
}

// Nothing is empty under the table or beside it, with few products and with many.
func TestNoEmptySpaceUnderTheTable(t *testing.T) {
	t.Parallel()
	few := newWorld(t, kafkatest.Embedded(t), 3, 100)
	few.run()
	few.loaded()
	many := variedWorld(t)
	b := browse(t, many.url)
	b.screen(1440, 900, "light", false)
	for _, url := range []string{few.url, many.url, many.url + "#/?q=prod-0000"} {
		b.url = url
		b.visit(somePage{ready: `document.querySelectorAll("tr.row").length > 2 && document.querySelector("#system").textContent`})
		b.until(`(() => {
			const box = (selector) => document.querySelector(selector).getBoundingClientRect();
			const table = box(".products").bottom - box("#scroll").bottom;
			const below = box(".below").top - box(".products").bottom;
			const rows = [...document.querySelectorAll("tr.row")].at(-1).getBoundingClientRect().bottom;
			return table < 3 && below < 20 && box("#scroll").bottom - rows < 20 && box(".side").bottom - box(".below").bottom < 20;
		})()`)
	}
}

// A phone's list has what the table has: thresholds and the open reorder.
func TestPhoneShowsThresholdsAndReorders(t *testing.T) {
	t.Parallel()
	w := variedWorld(t)
	b := browse(t, w.url)
	b.screen(390, 844, "light", true)
	b.visit(pagesOf(w)[0])
	b.until(`[...document.querySelectorAll("tr.row")].slice(0, 2).every((r) => {
		const [bounds, order] = [r.querySelector(".c-bar small"), r.querySelector(".c-order .badge")];
		return /critical ≤ \d+ · reorder ≤ \d+/.test(bounds.textContent) && bounds.checkVisibility() && bounds.scrollWidth <= bounds.clientWidth && order?.checkVisibility();
	})`)
	if strings.Contains(evaluate[string](b, `getComputedStyle(document.querySelector(".products thead")).position`), "static") {
		t.Error("the phone has the desktop's table")
	}
}
