package dashboard_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafkatest"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// somePage is a page with what shows that it is drawn.
type somePage struct{ name, hash, ready string }

// pagesOf returns all kinds of pages of a world.
func pagesOf(w *world) []somePage {
	return []somePage{
		{"overview", "", `document.querySelectorAll("tr.row").length > 2 && document.querySelector("#dead").textContent`},
		{"filtered", "#/?q=prod-0000&severity=ok", `document.querySelector("#shown").textContent.includes("match") && document.querySelector("#alerts a") && document.querySelector("#reorders a")`},
		{"no match", "#/?q=nothing+has+this+name", `!document.querySelector("#empty").hidden && document.querySelector("#alerts a") && document.querySelector("#reorders a")`},
		{"product", "#/product/" + w.store.Products()[1].ID, `document.querySelector(".stock-line")`},
		{"unknown product", "#/product/nothing", `document.querySelector("#detail h2")`},
	}
}

// visit opens a page and waits until it is drawn.
func (b *tab) visit(p somePage) {
	b.t.Helper()
	b.open(p.hash)
	b.until(`!!(document.querySelector("#connection").dataset.state === "live" && ` + p.ready + `)`)
}

// variedWorld has alerts, reorders, long names and a record that could not be processed.
func variedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, kafkatest.Embedded(t), 25, 1000)
	p := w.store.Products()[0]
	p.WarehouseID, p.Name = longWarehouse, strings.Repeat("A product with a long name ", 4)
	w.write(w.store.Change(p, time.Now())...)
	w.sell(p, p.Stock+3)
	w.sell(w.store.Products()[1], w.store.Products()[1].Stock+3)
	w.write(&kgo.Record{Topic: w.topics.DeadLetters[0], Value: []byte("{"), Headers: []kgo.RecordHeader{
		{Key: event.HeaderDLQReason, Value: []byte(event.NotJSON)}, {Key: event.HeaderDLQMessage, Value: []byte("the order ends early")}}})
	w.run()
	w.loaded()
	return w
}

const longWarehouse = "distribution-centre-north-rhine-westphalia-duisburg-hall-14"

