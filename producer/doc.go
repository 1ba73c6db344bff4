// Package producer turns the producers of a scenario into records and sends
// them: to Kafka, to a writer, or to a sink of the caller's.
//
// The whole of it in three calls, as `inv produce` and `inv demo` make them:
//
//	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 7})
//	sink := producer.NewKafkaSink(client, …)      // or NewWriterSink(os.Stdout, …)
//	summary, err := producer.Run(ctx, plan, producer.Options{Now: time.Now}, sink)
//
// [Compile] makes one plan of the file: a tree of appending closures, without
// reflection, templates or maps per record. A record is a pure function of the
// scenario, the seed, the producer, the record's number and its event time: each
// field takes its randomness from a hash of these and its own path, so any
// worker, shard or run gives the same bytes, and a field can be computed again
// wherever another one refers to it. A worker allocates nothing per record.
//
// The files that decide bytes (compile*.go, node.go, encode*.go, random.go,
// pace.go, faults.go) import no Kafka and no clock; kafka.go and run.go do the
// input and output.
package producer
