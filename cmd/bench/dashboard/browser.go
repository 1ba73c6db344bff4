package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// inBrowser measures a page in chromium: how long until an update is in the document,
// and how smoothly the page runs.
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
	// Otherwise the browser records all that the page receives for the driver's
	// network panel, on the page's main thread.
	if _, err := chromedp.Call(tab, network.Disable, cdp.Empty{}); err != nil {
		return err
	}
	const watch = `
		window.bench = {frames: []};
		(function frame(last) {
			requestAnimationFrame((now) => {
				bench.frames.push(now - last);
				if (now - last > 50) performance.mark("` + longFrame + `" + (now - last), {startTime: now});
				frame(now);
			});
		})(performance.now());
		true`
	var frames []float64
	events, err := s.trace(ctx, tab, func() error {
		if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](watch)); err != nil {
			return err
		}
		if err := sleep(ctx, s.during); err != nil {
			return err
		}
		var err error
		frames, err = chromedp.Run(tab, chromedp.Evaluate[[]float64](`bench.frames`))
		return err
	})
	if err != nil {
		return err
	}
	s.judgeFrames(frames)
	s.judgeTasks(events)
	return s.toDocument(ctx, tab, probe)
}

// judgeFrames checks the times between frames, in ms.
func (s *setting) judgeFrames(frames []float64) {
	if len(frames) == 0 {
		s.bounds.least("frames", 0, "/s", 30)
		return
	}
	slices.Sort(frames)
	first, _ := slices.BinarySearch(frames, 50.0001)
	fmt.Printf("%-36s %8.2f ms, p99 %.2f, of %d in %s\n", "the longest frame", frames[len(frames)-1], frames[len(frames)*99/100], len(frames), s.during)
	s.bounds.most("frames over 50 ms", float64(len(frames)-first), "", 0)
	s.bounds.least("frames", float64(len(frames))/s.during.Seconds(), "/s", 30)
}

// toDocument measures the time from commits to the document on the page of the
// probe's product.
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
	for _, one := range seen[min(5, len(seen)):] { // the first were shown before
		probe.seen(int64(one[0]), time.UnixMilli(int64(one[1])))
	}
	return probe.judge("committed to document", &s.bounds)
}
