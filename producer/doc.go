// Package producer renders the records that a scenario's producers describe, and sends
// them to Kafka, to a writer, or to the caller's own sink:
//
//	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 7})
//	out, err := producer.OpenKafka(ctx, config, plan, "inv", nil) // or OpenFile, OpenWriter
//	summary, err := producer.Run(ctx, plan, producer.Options{Count: 1000, Partitions: out.Partitions}, out)
//
// [Compile] compiles each generator into functions that append (build.go, gen_*.go), an
// expression into exact arithmetic whose bounds are known (expr.go, numeric.go, term.go,
// span.go), and a record into a program of steps, each a literal and a value (steps.go,
// program.go): there is no reflection, no template and no map per record. If the size of
// every step is bounded, records are rendered in blocks (block.go, render_block.go),
// otherwise one by one.
//
// A record is a pure function of the scenario, the seed, the producer, the record's
// number and its event time. The randomness of a field is a hash of these and its path,
// so every worker, shard and run renders the same bytes, and a field can be computed
// again wherever another one refers to it. The number of a record that another one
// caused determines that one's (origins.go). A worker allocates nothing per record, but for
// sums of quotients and divisors of more than 64 bits.
//
// The schedule decides which records are due (schedule.go, pace.go). Workers take turns
// (workers.go): each renders a batch of them (render.go) and passes it to the sink after
// the batches before it.
//
// Only kafka.go, open.go, read_existing.go, run.go, workers.go and clock.go do input and
// output or read the clock.
package producer
