package dashboard_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Each common complaint about live dashboards has a test, listed in
// docs/dev/testing.md. These only need a browser.

// spy runs before the page's own code. It records the event streams that the page
// opens and what forces a layout while a frame is drawn.
const spy = `
	window.streams = [];
	window.EventSource = class extends EventSource {
		constructor(...args) {
			super(...args);
			this.heard = 0;
			for (const name of ["snapshot", "delta"]) this.addEventListener(name, () => this.heard++);
			streams.push(this);
		}
	};
	window.drawing = false;
	window.forced = [];
	const frame = window.requestAnimationFrame.bind(window);
	window.requestAnimationFrame = (draw) => frame((at) => {
		drawing = true;
		try { draw(at); } finally { drawing = false; }
	});
	const watch = (proto, name) => {
		const was = Object.getOwnPropertyDescriptor(proto, name);
		const asked = (use) => function (...args) {
			if (drawing) forced.push(name + " of " + (this.id || this.className || this.tagName));
			return use.apply(this, args);
		};
		Object.defineProperty(proto, name, was.get ? {...was, get: asked(was.get)} : {...was, value: asked(was.value)});
	};
	for (const name of ["scrollTop", "scrollHeight", "clientHeight", "clientWidth", "getBoundingClientRect"]) watch(Element.prototype, name);
	for (const name of ["offsetHeight", "offsetWidth", "offsetTop"]) watch(HTMLElement.prototype, name);`

func (b *tab) spy() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: spy}); err != nil {
		b.t.Fatal(err)
	}
}

// openStreams is JavaScript for the number of open event streams.
const openStreams = `streams.filter((s) => s.readyState !== EventSource.CLOSED).length`

// smallWorld returns a loaded dashboard of five products.
func smallWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, kafkatest.Embedded(t), 5, 10)
	w.run()
	w.loaded()
	return w
}

// openLive opens the page and waits until it is live.
func (b *tab) openLive() {
	b.t.Helper()
	b.open("")
	b.until(`document.querySelector("#connection").dataset.state === "live"`)
}

func (b *tab) setHidden(hidden bool) {
	b.t.Helper()
	evaluate[bool](b, fmt.Sprintf(`Object.defineProperty(document, "hidden", {configurable: true, get: () => %v}); document.dispatchEvent(new Event("visibilitychange"))`, hidden))
}

