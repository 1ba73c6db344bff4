package main

import (
	"context"
	"fmt"
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
func (l *lab) timed(ctx context.Context, s side, app string) (*drained, error) {
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
	d := &drained{brokerCPU: l.broker.cpuNow() - broker, sideCPU: c.cpuNow(), machine: machineTimes()}
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

// drain compares all sides on one backlog.
func drain(ctx context.Context, l *lab) error {
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, l.orders); err != nil {
		return err
	}
	l.progress("a run of inv that does not count, to warm up the broker and to make floor's plan")
	if _, err := l.drainOnce(ctx, invSide()); err != nil {
		return err
	}
	if err := l.learnFrom(ctx, l.lastApp); err != nil {
		return err
	}
	sides := l.wanted(invSide(), floorSide(), streamsSide(""))
	runs := map[string][]*drained{}
	for round := range max(l.rounds, l.peerRounds) {
		for _, s := range sides {
			if round >= l.rounds && !s.peer || round >= l.peerRounds && s.peer {
				continue
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
	fmt.Printf("\n### Drain: %d orders over %d products, %d partitions, exactly once\n\n", l.loaded, l.shape.products, l.shape.partitions)
	head("", "rounds", "orders/s", "s", "CPU s", "broker's CPU s", "peak RSS")
	for _, s := range sides {
		r := runs[s.name]
		took := medianOf(r, seconds)
		fmt.Printf("| %s | %d | %.0f | %.1f | %.1f | %.1f | %s |\n", s.title, len(r), float64(l.loaded)/took, took,
			medianOf(r, cpu), measure.MedianOf(r, brokerCPU), mb(medianOf(r, rss)))
	}
	fmt.Println()
	ratio(runs["inv"], runs["streams"], "Kafka Streams", 5, 8)
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
