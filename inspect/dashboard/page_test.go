package dashboard_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafkatest"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rowOf returns JavaScript for the row of a product, optional since invisible rows are
// drawn a little later.
func rowOf(id string) string { return fmt.Sprintf(`document.querySelector('tr[data-id="%s"]')?`, id) }

// The features of the page, one after another in one browser.
func TestPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 40, 200)
	hostile := w.store.Products()[3]
	hostile.Name = `<script>document.title="owned"</script><img src=x onerror=alert(1)>`
	w.write(w.store.Change(hostile, time.Now())...)
	w.run()
	w.loaded()
	line := newProxy(t, w.url)
	b := browse(t, line.url())
	b.screen(1440, 1000, "light", false)
	b.open("")
	b.until(`document.querySelector("#connection").dataset.state === "live"`)
	b.until(`document.querySelectorAll("tr.row").length === 40`)

	p := w.store.Products()[0]
	t.Run("an order shortens the bar", func(t *testing.T) {
		b.t = t
		w.sell(p, p.Stock)
		w.write(w.store.Restock(p, p.ReorderThreshold+p.ReorderQuantity, time.Now())...)
		row := rowOf(p.ID)
		b.until(fmt.Sprintf(`%s.querySelector(".stock b").textContent === "%d"`, row, p.Stock))
		width := evaluate[float64](b, row+`.querySelector(".fill").getAttribute("width") * 1`)
		w.sell(p, p.ReorderThreshold)
		b.until(fmt.Sprintf(`%s.querySelector(".stock b").textContent === "%d"`, row, p.Stock))
		if now := evaluate[float64](b, row+`.querySelector(".fill").getAttribute("width") * 1`); now >= width {
			t.Errorf("the bar is %v wide after the order, %v before", now, width)
		}
	})

	t.Run("an alert appears without reload", func(t *testing.T) {
		b.t = t
		evaluate[bool](b, `window.notReloaded = true`)
		w.sell(p, p.Stock)
		b.until(fmt.Sprintf(`[...document.querySelectorAll("#alerts a")].some((a) => a.getAttribute("href") === "#/product/%s")`, p.ID))
		b.until(rowOf(p.ID) + `.dataset.s === "out"`)
		b.until(fmt.Sprintf(`document.querySelector("#announcer").textContent.includes(%q)`, p.Name))
		if !evaluate[bool](b, `window.notReloaded === true`) {
			t.Error("the page was reloaded")
		}
		b.until(fmt.Sprintf(`document.querySelector("#reorders").textContent.includes(%q)`, p.Name))
	})

	t.Run("a product named <script> stays text", func(t *testing.T) {
		b.t = t
		b.until(fmt.Sprintf(`%s.querySelector("a").textContent.startsWith("<script>")`, rowOf(hostile.ID)))
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`location.hash = "#/product/%s"`, hostile.ID)))
		b.until(`document.querySelector("#detail-title")?.textContent.startsWith("<script>")`)
		if n := evaluate[int](b, `document.querySelectorAll("main script, main img").length`); n != 0 || evaluate[string](b, `document.title`) == "owned" {
			t.Error("the name became part of the page")
		}
		b.do(chromedp.KeyEvent(kb.Escape))
		b.until(`!document.querySelector("#overview").hidden && document.querySelector("#detail").hidden`)
	})

	t.Run("search and filters", func(t *testing.T) {
		b.t = t
		// Not the driver's key event, which types the key although the page's handler
		// prevents it.
		evaluate[bool](b, `document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true, cancelable: true}))`)
		b.until(`document.activeElement.id === "search"`)
		b.do(chromedp.KeyEvent(p.ID))
		b.until(`document.querySelectorAll("tr.row").length === 1 && document.querySelector("#shown").textContent === "1 match"`)
		b.do(chromedp.Click("#clear"))
		b.until(`document.querySelectorAll("tr.row").length === 40`)
		b.do(chromedp.Click(`.tile[data-severity="out"]`))
		b.until(`[...document.querySelectorAll("tr.row")].every((r) => r.dataset.s === "out")`)
		if hash := evaluate[string](b, `location.hash`); !strings.Contains(hash, "severity=out") {
			t.Errorf("the address is %s: the filter is lost on reload", hash)
		}
		b.do(chromedp.Click("#clear"))
		b.until(`document.querySelectorAll("tr.row").length === 40`)
	})

	t.Run("a row stays with its product", func(t *testing.T) {
		b.t = t
		last := w.store.Products()[7]
		w.write(w.store.Restock(last, 1000, time.Now())...)
		b.until(`[...document.querySelectorAll("tr.row")].at(-1).dataset.id === "` + last.ID + `"`)
		evaluate[bool](b, fmt.Sprintf(`(window.kept = [...document.querySelectorAll("tr.row")]).length === 40 && (%s.querySelector("a").focus(), true)`, rowOf(p.ID)))
		w.sell(last, last.Stock)
		b.until(fmt.Sprintf(`[...document.querySelectorAll("tr.row")].slice(0, 2).some((r) => r.dataset.id === %q && r.dataset.s === "out")`, last.ID))
		for what, expression := range map[string]string{
			"the focus stays with its product": fmt.Sprintf(`document.activeElement.closest("tr").dataset.id === %q`, p.ID),
			"rows are reused":                  `kept.every((r) => r.isConnected)`,
			"only one row moves":               `kept.at(-1).dataset.id === "` + last.ID + `"`,
			"rows are in order":                `[...document.querySelectorAll("tr.row")].every((r, i) => r.getAttribute("aria-rowindex") === String(i + 2))`,
			"each product has one row":         `new Set([...document.querySelectorAll("tr.row")].map((r) => r.dataset.id)).size === 40`,
		} {
			if !evaluate[bool](b, expression) {
				t.Errorf("%s: false", what)
			}
		}
	})

	t.Run("a product's own page", func(t *testing.T) {
		b.t = t
		b.until(rowOf(p.ID) + `.querySelector("a").click() === undefined && location.hash !== "#/"`)
		b.until(`document.querySelector("#detail .stock-line") && document.querySelectorAll("#detail .list tbody tr").length > 2`)
		b.do(chromedp.Click("#detail summary"), chromedp.Focus("#back"))
		evaluate[bool](b, `(window.kept = [...document.querySelectorAll("#detail *")]).length > 50`)
		restocked := w.store.Restock(p, 25, time.Now())
		w.write(restocked...)
		b.until(`document.querySelector(".detail-stock")?.textContent === "25"`)
		for what, expression := range map[string]string{
			"the focus stays":            `document.activeElement.id === "back"`,
			"open details stay open":     `document.querySelector("#detail details").open`,
			"elements are reused":        `kept.filter((e) => !e.isConnected).length < 5`,
			"the newest change is first": `document.querySelector("#detail .list tbody td:nth-child(3)").textContent === "25"`,
		} {
			if !evaluate[bool](b, expression) {
				t.Errorf("%s: false", what)
			}
		}
		b.do(chromedp.NavigateBack())
		b.until(`!document.querySelector("#overview").hidden`)
	})

	t.Run("times in UTC", func(t *testing.T) {
		b.t = t
		b.do(chromedp.Click("#zone"))
		b.until(`document.querySelector("#asof").textContent.endsWith("Z") && document.querySelector("tr.row .c-last small")?.textContent.endsWith("Z")`)
		b.do(chromedp.Click("#zone"))
		b.until(`!document.querySelector("#asof").textContent.endsWith("Z")`)
	})

	t.Run("chart descriptions", func(t *testing.T) {
		b.t = t
		b.do(chromedp.Focus(".chart svg"), chromedp.KeyEvent(kb.ArrowLeft))
		b.until(`/^\d\d:\d\d/.test(document.querySelector(".chart output").textContent)`)
		b.do(chromedp.Click(".chart summary"))
		b.until(`document.querySelectorAll(".chart tbody tr").length >= 58`)
		b.do(chromedp.Click(".chart summary"))
	})

	t.Run("cells do not overlap", func(t *testing.T) {
		b.t = t
		for _, width := range []int64{800, 1280, 1440} {
			b.screen(width, 900, "light", false)
			b.until(`[...document.querySelectorAll("tr.row .cell > *")].every((e) =>
				e.getBoundingClientRect().right <= e.closest("td").getBoundingClientRect().right)`)
		}
	})

	t.Run("names for screen readers", func(t *testing.T) {
		b.t = t
		for what, expression := range map[string]string{
			"charts have a role and a name":      `[...document.querySelectorAll(".chart svg")].every((s) => s.getAttribute("role") === "img" && s.getAttribute("aria-label").length > 20)`,
			"controls have a name":               `[...document.querySelectorAll("button, input, select")].every((c) => c.textContent.trim() || c.labels?.[0]?.textContent.trim())`,
			"rows have an index":                 `document.querySelector("tr.row").getAttribute("aria-rowindex") === "2" && document.querySelector("#table").getAttribute("aria-rowcount") === "41"`,
			"states are words, not only colours": `[...document.querySelectorAll("tr.row .sev")].every((s) => s.textContent.length > 1)`,
			"one heading of the first level":     `document.querySelectorAll("h1").length === 1`,
			"only alerts are announced":          `document.querySelectorAll("[aria-live=polite]").length === 1`,
		} {
			if !evaluate[bool](b, expression) {
				t.Errorf("%s: false", what)
			}
		}
	})

	t.Run("a hidden page", func(t *testing.T) {
		b.t = t
		b.setHidden(true)
		b.until(`document.querySelector("#connection").dataset.state === "hidden"`)
		w.sell(p, 1)
		b.setHidden(false)
		b.until(`document.querySelector("#connection").dataset.state === "live"`)
		b.until(fmt.Sprintf(`%s.querySelector(".stock b").textContent === "%d"`, rowOf(p.ID), p.Stock))
	})

	t.Run("the stream reconnects", func(t *testing.T) {
		b.t = t
		b.allow("ERR_")
		b.allow("Failed to load resource")
		line.set(true)
		b.until(`document.querySelector("#connection").dataset.state === "stale" && !document.querySelector("#banner").hidden`)
		b.until(`document.querySelector("#banner").textContent.startsWith("Stale: showing data from ")`)
		b.snap("stale")
		w.sell(p, 1)
		line.set(false)
		b.until(`document.querySelector("#connection").dataset.state === "live" && document.querySelector("#banner").hidden`)
		b.until(fmt.Sprintf(`%s.querySelector(".stock b").textContent === "%d"`, rowOf(p.ID), p.Stock))
	})
	b.t = t
}