// axe reads the script of axe-core, whose path is in INV_AXE. Without one the test is
// skipped, unless INV_REQUIRE_BROWSER is set, as in CI.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("INV_AXE")
	switch {
	case path != "":
	case os.Getenv("INV_REQUIRE_BROWSER") != "":
		t.Fatal("INV_REQUIRE_BROWSER is set and INV_AXE is not: INV_AXE=$(.ci/axe)")
	default:
		t.Skip("needs axe-core: INV_AXE=$(.ci/axe)")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// violations runs all rules of axe-core on the page, also the one for the size of
// targets, which is off by default.
const violations = `axe.run(document, {resultTypes: ["violations"], preload: false, rules: {"target-size": {enabled: true}}})
	.then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + n.failureSummary)))`

// axe-core finds nothing on any page, light or dark, on a phone or a desktop.
func TestAxe(t *testing.T) {
	t.Parallel()
	script := axe(t)
	w := variedWorld(t)
	line := newProxy(t, w.url)
	b := browse(t, line.url())
	find := func(name string) []string {
		t.Helper()
		b.do(chromedp.Evaluate[chromedp.Void](script))
		found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](violations, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return found
	}
	check := func(name string) {
		t.Helper()
		for _, v := range find(name) {
			t.Errorf("%s: %s", name, v)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1440} {
			b.screen(width, 900, scheme, width < 500)
			for _, p := range pagesOf(w) {
				b.visit(p)
				evaluate[bool](b, `document.querySelectorAll(".chart:first-child details, #dead details, #detail details").forEach((d) => d.open = true) === undefined`)
				check(fmt.Sprintf("%s, %s, %d px", p.name, scheme, width))
			}
		}
	}
	b.allow("ERR_")
	b.allow("Failed to load resource")
	b.visit(pagesOf(w)[0])
	line.set(true)
	b.until(`document.querySelector("#connection").dataset.state === "stale" && !document.querySelector("#banner").hidden`)
	check("stale")

	evaluate[bool](b, `document.querySelector("main").append(document.createElement("button")) === undefined`)
	if found := find("a button without a name"); !strings.Contains(fmt.Sprint(found), "button-name") {
		t.Errorf("axe-core found %q, want a button without a name", found)
	}
}

// small is JavaScript for the targets below 24 by 24 px, WCAG 2.2's 2.5.8.
const small = `[...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")]
	.filter((e) => e.checkVisibility() && !e.closest(".skip"))
	.map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width < 24 || r.height < 24)
	.map(([e, r]) => e.tagName + " " + e.textContent.slice(0, 20) + " " + r.width + "×" + r.height)`

// clipped is JavaScript for the texts of which something is cut off without an ellipsis,
// and whatever sticks out of a row that cuts it off, or of the page.
const clipped = `(() => {
	const name = (e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 30);
	const found = [];
	if (document.documentElement.scrollWidth > innerWidth + 1) found.push("the page is " + document.documentElement.scrollWidth + " px wide of " + innerWidth);
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
		if (!own || !e.checkVisibility() || e.closest("thead, .sr, .skip, option, svg, noscript")) continue;
		const style = getComputedStyle(e);
		if (style.overflowY !== "visible" && style.overflowY !== "auto" && e.scrollHeight > e.clientHeight + 2) found.push("cut below: " + name(e));
		if (style.overflowX !== "visible" && style.overflowX !== "auto" && style.textOverflow !== "ellipsis" && e.scrollWidth > e.clientWidth + 1) found.push("cut at the right: " + name(e));
		const box = e.closest("tr.row, .feed li, .side .panel-head, .tile, .chart, .kv, #shown");
		if (!box) continue;
		const [inner, outer] = [e.getBoundingClientRect(), box.getBoundingClientRect()];
		if (inner.bottom > outer.bottom + 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1) found.push("sticks out: " + name(e));
	}
	return found;
})()`

// Every page is complete, and its targets are large enough, from 320 to 2560 px and with
// twice the text size.
func TestSizes(t *testing.T) {
	t.Parallel()
	w := variedWorld(t)
	b := browse(t, w.url)
	for _, c := range []struct {
		width, height, text int64
	}{{320, 640, 16}, {820, 1180, 16}, {1440, 900, 16}, {2560, 1440, 16}, {390, 844, 32}, {1440, 900, 32}} {
		size := page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: c.text}}
		if _, err := chromedp.Call(b.ctx, page.SetFontSizes, size); err != nil {
			t.Fatal(err)
		}
		b.screen(c.width, c.height, "light", c.width < 500)
		for _, p := range pagesOf(w) {
			b.visit(p)
			name := fmt.Sprintf("%s-%d-text-%d", p.name, c.width, c.text)
			if got, want := evaluate[float64](b, `parseFloat(getComputedStyle(document.documentElement).fontSize)`), float64(c.text)*0.875; got < want {
				t.Errorf("%s: the text is %v px high, want at least %v", name, got, want)
			}
			for what, found := range map[string]string{"too small a target": small, "incomplete": clipped} {
				for _, one := range evaluate[[]string](b, found) {
					t.Errorf("%s: %s: %s", name, what, one)
				}
			}
			b.snap(name)
		}
	}
}

// After navigation the focus is on the heading, and the title of the tab names the page.
func TestNavigationMovesTheFocus(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	p := w.store.Products()[2]
	b := browse(t, w.url)
	b.screen(1440, 900, "light", false)
	b.openLive()
	b.until(`document.title === "Inventory" && document.activeElement === document.body`)
	b.until(rowOf(p.ID) + `.querySelector("a").click() === undefined && location.hash.startsWith("#/product/")`)
	b.until(fmt.Sprintf(`document.title === %q`, p.Name+" – Inventory"))
	b.until(fmt.Sprintf(`document.activeElement.id === "detail-title" && document.activeElement.textContent === %q`, p.Name))
	b.do(chromedp.NavigateBack())
	b.until(fmt.Sprintf(`document.title === "Inventory" && document.activeElement.closest("tr")?.dataset.id === %q`, p.ID))
}
