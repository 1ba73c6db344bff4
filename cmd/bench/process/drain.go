package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"inv/cmd/bench/measure"
)

// drained is one run of a side over the backlog.
type drained struct {
	seconds   float64 // from the process's start until everything is committed
	cpu       float64 // seconds, user and system
	brokerCPU float64
	sideCPU   float64 // until then, without ending
	machine   times
	rss       int64
	topics    map[string]counted
	verified  string // what inv verify said, "" if it was not asked
}

// drainPatience is how long a side may take.
const drainPatience = 15 * time.Minute

// drainOnce starts a side on the backlog and waits until it has done all of it.
func (l *lab) drainOnce(ctx context.Context, s side) (*drained, error) {
	l.runs++
	app := fmt.Sprintf("%s-%d", s.name, l.runs)
	if err := l.backlog(ctx, l.shape, l.loaded); err != nil {
		return nil, err
	}
	broker := l.broker.cpuNow()
	c, err := s.start(l, app)
	if err != nil {
		return nil, err
	}
	d := &drained{}
	if d.seconds, err = l.await(ctx, s, app, c); err != nil {
		_ = c.stop()
		return nil, err
	}
	d.brokerCPU, d.sideCPU, d.machine = (l.broker.cpuNow() - broker).Seconds(), c.cpuNow().Seconds(), machineTimes()
	l.lastApp = app
	if err := c.stop(); err != nil {
		return nil, err
	}
	d.cpu, d.rss = c.cpu().Seconds(), c.rss
	if s.name == "inv" {
		if _, err := l.run(ctx, l.shape, "--app-id", app, "verify", "--policy", "reference"); err != nil {
			return nil, fmt.Errorf("inv's run is not right: %w", err)
		}
		d.verified = "holds"
	}
	if d.topics, err = l.count(ctx, app); err != nil {
		return nil, err
	}
	l.progress("%s: %.1f s, %.0f orders/s, %.1f CPU s, %s", s.title, d.seconds, float64(l.loaded)/d.seconds, d.cpu, mib(d.rss))
	return d, nil
}

// await returns after how many seconds everything was done: two looks in a row
// must agree, since a look is not at one moment.
func (l *lab) await(ctx context.Context, s side, app string, c *child) (float64, error) {
	var first time.Time
	for {
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
		if err := c.running(); err != nil {
			return 0, err
		}
		looked := time.Now()
		done, orders, err := l.rest(ctx, s, app)
		switch {
		case err != nil:
			return 0, err
		case !done:
			first = time.Time{}
		case first.IsZero():
			first = looked
		default:
			return first.Sub(c.begun).Seconds(), nil
		}
		if time.Since(c.begun) > drainPatience {
			return 0, fmt.Errorf("%s has read %d orders after %s\n%s", s.name, orders, drainPatience, tail(c.log))
		}
	}
}

// drain compares all sides on one backlog.
func drain(ctx context.Context, l *lab) error {
	if err := l.backlog(ctx, shape{l.partitions, l.products}, l.orders); err != nil {
		return err
	}
	l.progress("a run of inv that does not count, to warm the broker and to learn floor's plan")
	if _, err := l.drainOnce(ctx, invSide()); err != nil {
		return err
	}
	if err := l.learnFrom(ctx, l.lastApp); err != nil {
		return err
	}
	sides := []side{invSide(), floorSide(), streamsSide("")}
	runs := map[string][]*drained{}
	for round := range max(l.rounds, l.peerRounds) {
		for _, s := range sides {
			if !l.wants(s.name) || round >= l.rounds && !s.peer || round >= l.peerRounds && s.peer {
				continue
			}
			d, err := l.drainOnce(ctx, s)
			if err != nil {
				return err
			}
			runs[s.name] = append(runs[s.name], d)
		}
	}
	l.reportDrain(sides, runs)
	return nil
}

func (l *lab) reportDrain(sides []side, runs map[string][]*drained) {
	fmt.Printf("\n### Drain: %d orders over %d products, %d partitions, exactly once\n\n", l.loaded, l.shape.products, l.shape.partitions)
	fmt.Println("| | rounds | orders/s | s | CPU s | broker's CPU s | peak RSS |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, s := range sides {
		r := runs[s.name]
		if len(r) == 0 {
			continue
		}
		seconds := measure.MedianOf(r, func(d *drained) float64 { return d.seconds })
		fmt.Printf("| %s | %d | %.0f | %.1f | %.1f | %.1f | %s |\n", s.title, len(r), float64(l.loaded)/seconds, seconds,
			measure.MedianOf(r, func(d *drained) float64 { return d.cpu }),
			measure.MedianOf(r, func(d *drained) float64 { return d.brokerCPU }),
			mib(int64(measure.MedianOf(r, func(d *drained) float64 { return float64(d.rss) }))))
	}
	fmt.Println()
	ratio(runs["inv"], runs["streams"], "Kafka Streams", 5, 8)
	ratio(runs["inv"], runs["floor"], "floor", 0.7, 0)
	fmt.Println("\n| records (KiB on the wire) | " + titles(sides, runs) + " |")
	fmt.Println("|---|" + strings.Repeat("---|", len(runs)))
	for _, kind := range topicKinds {
		row := "| " + kind
		for _, s := range sides {
			if r := runs[s.name]; len(r) > 0 {
				c := r[len(r)-1].topics[kind]
				row += fmt.Sprintf(" | %d (%d)", c.records, c.bytes>>10)
			}
		}
		fmt.Println(row + " |")
	}
	l.paper(runs["inv"])
	for _, d := range runs["inv"] {
		if d.verified == "" {
			fmt.Println("\nA run was not verified.")
			return
		}
	}
	fmt.Println("\n`inv verify --policy reference` held after every run of inv.")
}

// ratio compares rates and processor times of two sides; aims that are 0 are none.
func ratio(a, b []*drained, than string, rateAim, cpuAim float64) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	seconds := func(d *drained) float64 { return d.seconds }
	cpu := func(d *drained) float64 { return d.cpu }
	rate := measure.MedianOf(b, seconds) / measure.MedianOf(a, seconds)
	less := measure.MedianOf(b, cpu) / measure.MedianOf(a, cpu)
	fmt.Printf("- inv / %s: %.2f × the rate (wanted: ≥ %.1f)", than, rate, rateAim)
	if cpuAim > 0 {
		fmt.Printf(", 1/%.1f of the CPU seconds (wanted: ≤ 1/%.0f)", less, cpuAim)
	} else {
		fmt.Printf(", %.2f × the CPU seconds", 1/less)
	}
	fmt.Println()
}