// heap returns the memory of the page's scripts after garbage collection, in bytes.
func (b *tab) heap() float64 {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	usage, err := chromedp.Call(b.ctx, runtime.GetHeapUsage, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	return float64(usage.UsedSize)
}

// A page that is left open does not grow, and never forces a layout while drawing.
func TestPageLeftOpen(t *testing.T) {
	t.Parallel()
	const products = 300
	w := newWorld(t, kafkatest.Embedded(t), products, 6000) // more alerts than the feed keeps
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.spy()
	b.screen(1440, 1000, "light", false)
	b.open("")
	b.until(`document.querySelector("#connection").dataset.state === "live" && document.querySelectorAll("tr.row").length === 80`)
	busy := func(orders int) {
		for range orders / 50 {
			heard := evaluate[int](b, `streams[0].heard`)
			now := time.Now()
			records := w.store.Order(now)
			for range 49 {
				records = append(records, w.store.Order(now)...)
			}
			w.write(records...)
			b.until(fmt.Sprintf(`streams[0].heard > %d`, heard))
		}
	}
	busy(500) // warm up
	const elements = `document.querySelectorAll("*").length`
	heap, nodes := b.heap(), evaluate[int](b, elements)
	busy(1500)
	if now := evaluate[int](b, elements); now > nodes+200 {
		t.Errorf("the document grew from %d to %d elements", nodes, now)
	}
	if now := b.heap(); now > heap+1<<20 {
		t.Errorf("the scripts' memory grew from %.0f to %.0f bytes", heap, now)
	}
	if n := evaluate[int](b, openStreams); n != 1 {
		t.Errorf("%d event streams are open, want 1: a browser has six connections to a host", n)
	}
	if forced := evaluate[[]string](b, `[...new Set(forced)]`); len(forced) > 0 {
		t.Errorf("forced layouts while drawing: %q", forced)
	}
	evaluate[float64](b, `document.querySelector("#alerts").scrollTop = 20`)
	b.until(`document.querySelectorAll("#alerts li:not(.note)").length > 100`)
	if n := evaluate[int](b, `document.querySelectorAll("#alerts li:not(.note)").length`); n > 400 {
		t.Errorf("the feed has %d alerts, want 400 at most", n)
	}
}

// A hidden page holds no connection, since a browser has only six to a host. It
// catches up when it is visible again.
func TestHiddenPageHoldsNoConnection(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	b := browse(t, w.url)
	b.spy()
	b.openLive()
	b.setHidden(true)
	b.until(openStreams + ` === 0 && document.querySelector("#connection-text").textContent === "Paused"`)
	evaluate[bool](b, `dispatchEvent(new Event("online"))`)
	if n := evaluate[int](b, openStreams); n != 0 {
		t.Error("a hidden page connects when the network is back")
	}
	b.setHidden(false)
	b.until(openStreams + ` === 1 && document.querySelector("#connection").dataset.state === "live"`)
}

// An open but dead connection is noticed, and so is a device that slept.
func TestDeadConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	line := newProxy(t, w.url)
	b := browse(t, line.url())
	b.spy()
	b.openLive()
	line.freeze(true)
	b.until(`document.querySelector("#connection").dataset.state === "stale" && document.documentElement.hasAttribute("data-stale")`)
	b.until(`document.querySelector("#banner").textContent.includes("not responding")`)
	if filter := evaluate[string](b, `getComputedStyle(document.querySelector("main")).filter`); filter != "grayscale(1)" {
		t.Errorf("stale data has filter %s, want grayscale(1)", filter)
	}
	line.freeze(false)
	b.until(`document.querySelector("#connection").dataset.state === "live" && !document.documentElement.hasAttribute("data-stale")`)
	was := evaluate[int](b, `streams.length`)
	evaluate[bool](b, `(() => { const now = Date.now; Date.now = () => now() + 60_000; return true })()`)
	b.until(fmt.Sprintf(`streams.length > %d && %s === 1`, was, openStreams))
	b.until(`document.querySelector("#connection").dataset.state === "live"`)
}

// A tab from before an update of inv offers to reload.
func TestOldTabOffersReload(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	b := browse(t, w.url)
	b.spy()
	b.openLive()
	evaluate[bool](b, `streams[0].dispatchEvent(new MessageEvent("hello", {data: '{"version":1,"build":"another"}'}))`)
	b.until(`!document.querySelector("#banner").hidden && document.querySelector("#banner button").textContent === "Reload"`)
}

// A page whose stream is refused shows the reason.
func TestPageShowsWhyItIsRefused(t *testing.T) {
	t.Parallel()
	w := smallWorld(t)
	for status := 0; status != http.StatusServiceUnavailable; {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"api/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		status = resp.StatusCode
	}
	b := browse(t, w.url)
	b.allow("503")
	b.open("")
	b.until(`document.querySelector("#banner").textContent.includes("Too many event streams are open: 256.")`)
}

// Incomplete parts of the page are marked while they load.
func TestPageWhileLoading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 5, 400)
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.spy()
	b.screen(1440, 900, "dark", false)
	b.openLive()
	stage := func(name string) {
		evaluate[bool](b, fmt.Sprintf(`fetch("/api/summary").then((r) => r.json()).then((f) => {
			for (const s of streams) s.close();
			Object.assign(f.status, {loading: %q, progress: 0.4});
			return streams.at(-1).dispatchEvent(new MessageEvent("delta", {data: JSON.stringify({status: f.status})}));
		}) && true`, name))
	}
	stage("charts")
	b.until(`document.querySelector(".plot.loading")?.dataset.loading === "Loading the last hour… 40 %"`)
	b.until(`document.querySelector("#reorders-total").textContent.includes("loading older ones")`)
	b.snap("loading")
	stage("past")
	b.until(`!document.querySelector(".plot.loading") && document.querySelector("#dead-total").textContent.includes("loading older ones")`)
	stage("")
	b.until(`!document.body.textContent.includes("loading older ones")`)
}