func TestPageScrollsTenThousandProducts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 10_000, 100)
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.screen(1440, 1000, "light", false)
	b.open("#/?sort=name")
	b.until(`document.querySelector("#table").getAttribute("aria-rowcount") === "10001"`)
	if n := evaluate[int](b, `document.querySelectorAll("tr.row").length`); n > 100 {
		t.Errorf("%d rows are in the document", n)
	}
	for _, to := range []string{"0.5", "0.99", "1", "0.25"} {
		evaluate[float64](b, fmt.Sprintf(`(() => { const s = document.querySelector("#scroll"); return s.scrollTop = %s * (s.scrollHeight - s.clientHeight) })()`, to))
		b.until(`(() => { const box = document.querySelector("#scroll").getBoundingClientRect();
			const rows = [...document.querySelectorAll("tr.row")].map((r) => r.getBoundingClientRect());
			const top = box.top + document.querySelector("thead").offsetHeight;
			return rows[0].top <= top + 1 && rows.at(-1).bottom >= box.bottom - 1 })()`)
	}
	index := evaluate[int](b, `document.querySelector("tr.row").getAttribute("aria-rowindex") * 1`)
	if index < 2300 || index > 2600 {
		t.Errorf("at a quarter of the height, the first row is %d", index)
	}
	b.snap("ten-thousand")
}

