package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"inv/cmd/bench/measure"
)

// drained is one run of a side over the backlog.
type drained struct {
	measure.Usage         // Seconds: from the start of the process until everything is committed
	brokerCPU     float64 // seconds until then
	sideCPU       float64 // seconds until then
	machine       times
	topics        map[string]counted
}

func brokerCPU(d *drained) float64 { return d.brokerCPU }

// medianOf returns the median of a resource of at least one run.
func medianOf(runs []*drained, of func(measure.Usage) float64) float64 {
	return measure.MedianOf(runs, func(d *drained) float64 { return of(d.Usage) })
}

// drainPatience is how long a side may take to drain the backlog.
const drainPatience = 15 * time.Minute

// drainOnce starts a side on the backlog and waits until it has drained it.
func (l *lab) drainOnce(ctx context.Context, s side) (*drained, error) {
	l.runs++
	app := fmt.Sprintf("%s-%d", s.name, l.runs)
	if err := l.backlog(ctx, l.shape, l.loaded); err != nil {
		return nil, err
	}
	d, err := l.timed(ctx, s, app)
	if err != nil {
		return nil, err
	}
	if s.name == "inv" {
		if err := l.run(ctx, "--app-id", app, "verify", "--policy", "reference"); err != nil {
			return nil, fmt.Errorf("verifying inv's run: %w", err)
		}
	}
	if d.topics, err = l.count(ctx, func(topic string) string { return kindOf(topic, app) }); err != nil {
		return nil, err
	}
	l.progress("%s: %.1f s, %.0f orders/s, %.1f CPU s, %s", s.title, d.Seconds, float64(l.loaded)/d.Seconds, d.CPU, mb(d.RSS))
	return d, nil
}

// timed starts a side, waits until it has drained the backlog, and stops it.
func (l *lab) timed(ctx context.Context, s side, app string) (d *drained, err error) {
	idle, err := l.compute(l.busy)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, idle()) }()
	broker := l.broker.cpuNow()
	c, err := s.start(l, app)
	if err != nil {
		return nil, err
	}
	took, err := l.drainTime(ctx, s, app, c)
	if err != nil {
		_ = c.stop()
		return nil, err
	}
	d = &drained{brokerCPU: l.broker.cpuNow() - broker, sideCPU: c.cpuNow(), machine: machineTimes()}
	l.lastApp = app
	if err := c.stop(); err != nil {
		return nil, err
	}
	d.Usage = c.usage()
	d.Seconds = took
	return d, nil
}

// drainTime returns after how many seconds everything was committed. Two consecutive
// checks must agree, since one is not atomic.
func (l *lab) drainTime(ctx context.Context, s side, app string, c *child) (float64, error) {
	var first time.Time
	err := c.await(ctx, 50*time.Millisecond, drainPatience, func() (bool, error) {
		now := time.Now()
		done, err := l.rest(ctx, s, app)
		if done && !first.IsZero() {
			return true, err
		}
		if first = now; !done {
			first = time.Time{}
		}
		return false, err
	})
	return first.Sub(c.begun).Seconds(), err
}

// drain compares all sides on one backlog, or each on the backlog of a broker of its own.
func drain(ctx context.Context, l *lab) error {
	backlog := shape{partitions: l.partitions, products: l.products}
	sides := l.wanted(invSide(), floorSide(), streamsSide(""))
	if l.fresh {
		// floor has a plan only after a run of inv.
		sides = slices.DeleteFunc(sides, func(s side) bool { return s.name == "floor" })
	} else {
		if err := l.backlog(ctx, backlog, l.orders); err != nil {
			return err
		}
		l.progress("a run of inv that does not count, to warm up the broker and to make floor's plan")
		if _, err := l.drainOnce(ctx, invSide()); err != nil {
			return err
		}
		if err := l.learnFrom(ctx, l.lastApp); err != nil {
			return err
		}
	}
	runs := map[string][]*drained{}
	for round := range max(l.rounds, l.peerRounds) {
		for _, s := range sides {
			if round >= l.rounds && !s.peer || round >= l.peerRounds && s.peer {
				continue
			}
			if l.fresh {
				if err := l.renew(ctx); err != nil {
					return err
				}
				if err := l.backlog(ctx, backlog, l.orders); err != nil {
					return err
				}
			}
			d, err := l.drainOnce(ctx, s)
			if err != nil {
				return err
			}
			runs[s.name] = append(runs[s.name], d)
		}
	}
	l.reportDrain(slices.DeleteFunc(sides, func(s side) bool { return len(runs[s.name]) == 0 }), runs)
	return nil
}

