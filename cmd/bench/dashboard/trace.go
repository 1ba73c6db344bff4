package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// taskEvent is a task in a trace, or a part of one; times in µs.
type taskEvent struct {
	Name     string  `json:"name"`
	Process  int     `json:"pid"`
	Thread   int     `json:"tid"`
	Start    float64 `json:"ts"`
	Duration float64 `json:"dur"`
	CPU      float64 `json:"tdur"` // the thread's time
	Args     struct {
		Name string `json:"name"`
	} `json:"args"`
}

func (e *taskEvent) end() float64 { return e.Start + e.Duration }

// task is a task of the page's main thread.
type task struct {
	start      float64            // µs
	clock, own float64            // elapsed and thread time, ms
	parts      map[string]float64 // thread time by activity, ms
}

const (
	taskName   = "ThreadControllerImpl::RunTask"
	forcedName = "Blink.ForcedStyleAndLayout.UpdateTime"
	longFrame  = "long frame " // marks one, followed by its length in ms
)

// parts maps events to activities.
var parts = map[string]string{
	"FunctionCall": "script", "FireAnimationFrame": "script", "EventDispatch": "script", "TimerFire": "script", "RunMicrotasks": "script",
	"UpdateLayoutTree": "style", "Layout": "layout", "PrePaint": "pre-paint", "Paint": "paint", "Layerize": "layerize", "Commit": "commit",
	"MinorGC": "garbage", "MajorGC": "garbage", "V8.GC_MC_INCREMENTAL": "garbage", "HitTest": "hit test",
	"IntersectionObserverController::computeIntersections": "observers",
}

// trace calls meanwhile and returns the events of the browser during it.
func (s *setting) trace(ctx, tab context.Context, meanwhile func() error) ([]taskEvent, error) {
	var mu sync.Mutex
	var events []taskEvent
	var whole []json.RawMessage
	complete := make(chan struct{})
	err := chromedp.Listen(tab, func(ev any) {
		switch e := ev.(type) {
		case *tracing.EventDataCollected:
			mu.Lock()
			defer mu.Unlock()
			for _, raw := range e.Value {
				if s.traceFile != "" {
					whole = append(whole, json.RawMessage(raw))
				}
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
		return nil, err
	}
	config := &tracing.TraceConfig{IncludedCategories: []string{"toplevel", "blink", "blink.user_timing", "devtools.timeline", "v8", "__metadata"}}
	if _, err := chromedp.Call(tab, tracing.Start, tracing.StartParams{TraceConfig: config}); err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	if err := meanwhile(); err != nil {
		return nil, err
	}
	if _, err := chromedp.Call(tab, tracing.End, cdp.Empty{}); err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	select {
	case <-complete:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	if s.traceFile == "" {
		return events, nil
	}
	file, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	return events, os.WriteFile(s.traceFile, file, 0o600)
}

// mainTasks returns the tasks of the page's main thread and the number of layouts
// forced by scripts.
func mainTasks(events []taskEvent) (tasks []task, forced int) {
	mains := map[[2]int]bool{}
	for _, e := range events {
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			mains[[2]int{e.Process, e.Thread}] = true
		}
	}
	threads := map[[2]int][]taskEvent{}
	for _, e := range events {
		thread := [2]int{e.Process, e.Thread}
		if e.Duration == 0 || !mains[thread] {
			continue
		}
		if e.Name == forcedName {
			forced++
		}
		if e.Name == taskName || parts[e.Name] != "" {
			threads[thread] = append(threads[thread], e)
		}
	}
	for _, of := range threads {
		slices.SortFunc(of, func(a, b taskEvent) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.Duration, a.Duration))
		})
		tasks = append(tasks, nest(of)...)
	}
	return tasks, forced
}

// nest adds the time of each event, without the events nested in it, to its task. The
// events are of one thread, sorted by start.
func nest(events []taskEvent) (tasks []task) {
	var open []taskEvent
	for _, e := range events {
		for len(open) > 0 && open[len(open)-1].end() <= e.Start {
			open = open[:len(open)-1]
		}
		own := e.CPU / 1000
		if e.Name == taskName {
			if len(open) == 0 {
				tasks = append(tasks, task{e.Start, e.Duration / 1000, own, map[string]float64{}})
				open = append(open, e)
			}
			continue
		}
		if len(tasks) == 0 || len(open) == 0 {
			continue
		}
		into := tasks[len(tasks)-1].parts
		into[parts[e.Name]] += own
		if around := parts[open[len(open)-1].Name]; around != "" {
			into[around] -= own
		}
		open = append(open, e)
	}
	return tasks
}

// explainFrames prints what the main thread did in each frame over 50 ms. If that is
// little, the machine was busy, not the page.
func explainFrames(events []taskEvent, tasks []task) {
	for _, e := range events {
		text, ok := strings.CutPrefix(e.Name, longFrame)
		length, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			continue
		}
		within := task{parts: map[string]float64{}}
		for _, t := range tasks {
			if t.start >= e.Start-length*1000 && t.start < e.Start {
				within.add(t)
			}
		}
		fmt.Printf("%-36s %s\n", fmt.Sprintf("main thread in %s%.1f ms", longFrame, length), within.String())
	}
}

func (t *task) add(more task) {
	t.own += more.own
	for part, own := range more.parts {
		t.parts[part] += own
	}
}

// judgeTasks checks the main thread's tasks by elapsed and by thread time: on a busy
// machine only the latter depends on the page.
func (s *setting) judgeTasks(events []taskEvent) {
	tasks, forced := mainTasks(events)
	if len(tasks) == 0 {
		s.bounds.least("tasks traced", 0, "", 1)
		return
	}
	var overClock, clock float64
	sum := task{parts: map[string]float64{}}
	for _, t := range tasks {
		clock = max(clock, t.clock)
		if t.clock > 50 {
			overClock++
		}
		sum.add(t)
	}
	explainFrames(events, tasks)
	slices.SortFunc(tasks, func(a, b task) int { return cmp.Compare(b.own, a.own) })
	at := func(q float64) float64 { return tasks[int(q*float64(len(tasks)-1))].own }
	fmt.Printf("%-36s %8.2f ms by the clock, of %d in %s\n", "the longest task in a trace", clock, len(tasks), s.during)
	fmt.Printf("%-36s %8.2f ms p99, %.2f ms p99.9\n", "tasks, own time", at(0.01), at(0.001))
	seconds := s.during.Seconds()
	for part := range sum.parts {
		sum.parts[part] /= seconds
	}
	sum.own /= seconds
	fmt.Printf("%-36s %s\n", "per second", sum.String())
	for _, t := range tasks[:min(3, len(tasks))] {
		fmt.Printf("%-36s %s\n", "one of the longest", t.String())
	}
	s.bounds.most("tasks over 50 ms, by the clock", overClock, "", 0)
	s.bounds.most("the longest task, own time", at(0), "ms", 25)
	s.bounds.most("layouts forced by scripts", float64(forced), "", 0)
}

// String lists what a task spent the thread's time on.
func (t task) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%8.2f ms own time", t.own)
	for _, part := range slices.SortedFunc(maps.Keys(t.parts), func(a, b string) int { return cmp.Compare(t.parts[b], t.parts[a]) }) {
		fmt.Fprintf(&b, ", %s %.1f", part, t.parts[part])
	}
	return b.String()
}
