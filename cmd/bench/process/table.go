package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"inv/cmd/bench/measure"
)

// table measures inv at 1, 10 and 100 partitions and at 10³, 10⁵ and 10⁶
// products.
func table(ctx context.Context, l *lab) error {
	orders := l.orders / 2
	if l.short {
		orders = l.orders / 5
	}
	fmt.Printf("\n### inv by partitions and products, %d orders\n\n", orders)
	head("partitions", "products", "orders/s", "orders and products/s", "CPU s", "cores: inv", "broker", "others", "idle", "peak RSS", "bottleneck")
	for _, partitions := range []int{1, 10, 100} {
		for _, products := range []int{1_000, 100_000, million} {
			if err := l.backlog(ctx, shape{partitions: partitions, products: products}, orders); err != nil {
				return err
			}
			before := machineTimes()
			d, err := l.drainOnce(ctx, invSide())
			if err != nil {
				return err
			}
			inv, broker, idle := d.sideCPU/d.Seconds, d.brokerCPU/d.Seconds, (d.machine.idle-before.idle)/d.Seconds
			others := max((d.machine.busy-before.busy)/d.Seconds-inv-broker, 0)
			fmt.Printf("| %d | %d | %.0f | %.0f | %.1f | %.2f | %.2f | %.2f | %.2f | %s | %s |\n", partitions, products,
				float64(orders)/d.Seconds, float64(orders+products)/d.Seconds, d.CPU, inv, broker, others, idle, mb(d.RSS),
				bottleneck(inv, broker, others, idle))
		}
	}
	return nil
}

// bottleneck describes what used most of the machine.
func bottleneck(inv, broker, others, idle float64) string {
	switch {
	case idle > 0.3*(inv+broker+others+idle):
		return "waiting: the round trips of transactions"
	case others > inv && others > broker:
		return "other work on the machine"
	case broker > inv:
		return "CPU, most of it the broker's"
	}
	return "CPU, most of it inv's"
}

// times are the processor seconds of all CPUs.
type times struct{ busy, idle float64 }

func machineTimes() times {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return times{}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var t times
	for i, field := range strings.Fields(line)[1:9] {
		ticks, _ := strconv.ParseFloat(field, 64)
		if s := ticks / measure.TicksPerSecond; i == 3 || i == 4 { // idle, iowait
			t.idle += s
		} else {
			t.busy += s
		}
	}
	return t
}