func (l *lab) reportDrain(sides []side, runs map[string][]*drained) {
	fmt.Printf("\n### Drain: %d orders over %d products, %d partitions, exactly once%s\n\n", l.loaded, l.shape.products, l.shape.partitions, l.circumstances())
	head("", "rounds", "orders/s", "s", "CPU s", "broker's CPU s", "s / CPU", "peak RSS")
	for _, s := range sides {
		r := runs[s.name]
		took := medianOf(r, seconds)
		rates := spread(r, func(d *drained) float64 { return float64(l.loaded) / d.Seconds })
		fmt.Printf("| %s | %d | %s | %.1f | %.1f | %.1f | %.2f × | %s |\n", s.title, len(r), rates, took,
			medianOf(r, cpu), measure.MedianOf(r, brokerCPU), measure.MedianOf(r, (*drained).perCPU), mb(medianOf(r, rss)))
	}
	fmt.Printf("\n*s / CPU*: the time, divided by the processor time of the side and the broker until then over %d cores (wanted of inv: ≤ 1.15).\n\n", runtime.NumCPU())
	aim := 7.0
	if l.fresh {
		aim = 6
	}
	ratio(runs["inv"], runs["streams"], "Kafka Streams", aim, 10)
	ratio(runs["inv"], runs["floor"], "floor", 0.7, 0)
	fmt.Println()
	cells := []string{"records (KiB)"}
	for _, s := range sides {
		cells = append(cells, s.title)
	}
	head(cells...)
	for _, kind := range topicKinds {
		row := "| " + kind
		for _, s := range sides {
			c := runs[s.name][len(runs[s.name])-1].topics[kind]
			row += fmt.Sprintf(" | %d (%d)", c.records, c.bytes>>10)
		}
		fmt.Println(row + " |")
	}
	if len(runs["inv"]) > 0 {
		l.paper(runs["inv"])
		fmt.Println("\n`inv verify --policy reference` held after every run of inv.")
	}
}

// perCPU returns a run's time, divided by its processor time over all cores: 1 if no core
// was ever idle. It is 0 if the broker's is not known.
func (d *drained) perCPU() float64 {
	if d.brokerCPU == 0 {
		return 0
	}
	return d.Seconds / ((d.sideCPU + d.brokerCPU) / float64(runtime.NumCPU()))
}

// spread returns the median of some runs, and the least and the greatest.
func spread[T any](runs []T, of func(T) float64) string {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	format := "%.0f"
	if measure.Median(values) < 1000 {
		format = "%.1f"
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", measure.Median(values), slices.Min(values), slices.Max(values))
}

// circumstances returns what is out of the ordinary about the runs, for a heading.
func (l *lab) circumstances() (what string) {
	if l.fresh {
		what += ", a broker just started for each run"
	}
	if l.busy > 0 {
		what += fmt.Sprintf(", beside %d processes that compute", l.busy)
	}
	return what
}

// ratio compares the rates and processor times of two sides; cpuAim 0 is none.
func ratio(a, b []*drained, than string, rateAim, cpuAim float64) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	rate, less := medianOf(b, seconds)/medianOf(a, seconds), medianOf(b, cpu)/medianOf(a, cpu)
	fmt.Printf("- inv / %s: %.2f × the rate (wanted: ≥ %.1f)", than, rate, rateAim)
	if cpuAim > 0 {
		fmt.Printf(", 1/%.1f of the CPU seconds (wanted: ≤ 1/%.0f)\n", less, cpuAim)
	} else {
		fmt.Printf(", %.2f × the CPU seconds\n", 1/less)
	}
}
