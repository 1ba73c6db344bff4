package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/termsafe"
	"inv/processor/forward"
	"inv/processor/forward/sinks"
)

// forwardLine shows how far `inv forward` is: on a terminal a last line that is written
// over, with the log above it; elsewhere a line of the log for each sink, each ten seconds
// in which it delivered something.
type forwardLine struct {
	liveLine
	list  []*sinks.Sink
	ended []atomic.Bool // by the index of the list
	drain bool
	began time.Time
}

func newForwardLine(s *streams, list []*sinks.Sink, drain bool) *forwardLine {
	return &forwardLine{liveLine: liveLine{s: s}, list: list, ended: make([]atomic.Bool, len(list)), drain: drain, began: s.now()}
}

// over tells the line that a sink has ended.
func (l *forwardLine) over(i int) { l.ended[i].Store(true) }

// start shows the line until stop is called.
func (l *forwardLine) start(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		told, before := l.s.now(), l.summaries()
		partitions := make([]int64, len(l.list))
		for {
			now, counts := l.s.now(), l.summaries()
			if l.s.errTerminal {
				l.draw(l.status(counts, now))
			} else {
				l.announce(log, counts, partitions)
				if now.Sub(told) >= lineEvery {
					l.tell(log, counts, before, now.Sub(told))
					before, told = counts, now
				}
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

// announce logs that a sink reads its first partitions, once their number, of which
// partitions has the last one, is the same for a while; it is then negative.
func (l *forwardLine) announce(log *slog.Logger, counts []forward.Summary, partitions []int64) {
	for i, c := range counts {
		switch {
		case partitions[i] < 0:
		case c.IsReady() && c.Assigned == partitions[i]:
			log.Info("ready", "sink", l.list[i].Name, "partitions", c.Assigned)
			partitions[i] = -1
		default:
			partitions[i] = c.Assigned
		}
	}
}

// tell logs what was delivered since before.
func (l *forwardLine) tell(log *slog.Logger, counts, before []forward.Summary, since time.Duration) {
	for i, c := range counts {
		if n := c.Delivered - before[i].Delivered; n > 0 {
			log.Info("forwarding", "sink", l.list[i].Name, "delivered", c.Delivered, "per_second", int64(float64(n)/since.Seconds()),
				"dead_lettered", c.Letters())
		}
	}
}

func (l *forwardLine) summaries() []forward.Summary {
	counts := make([]forward.Summary, len(l.list))
	for i, k := range l.list {
		counts[i] = k.Config.Stats.Summary()
	}
	return counts
}

// status returns the line: what each sink has delivered, and what holds it.
func (l *forwardLine) status(counts []forward.Summary, now time.Time) string {
	parts := make([]string, len(counts))
	for i, c := range counts {
		name := l.list[i].Name
		switch {
		case l.ended[i].Load():
			parts[i] = name + " has ended"
			continue
		case !c.Held.Since.IsZero():
			parts[i] = fmt.Sprintf("%s is held for %s: %s", name, now.Sub(c.Held.Since).Round(time.Second), termsafe.String(c.Held.Reason))
			continue
		case c.Assigned == 0:
			parts[i] = name + " waits for partitions"
			continue
		}
		parts[i] = fmt.Sprintf("%s %s", name, grouped(c.Delivered))
		if n := c.Letters(); n > 0 {
			parts[i] += fmt.Sprintf(" (%s dead-lettered)", grouped(n))
		}
	}
	end := "Ctrl-C ends it"
	if l.drain {
		end = now.Sub(l.began).Round(time.Second).String()
	}
	return fit(strings.Join(parts, ", ")+"; "+end, l.s.width())
}
