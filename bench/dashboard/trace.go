package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

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
func trace(ctx, tab context.Context, during time.Duration) error {
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
	config := &tracing.TraceConfig{IncludedCategories: []string{"toplevel", "__metadata"}}
	if _, err := chromedp.Call(tab, tracing.Start, tracing.StartParams{TraceConfig: config}); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	if err := sleep(ctx, during); err != nil {
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
	printTasks(events, during)
	return nil
}

func printTasks(events []taskEvent, during time.Duration) {
	mains := map[[2]int]bool{}
	for _, e := range events {
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			mains[[2]int{e.Process, e.Thread}] = true
		}
	}
	var tasks, overClock, overCPU int
	var clock, cpu float64
	for _, e := range events {
		if e.Duration == 0 || !mains[[2]int{e.Process, e.Thread}] {
			continue
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
	fmt.Printf("trace of %s, %d tasks: by the clock %d over 50 ms, the longest %.1f ms\n", during, tasks, overClock, clock)
	fmt.Printf("             by the thread's time       %d over 50 ms, the longest %.1f ms\n", overCPU, cpu)
}
