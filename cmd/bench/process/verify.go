package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"inv/cmd/bench/measure"
)

// verify compares inv verify with kcat reading the same topics and dropping them.
func verify(ctx context.Context, l *lab) error {
	if err := l.backlog(ctx, shape{l.partitions, l.products}, l.orders); err != nil {
		return err
	}
	if _, err := l.drainOnce(ctx, invSide()); err != nil {
		return err
	}
	_, missing := exec.LookPath("kcat")
	rounds := max(l.rounds, 5) // they are short
	if l.short {
		rounds = 2
	}
	var audits, raws []*cost
	for range rounds {
		c, err := l.audit(ctx)
		if err != nil {
			return err
		}
		audits = append(audits, c)
		if missing != nil {
			continue
		}
		if c, err = l.rawRead(ctx); err != nil {
			return err
		}
		raws = append(raws, c)
	}
	fmt.Printf("\n### inv verify: %d orders over %d products\n\n", l.loaded, l.shape.products)
	fmt.Println("| | rounds | s | CPU s | peak RSS |")
	fmt.Println("|---|---|---|---|---|")
	audits[0].row("inv verify", audits)
	if missing != nil {
		fmt.Println("\nkcat is not here to compare with.")
		return nil
	}
	raws[0].row("kcat, the same topics raw", raws)
	seconds := func(c *cost) float64 { return c.seconds }
	fmt.Printf("\n- inv verify / kcat: %.2f × the time (wanted: ≤ 3; round by round %s), %s (wanted: ≤ 200 MB)\n",
		measure.MedianOf(audits, seconds)/measure.MedianOf(raws, seconds), ratios(audits, raws),
		mib(int64(measure.MedianOf(audits, func(c *cost) float64 { return float64(c.rss) }))))
	return nil
}

// ratios returns those of the rounds, from the least to the largest.
func ratios(a, b []*cost) string {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i].seconds / b[i].seconds
	}
	slices.Sort(all)
	return fmt.Sprintf("%.2f–%.2f", all[0], all[len(all)-1])
}

// cost is what a command took.
type cost struct {
	seconds, cpu float64
	rss          int64
}

func (*cost) row(title string, all []*cost) {
	memory := "–" // of several processes
	if rss := measure.MedianOf(all, func(c *cost) float64 { return float64(c.rss) }); rss > 0 {
		memory = mib(int64(rss))
	}
	fmt.Printf("| %s | %d | %.2f | %.2f | %s |\n", title, len(all),
		measure.MedianOf(all, func(c *cost) float64 { return c.seconds }), measure.MedianOf(all, func(c *cost) float64 { return c.cpu }),
		memory)
}

// timed runs a command to its end, which must be a success.
func (l *lab) timed(ctx context.Context, name, command string, args ...string) (*cost, error) {
	c, err := l.start(name, nil, command, args...)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case <-c.died:
			if c.err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", name, c.err, tail(c.log))
			}
			return &cost{c.ended.Sub(c.begun).Seconds(), c.cpu().Seconds(), c.rss}, nil
		case <-time.After(10 * time.Millisecond):
			_ = c.running()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (l *lab) audit(ctx context.Context) (*cost, error) {
	file, err := l.scenario(l.shape)
	if err != nil {
		return nil, err
	}
	return l.timed(ctx, "verify", l.inv, "-b", l.brokers, "--scenario", file, "--app-id", l.lastApp, "verify", "--policy", "reference")
}

// rawRead reads the topics that the audit reads, all at once: kcat reads one
// topic, and waits a little at its end.
func (l *lab) rawRead(ctx context.Context) (*cost, error) {
	names, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{"-c", `b=$0; for t in "$@"; do
  kcat -b "$b" -t "$t" -C -e -q -o beginning -X isolation.level=read_committed -X fetch.wait.max.ms=50 >/dev/null &
done; wait`, l.brokers}
	for _, topic := range names {
		if kind := kindOf(topic, l.lastApp); kind != "repartition" && kind != "changelog" {
			args = append(args, topic)
		}
	}
	c, err := l.timed(ctx, "kcat", "sh", args...)
	if err == nil {
		c.rss = 0 // the shell's
	}
	return c, err
}
