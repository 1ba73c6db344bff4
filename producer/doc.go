// Package producer turns the producers of a scenario into records and sends
// them: to Kafka, to a writer, or to a sink of the caller's.
//
// The whole of it in three calls, as `inv produce` and `inv demo` make them:
//
//	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 7})
//	sink, err := producer.NewKafkaSink(client, 30*time.Second) // or NewWriterSink(os.Stdout, false)
//	summary, err := producer.Run(ctx, plan, producer.Options{Count: 1000}, sink)
//
// [Compile] makes one plan of the file: steps, each some constant bytes and what
// comes after them (steps.go, program.go), without reflection, templates or maps
// per record. Where each step can write itself what comes after, records are made
// side by side (block.go, render_block.go); else one by one, by functions that
// append.
//
// A record is a pure function of the scenario, the seed, the producer, the
// record's number and its event time: each field takes its randomness from a hash
// of these and its own path, so any worker, shard or run gives the same bytes, and
// a field can be computed again wherever another one refers to it. A worker
// allocates nothing per record.
//
// A run is workers that take turns (workers.go): the schedule says which records
// are due (schedule.go, pace.go), a worker renders a batch of them (render.go) and
// gives it to the sink when those before it have been given.
//
// The files that decide bytes (compile.go, build.go, gen_*.go, node.go, encode.go,
// steps.go, program.go, block.go, digits.go, draw.go, random.go, render.go,
// render_block.go, pace.go, faults.go) import no Kafka and no clock; kafka.go,
// run.go and clock.go do the input and output.
package producer
