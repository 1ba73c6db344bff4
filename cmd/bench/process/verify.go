package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"

	"inv/cmd/bench/measure"
)

// verify compares inv verify with kcat reading the same topics.
func verify(ctx context.Context, l *lab) error {
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products}, l.orders); err != nil {
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
	var audits, raws []measure.Usage
	var ratios []float64
	for range rounds {
		audit, err := l.audit(ctx)
		if err != nil {
			return err
		}
		audits = append(audits, audit)
		if missing != nil {
			continue
		}
		raw, err := l.rawRead(ctx)
		if err != nil {
			return err
		}
		raws, ratios = append(raws, raw), append(ratios, audit.Seconds/raw.Seconds)
	}
	fmt.Printf("\n### inv verify: %d orders over %d products\n\n", l.loaded, l.shape.products)
	head("", "rounds", "s", "CPU s", "peak RSS")
	row("inv verify", audits)
	if missing != nil {
		fmt.Println("\nThere is no kcat to compare with.")
		return nil
	}
	row("kcat, the same topics raw", raws)
	fmt.Printf("\n- inv verify / kcat: %.2f × the time (wanted: ≤ 3; round by round %.2f–%.2f), %s (wanted: ≤ 200 MB)\n",
		measure.MedianOf(audits, seconds)/measure.MedianOf(raws, seconds), slices.Min(ratios), slices.Max(ratios), mb(measure.MedianOf(audits, rss)))
	return nil
}

func row(title string, all []measure.Usage) {
	memory := "–"
	if size := measure.MedianOf(all, rss); size > 0 {
		memory = mb(size)
	}
	fmt.Printf("| %s | %d | %.2f | %.2f | %s |\n", title, len(all), measure.MedianOf(all, seconds), measure.MedianOf(all, cpu), memory)
}

func (l *lab) audit(ctx context.Context) (u measure.Usage, err error) {
	args, err := l.command("--app-id", l.lastApp, "verify", "--policy", "reference")
	if err != nil {
		return u, err
	}
	u, _, err = measure.Timed(ctx, l.inv, args...)
	return u, err
}

// rawRead reads the topics that the audit reads, with a kcat for each, which waits a
// little at the end.
func (l *lab) rawRead(ctx context.Context) (u measure.Usage, err error) {
	names, err := l.topics(ctx)
	if err != nil {
		return u, err
	}
	args := []string{"-c", `b=$0; for t in "$@"; do
  kcat -b "$b" -t "$t" -C -e -q -o beginning -X isolation.level=read_committed -X fetch.wait.max.ms=50 >/dev/null &
done; wait`, l.brokers}
	for _, topic := range names {
		if kind := kindOf(topic, l.lastApp); kind != "repartition" && kind != "changelog" {
			args = append(args, topic)
		}
	}
	u, _, err = measure.Timed(ctx, "sh", args...)
	u.RSS = 0 // the shell's
	return u, err
}
