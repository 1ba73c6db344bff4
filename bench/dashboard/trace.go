package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// taskEvent is a task in a trace; times in µs.
type taskEvent struct {
	Name     string  `json:"name"`
	Process  int     `json:"pid"`
	Thread   int     `json:"tid"`
	Duration float64 `json:"dur"`
	CPU      float64 `json:"tdur"` // of the thread itself
	Args     struct {
		Name string `json:"name"`
	} `json:"args"`
}

// trace records what the page's main thread does, and prints its longest tasks
// by the clock and by its own time: on a busy machine only the latter is the
// page's doing.
func (s *setting) trace(ctx, tab context.Context) error {
	var mu sync.Mutex
	var events []taskEvent
	complete := make(chan struct{})
	err := chromedp.Listen(tab, func(ev any) {
		switch e := ev.(type) {
		case *tracing.EventDataCollected:
			mu.Lock()
			defer mu.Unlock()
			for _, raw := range e.Value {
				var one taskEvent
				if json.Unmarshal([]byte(raw), &one) == nil {
					events = append(events, one)
				}
			}
		case *tracing.EventTracingComplete:
			close(complete)
		}
	})
	if err != nil {
		return err
	}
	config := &tracing.TraceConfig{IncludedCategories: []string{"toplevel", "blink", "__metadata"}}
	if _, err := chromedp.Call(tab, tracing.Start, tracing.StartParams{TraceConfig: config}); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	if err := sleep(ctx, s.during); err != nil {
		return err
	}
	if _, err := chromedp.Call(tab, tracing.End, cdp.Empty{}); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	select {
	case <-complete:
	case <-ctx.Done():
		return ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	s.judgeTasks(events)
	return nil
}

func (s *setting) judgeTasks(events []taskEvent) {
	mains := map[[2]int]bool{}
	for _, e := range events {
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			mains[[2]int{e.Process, e.Thread}] = true
		}
	}
	var tasks, overClock, overCPU, forced float64
	var clock, cpu float64
	for _, e := range events {
		if e.Duration == 0 || !mains[[2]int{e.Process, e.Thread}] {
			continue
		}
		if e.Name == "Blink.ForcedStyleAndLayout.UpdateTime" {
			forced++
		}
		if e.Name != "ThreadControllerImpl::RunTask" {
			continue // a part of one
		}
		tasks++
		clock, cpu = max(clock, e.Duration/1000), max(cpu, e.CPU/1000)
		if e.Duration > 50_000 {
			overClock++
		}
		if e.CPU > 50_000 {
			overCPU++
		}
	}
	fmt.Printf("%-36s %8.2f ms by the clock, %.2f ms by the thread's own time, of %.0f in %s\n", "the longest task in a trace", clock, cpu, tasks, s.during)
	s.bounds.most("tasks over 50 ms, by the clock", overClock, "", 0)
	s.bounds.most("tasks over 50 ms, own time", overCPU, "", 0)
	s.bounds.most("layouts forced by scripts", forced, "", 0)
	s.bounds.least("tasks traced", tasks, "", 1)
}
