// Package producer turns the producers of a scenario into records and sends them
// to Kafka, to a writer, or to a sink of the caller's:
//
//	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 7})
//	out, err := producer.OpenKafka(ctx, config, plan, "inv", nil) // or OpenFile, OpenWriter
//	summary, err := producer.Run(ctx, plan, producer.Options{Count: 1000, Partitions: out.Partitions}, out)
//
// [Compile] makes a plan of steps, each some constant bytes and a value (steps.go,
// program.go), without reflection, templates or maps per record. If every step can
// write its value itself, records are rendered in blocks (block.go,
// render_block.go), otherwise one by one, by functions that append.
//
// A record is a pure function of the scenario, the seed, the producer, the
// record's number and its event time: the randomness of each field is a hash of
// these and its own path, so any worker, shard or run gives the same bytes, and a
// field can be computed again wherever another one refers to it. A worker
// allocates nothing per record.
//
// Workers take turns (workers.go): the schedule decides which records are due
// (schedule.go, pace.go), a worker renders a batch of them (render.go) and hands it
// to the sink after the batches before it.
//
// The files that decide bytes (compile.go, build.go, gen_*.go, node.go, encode.go,
// steps.go, program.go, block.go, digits.go, draw.go, random.go, render.go,
// render_block.go, pace.go, faults.go) import no Kafka and no clock; open.go, kafka.go,
// table.go, run.go and clock.go do the input and output.
package producer
