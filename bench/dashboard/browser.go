package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// inBrowser measures a page in chromium: how long until an update is in the
// document, and how smooth the page stays.
func (s *setting) inBrowser(ctx context.Context, url string, probe *probe) error {
	folder, err := os.MkdirTemp("", "bench-dashboard-browser")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.UserDataDir(folder),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1440, 1000))
	allocator, closeAllocator := chromedp.NewExecAllocator(ctx, options...)
	defer closeAllocator()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	ready := `document.querySelector("#connection").dataset.state === "live" && document.querySelector("tr.row")`
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		return err
	}
	if _, err := chromedp.Run(tab, chromedp.Poll[any](ready)); err != nil {
		return err
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		return err
	}
	const watch = `
		window.bench = {frames: [], long: [], seen: []};
		new PerformanceObserver((l) => bench.long.push(...l.getEntries().map((e) => e.duration))).observe({type: "longtask"});
		(function frame(last) { requestAnimationFrame((now) => { bench.frames.push(now - last); frame(now); }) })(performance.now());
		true`
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](watch)); err != nil {
		return err
	}
	// The driver has the browser keep all that the page receives, for its network
	// panel; when that store grows it takes the main thread up to 50 ms.
	if _, err := chromedp.Call(tab, network.Disable, cdp.Empty{}); err != nil {
		return err
	}
	// The thread's own time says what the page costs, also on a busy machine.
	threadTime := performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}
	if _, err := chromedp.Call(tab, performance.Enable, threadTime); err != nil {
		return err
	}
	before, err := spent(tab)
	if err != nil {
		return err
	}
	if err := sleep(ctx, s.during); err != nil {
		return err
	}
	after, err := spent(tab)
	if err != nil {
		return err
	}
	for _, name := range []string{"TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"} {
		fmt.Printf("%-36s %8.2f ms of each second\n", "main thread, "+name, (after[name]-before[name])/s.during.Seconds()*1000)
	}
	type result struct {
		Frames, Long []float64
	}
	got, err := chromedp.Run(tab, chromedp.Evaluate[result](`bench`))
	if err != nil {
		return err
	}
	var worst, over float64
	for _, f := range got.Frames {
		worst = max(worst, f)
		if f > 50 {
			over++
		}
	}
	fmt.Printf("%-36s %8.2f ms, of %d in %s\n", "the longest frame", worst, len(got.Frames), s.during)
	s.bounds.most("frames over 50 ms", over, "", 0)
	s.bounds.least("frames", float64(len(got.Frames))/s.during.Seconds(), "/s", 30)
	if err := s.trace(ctx, tab); err != nil {
		return err
	}
	return s.toDocument(ctx, tab, probe)
}

// spent is the time that the page's main thread has used, by purpose, in s.
func spent(tab context.Context) (map[string]float64, error) {
	got, err := chromedp.Call(tab, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	by := map[string]float64{}
	for _, m := range got.Metrics {
		by[m.Name] = m.Value
	}
	return by, nil
}

// toDocument measures commits to the document on the probe's own page.
func (s *setting) toDocument(ctx, tab context.Context, probe *probe) error {
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](`location.hash = "#/product/`+probe.product+`"`)); err != nil {
		return err
	}
	const watch = `
		bench.seen = [];
		new MutationObserver(() => {
			const n = document.querySelector("#detail .list tbody td:nth-child(5)")?.textContent.replace(/\D/g, "");
			if (n && bench.last !== n) { bench.last = n; bench.seen.push([n * 1, Date.now()]); }
		}).observe(document.querySelector("#detail"), {childList: true, characterData: true, subtree: true});
		true`
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](watch)); err != nil {
		return err
	}
	probe.reset()
	if err := sleep(ctx, s.during); err != nil {
		return err
	}
	seen, err := chromedp.Run(tab, chromedp.Evaluate[[][2]float64](`bench.seen`))
	if err != nil {
		return err
	}
	for _, one := range seen[min(5, len(seen)):] { // the first were there before
		probe.seen(int64(one[0]), time.UnixMilli(int64(one[1])))
	}
	return probe.judge("committed to document", &s.bounds)
}
