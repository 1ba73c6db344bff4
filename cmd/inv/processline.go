package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"inv/processor"
)

// processLine shows how far `inv process` is: on a terminal a last line that is
// written over, with the log above it; elsewhere a line of the log each ten
// seconds in which something was processed.
type processLine struct {
	liveLine
	stats *processor.Stats
	kinds []string // of what is written
	drain bool
	began time.Time

	ready bool // that it was is said once

	last processor.Summary // before the end, which gives all partitions back
}

func newProcessLine(s *streams, stats *processor.Stats, kinds []string, drain bool) *processLine {
	return &processLine{liveLine: liveLine{s: s}, stats: stats, kinds: kinds, drain: drain, began: s.now()}
}

// start shows the line until stop is called.
func (l *processLine) start(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		told, before := l.s.now(), processor.Summary{}
		for {
			now, counts := l.s.now(), l.stats.Summary()
			l.last = counts
			l.tellReady(log, counts, now)
			switch {
			case l.s.errTerminal:
				l.draw(l.status(counts, now))
			case now.Sub(told) >= lineEvery:
				if n := counts.Decided() - before.Decided(); n > 0 || counts.Restored > before.Restored {
					log.Info("processing", "records", counts.Decided(), "per_second", int64(float64(n)/now.Sub(told).Seconds()),
						"dead_lettered", counts.Count("", processor.DeadLettered), "restored", counts.Restored)
				}
				before, told = counts, now
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); done.Wait(); l.draw("") }
}

// tellReady logs that all state is there, once.
func (l *processLine) tellReady(log *slog.Logger, counts processor.Summary, now time.Time) {
	if !l.ready && counts.Ready() {
		l.ready = true
		log.Info("ready", "after", now.Sub(l.began).Round(time.Millisecond).String(), "restored", counts.Restored)
	}
}

// status returns the line: what the processor does, and what it has done.
func (l *processLine) status(c processor.Summary, now time.Time) string {
	var parts []string
	switch {
	case c.Ready():
	case c.Restored > 0:
		parts = append(parts, "restoring: "+records(c.Restored)+" read again")
	default:
		parts = append(parts, "waiting for partitions")
	}
	if n := c.Decided(); n > 0 || c.Ready() {
		parts = append(parts, records(n)+" processed")
		parts = append(parts, written(c, l.kinds)...)
	}
	if n := c.Count("", processor.DeadLettered); n > 0 {
		parts = append(parts, grouped(n)+" dead-lettered")
	}
	end := "Ctrl-C ends it"
	if l.drain {
		end = now.Sub(l.began).Round(time.Second).String()
	}
	return fit(strings.Join(parts, ", ")+"; "+end, l.s.width())
}