// Screenshots of each page to review before a release, in the widths of phones, tablets
// and desktops, light and dark, written to the folder INV_SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	if os.Getenv("INV_SCREENSHOTS") == "" {
		t.Skip("INV_SCREENSHOTS is not set")
	}
	w := newWorld(t, kafkatest.Embedded(t), 400, 40_000)
	w.store.Products()[3].WarehouseID = "distribution-centre-north-rhine-westphalia-duisburg-hall-14"
	w.write(w.store.Change(w.store.Products()[3], time.Now())...)
	w.write(&kgo.Record{Topic: w.topics.DeadLetters[0], Value: []byte("{"), Headers: []kgo.RecordHeader{
		{Key: event.HeaderDLQReason, Value: []byte(event.NotJSON)}, {Key: event.HeaderDLQMessage, Value: []byte("the order ends early")}}})
	w.run()
	w.loaded()
	b := browse(t, w.url)
	pages := []struct{ name, hash, ready string }{
		{"overview", "", `document.querySelectorAll("tr.row").length > 2`},
		{"product", "#/product/" + w.store.Products()[10].ID, `!!document.querySelector(".stock-line")`},
		{"unknown", "#/product/nothing", `!!document.querySelector("#detail h2")`},
		{"few", "#/?q=prod-0000", `document.querySelectorAll("tr.row").length === 9`},
	}
	for _, width := range []int64{320, 390, 820, 1440, 2560} {
		for _, scheme := range []string{"light", "dark"} {
			for _, p := range pages {
				b.screen(width, map[bool]int64{true: 844, false: 900}[width < 500], scheme, width < 500)
				b.open(p.hash)
				b.until(`document.querySelector("#connection").dataset.state === "live" && document.fonts.status === "loaded" && ` + p.ready)
				b.snap(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
				if width < 2000 {
					b.snapAll(fmt.Sprintf("%s-%d-%s-whole", p.name, width, scheme))
				}
			}
		}
	}
}

// Without topics, the page shows what is missing and what to do.
func TestPageWithoutTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 0, 0)
	w.run()
	b := browse(t, w.url)
	b.screen(1440, 900, "light", false)
	b.open("")
	b.until(`document.querySelector("#system").textContent.includes("no topic yet")`)
	b.until(`document.querySelector("#empty").textContent.includes("inv produce catalog")`)
	b.snap("no-topics")
}
