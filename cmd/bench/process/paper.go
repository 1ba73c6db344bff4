package main

import (
	"fmt"
	"math"

	"inv/cmd/bench/measure"
)

// What the arithmetic of a large cluster assumes.
const (
	paperRate        = 10e6 // orders a second
	paperReplication = 3
	paperCores       = 16     // of a broker
	paperLink        = 3.1e9  // bytes a second each way: 25 Gbit/s
	paperLoad        = 0.5    // of a core or a link that is used
	paperPartition   = 20_000 // orders a second of a partition of the log, well below what was measured
)

// paper estimates a cluster for ten million orders a second, from the measured cost of
// an order.
func (l *lab) paper(runs []*drained) {
	if len(runs) == 0 || l.broker == nil {
		return
	}
	orders := float64(l.loaded)
	cpu, broker := medianOf(runs, cpu)/orders, measure.MedianOf(runs, brokerCPU)/orders
	topics, written := runs[len(runs)-1].topics, 0.0
	for _, c := range topics {
		written += float64(c.bytes) / orders
	}
	orderBytes, internal := float64(topics["order_events"].bytes)/orders, float64(topics["repartition"].bytes)/orders
	// As much goes out as in: each byte is read once, by inv or by a consumer of the
	// outputs, and by each follower.
	in := paperRate * written * paperReplication
	byCPU := paperRate * broker * paperReplication / (paperCores * paperLoad)
	byLink := in / (paperLink * paperLoad)
	fmt.Printf("\nAn order costs inv %.1f µs and the broker %.1f µs of processor time, and %.0f B written (%.0f B of them the order, %.0f B the log), compressed.\n",
		cpu*1e6, broker*1e6, written, orderBytes, internal)
	fmt.Printf("On paper, 10 million orders a second with %d replicas: %.0f cores of inv; %.1f GB/s into the brokers and %.1f GB/s out of them, replication included; "+
		"%.0f brokers of %d cores by processor time (each replica as dear as the first, half of each core used), %.0f by their links (25 Gbit/s, half used); "+
		"%.0f partitions at %d orders/s each.\n",
		paperReplication, paperRate*cpu, in/1e9, in/1e9, math.Ceil(byCPU), paperCores, math.Ceil(byLink), paperRate/paperPartition, paperPartition)
}
