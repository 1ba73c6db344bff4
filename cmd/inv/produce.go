package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/when"
	"inv/producer"

	"github.com/spf13/cobra"
)

// produceFlags are the flags of `inv produce`. Those that need no parsing are in
// Options.
type produceFlags struct {
	producer.Options
	rate, bursts, ramp, faults string
	jitter, headers            choice
	partitioner                choice
	seed, start, shard, to     string
	products                   int64
	envelope, force            bool
	startNote                  string // how --start was read
	lines                      lineFlags
	registry                   registryFlags
}

func produceCommand(s *streams, f *sharedFlags) *cobra.Command {
	p := &produceFlags{}
	cmd := &cobra.Command{
		Use:   "produce NAME…|--topic TOPIC",
		Short: "Send the records of a scenario's producers",
		Long: `Send the records of a scenario's producers. A producer of rows sends each row
once; any other continues until --count, --for or Ctrl-C. The same --seed gives
the same records.

With --topic it sends the lines of stdin instead, each a value; --key-separator
splits a key off, --header adds headers. So does a topic's name without --topic,
if lines come from a file or a pipe and no producer has the name. With --envelope
a line is a record as inv tail -o json writes it, with key, headers, timestamp
and value, where null is a tombstone. A line has up to 16 MiB, and an empty one
is an empty value.

Records of topics with a format: in the scenario are encoded, and their schemas
registered, by the registry of --registry, INV_REGISTRY or the profile; so are
lines of JSON. A record that does not fit its schema is not sent, but counted. On
stdout and in files records are JSON.`,
		Example: `  inv produce catalog
  inv produce orders --rate 500/s --count 10000
  inv produce orders --rate 100/s --jitter poisson --bursts every=1m,for=5s,rate=2000/s
  inv produce orders --seed 7 --count 3 --to stdout
  inv produce orders --start 2026-01-01T00:00:00Z --for 30d --rate 10/m --to month.jsonl
  inv produce payments < payments.txt
  inv produce --topic payments -K : -H source=manual < payments.txt
  inv tail orders --offset start --until end -o json | inv produce --topic copy --envelope`,
		ValidArgsFunction: f.completeProducers,
		RunE: func(cmd *cobra.Command, args []string) error {
			args = p.lines.implied(cmd.Context(), s, f, args)
			if err := p.lines.check(args); err != nil {
				return err
			}
			if p.lines.topic != "" {
				return produceLines(cmd.Context(), s, f, p)
			}
			return produce(cmd.Context(), s, f, p, args)
		},
	}
	p.register(cmd)
	_ = cmd.RegisterFlagCompletionFunc("topic", f.completeTopics) // the flag exists
	return cmd
}

func (p *produceFlags) register(cmd *cobra.Command) {
	p.headers = newChoice("cloudevents", "none")
	p.jitter = choice{"", []string{"none", "poisson"}}
	p.partitioner = choice{"", partition.Names()}
	fs := cmd.Flags()
	p.lines.register(fs)
	p.registry.writes(fs)
	fs.StringVar(&p.rate, "rate", "", "the `RATE`: 1s (one per second), 500/s, 0.5/s or max; by default the scenario's")
	fs.Var(&p.jitter, "jitter", "poisson makes the gaps between records exponential; by default the scenario's")
	fs.StringVar(&p.bursts, "bursts", "", "periodic `BURSTS` at a higher rate: every=10s,for=1s,rate=5000/s")
	fs.StringVar(&p.ramp, "ramp", "", "a `RISE` from a lower rate, optionally with a fall back to it: from=10/s,up=30s,hold=1m,down=30s")
	fs.Int64Var(&p.Count, "count", 0, "stop after `N` records of each producer")
	fs.Int64Var(&p.Skip, "skip", 0, "leave out the first `N` records of each producer, as if they had been sent; --count counts those after them")
	fs.DurationVar(&p.For, "for", 0, "stop after this `DURATION`, such as 30s or 30d")
	fs.StringVar(&p.seed, "seed", "", "a `NUMBER`; the same seed gives the same records (by default random, and printed)")
	fs.StringVar(&p.start, "start", "", "the event `TIME` of the first record, such as 2026-01-31, yesterday or RFC 3339, in UTC; the clock is then simulated, without waiting")
	fs.StringVar(&p.shard, "shard", "", "`K/N`: only every Nth record from the Kth on, at 1/N of the rate; all shards need the same --seed")
	fs.Int64Var(&p.products, "products", 0, "`N` rows of a producer with more: in the scenario, generated ones after those in the file")
	fs.StringVar(&p.to, "to", "kafka", "kafka, stdout or a `FILE`")
	fs.BoolVar(&p.force, "force", false, "overwrite the FILE of --to, which otherwise must be empty or not exist")
	fs.BoolVar(&p.envelope, "envelope", false, "on stdout and in a FILE: JSON Lines with topic, key, headers and timestamp besides the value; with --topic: lines of inv tail -o json")
	fs.Var(&p.headers, "headers", "headers added to records")
	fs.Var(&p.partitioner, "partitioner", "a `NAME`: murmur2 (as the Java client), crc32 (as librdkafka) or round-robin; by default the scenario's")
	fs.StringVar(&p.faults, "fault", "", "make a share of the records faulty, by `KINDS`: malformed=1%,duplicate=0.5%:5s; also late=2%:30s, oversize=0.1%:2MiB, out_of_order, tombstone, unknown_ref, wrong_type; of topics with a schema: wrong_id, unknown_id, truncated, other_schema")
	fs.BoolVar(&p.NoTags, "untagged", false, "no inv-fault header on faulty records")
	fs.IntVar(&p.Workers, "workers", 0, "the `NUMBER` of goroutines that generate records")
	atLeast(fs, 1, "count", "for", "products", "workers")
}

func produce(ctx context.Context, s *streams, f *sharedFlags, p *produceFlags, names []string) error {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usagef("which producers? scenario %s has %s", sc.Name, producerNames(sc))
	}
	o, err := p.options(f, s)
	if err != nil {
		return err
	}
	if p.startNote != "" {
		s.errf("inv produce: %s\n", p.startNote)
	}
	seed, err := p.seedNumber()
	if err != nil {
		return err
	}
	topics, err := p.topics(ctx, s, f, sc, names)
	if err != nil {
		return err
	}
	if producer.NeedsOther(o.Faults) && topics != nil {
		if o.Other, err = unrelatedWriter(ctx, topics); err != nil {
			return err
		}
	}
	existing, err := producer.ReadExisting(ctx, f.kafka(), sc, f.appID, names, topics)
	var missing *producer.NoTopicError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w; check its name in the scenario and --brokers, or give the producer rows or a value instead of `read: true`", err)
	}
	if err != nil {
		return err
	}
	plan, err := producer.Compile(sc, producer.CompileOptions{Names: names, Seed: seed, Products: p.products, Existing: existing,
		UnknownRefs: producer.HasUnknownRefs(o.Faults), Writers: producer.WritersOf(sc, f.appID, topics)})
	if err != nil {
		return compileError(err, sc)
	}
	if p.products > 0 && !plan.Grows() {
		return usagef("--products: neither %s nor the producers that they refer to have `more:` in the scenario", strings.Join(names, ", "))
	}
	if err := producer.CheckOptions(plan, o); err != nil {
		return usageError{err}
	}
	s.errf("seed %d\n", seed)
	out, err := p.open(ctx, s, f, plan, &o)
	if err != nil {
		return err
	}
	line := newProgressLine(s)
	if !(p.toStdout() && s.outTerminal && s.errTerminal) { // the records show it, and the line would be among them
		o.Progress = line.show
	}
	summary, err := producer.Run(ctx, plan, o, out)
	line.end()
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	summarize(s, summary, strings.Join(out.Where, ", "))
	if p.products > 0 && err == nil {
		if also := referring(sc, names); len(also) > 0 {
			s.errf("`inv produce %s --products %d` refers to all of these; without the flag, to those in the scenario only\n",
				strings.Join(also, " "), p.products)
		}
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) && !summary.Finite:
		return nil
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%w; %s acknowledged", err, records(summary.Acknowledged))
	case err == nil && summary.Refused > 0:
		return summary.FirstRefused
	}
	return err
}

// referring returns the other producers whose records refer to rows that --products
// adds: they need the flag, too.
func referring(sc *scenario.Scenario, names []string) (others []string) {
	for _, p := range sc.Producers {
		if slices.Contains(names, p.Name) {
			continue
		}
		plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{p.Name}})
		if err != nil {
			continue // it can't be run by itself
		}
		for _, r := range plan.References() {
			if plan.Grows() && slices.Contains(names, r.Producer) {
				others = append(others, p.Name)
				break
			}
		}
	}
	return others
}

// compileError marks the errors of a wrong command line.
func compileError(err error, sc *scenario.Scenario) error {
	if unknown := new(producer.UnknownProducerError); errors.As(err, &unknown) {
		if names := strings.Split(unknown.Name, ","); len(names) > 1 {
			return usagef("the scenario has no producer %q; names have blanks between them: inv produce %s", unknown.Name, strings.Join(names, " "))
		}
		if of := producersOf(sc, unknown.Name); of != "" {
			return usagef("%s is a topic; its records are produced by %s", unknown.Name, of)
		}
		if suggest.Nearest(unknown.Name, unknown.Known) != "" {
			return usageError{err}
		}
		return usagef("%w; --topic sends lines of stdin to a topic", err)
	}
	if errors.As(err, new(*producer.ReadProducerError)) ||
		errors.As(err, new(*producer.CausedProducerError)) {
		return usageError{err}
	}
	return err
}

// randomSeed returns a seed with few digits: it is part of ids, which share a line with
// the rest of a record, and is to be typed again.
func randomSeed() uint64 { return rand.Uint64N(1_000_000) }

func (p *produceFlags) seedNumber() (uint64, error) {
	if p.seed == "" {
		return randomSeed(), nil
	}
	seed, err := strconv.ParseUint(p.seed, 10, 63)
	if err != nil {
		return 0, usagef("--seed %q: use a whole number from 0 to 9223372036854775807", p.seed)
	}
	return seed, nil
}

func (p *produceFlags) options(f *sharedFlags, s *streams) (producer.Options, error) {
	o := p.Options
	o.App, o.NoEvents, o.Partitioner = f.appID, p.headers.value == "none", partition.Partitioner(p.partitioner.value)
	if p.rate != "" {
		rate, err := scenario.ParseRate(p.rate)
		if err != nil {
			return o, usagef("--rate: %w", err)
		}
		o.Rate = &rate
	}
	if err := p.pace(&o); err != nil {
		return o, err
	}
	if p.faults != "" {
		faults, err := producer.ParseFaults(p.faults)
		if err != nil {
			return o, usagef("--fault: %w", err)
		}
		o.Faults = faults
	}
	if o.Count < 0 || o.Skip < 0 || o.For < 0 || p.products < 0 || o.Workers < 0 {
		return o, usagef("--count, --skip, --for, --products and --workers can't be negative")
	}
	if p.shard != "" {
		k, n, ok := strings.Cut(p.shard, "/")
		shard, err := strconv.Atoi(k)
		shards, err2 := strconv.Atoi(n)
		if !ok || err != nil || err2 != nil || shard < 1 || shards < shard {
			return o, usagef("--shard %q: use K/N with K from 1 to N, such as 2/4", p.shard)
		}
		if shards > 1 && p.seed == "" {
			return o, usagef("--shard %s needs --seed: shards with different seeds are parts of different runs; give all of them the same, such as --seed %d", p.shard, randomSeed())
		}
		o.Shard, o.Shards = shard, shards
	}
	if p.start != "" {
		start, note, err := when.Parse(p.start, s.now(), time.UTC) // on every machine the same
		if err != nil {
			return o, usagef("--start: %w", err)
		}
		if start.Before(time.Unix(0, 0)) {
			return o, usagef("--start: %s is before 1970, and records have no such timestamps", start.UTC().Format(time.DateOnly))
		}
		o.Start, p.startNote = start, note
	}
	if p.envelope && p.to == "kafka" {
		return o, usagef("--envelope is for stdout and files: add --to stdout")
	}
	if p.force && (p.to == "kafka" || p.toStdout()) {
		return o, usagef("--force is for files: add --to FILE")
	}
	return o, p.future(o, s.now())
}

// pace parses the flags that change rates over time.
func (p *produceFlags) pace(o *producer.Options) (err error) {
	if p.jitter.value != "" {
		poisson := p.jitter.value == "poisson"
		o.Pace.Poisson = &poisson
	}
	if p.bursts != "" {
		if o.Pace.Bursts, err = scenario.ParseBursts(p.bursts); err != nil {
			return usagef("--bursts: %w; such as every=10s,for=1s,rate=5000/s", err)
		}
	}
	if p.ramp != "" {
		if o.Pace.Ramp, err = scenario.ParseRamp(p.ramp); err != nil {
			return usagef("--ramp: %w; such as from=10/s,up=30s,hold=1m,down=30s", err)
		}
	}
	return nil
}

// maxFuture is how far ahead of now brokers accept timestamps
// (log.message.timestamp.after.max.ms).
const maxFuture = time.Hour

func (p *produceFlags) future(o producer.Options, now time.Time) error {
	if p.to != "kafka" || o.Start.IsZero() {
		return nil
	}
	if end := o.Start.Add(o.For); end.After(now.Add(maxFuture)) {
		return usagef("--start and --for reach to %s, more than an hour into the future, and brokers refuse such timestamps; start earlier, or write to a file",
			end.UTC().Format(time.RFC3339))
	}
	return nil
}

// toStdout reports whether the output is stdout, which would be truncated as a file.
func (p *produceFlags) toStdout() bool {
	return p.to == "stdout" || p.to == "-" || p.to == "/dev/stdout"
}

// open opens the output and reports created and empty topics.
func (p *produceFlags) open(ctx context.Context, s *streams, f *sharedFlags, plan *producer.Plan, o *producer.Options) (*producer.Output, error) {
	switch {
	case p.toStdout():
		out := s.out
		if s.outTerminal {
			out = recordLines{out}
		}
		return producer.OpenWriter(out, "stdout", p.envelope), nil
	case p.to != "kafka":
		out, err := producer.OpenFile(ctx, p.to, producer.FileOptions{Envelope: p.envelope, Overwrite: p.force})
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		return out, nil
	}
	out, err := producer.OpenKafka(ctx, f.kafka(), plan, f.appID, o.Faults)
	if err != nil {
		return nil, err
	}
	o.Partitions = out.Partitions
	if len(out.Created) > 0 {
		s.errf("created %s\n", strings.Join(out.Created, ", "))
	}
	for _, r := range out.Short {
		fill := "inv produce " + r.Producer
		if p.products > 0 {
			fill += fmt.Sprintf(" --products %d", p.products)
		}
		if r.Has == 0 {
			s.errf("warning: %s is empty, but the records refer to it; fill it with `%s`\n", r.Topic, fill)
		} else {
			s.errf("warning: %s has %s, but the records refer to %s rows; add them with `%s`\n", r.Topic, records(r.Has), grouped(r.Rows), fill)
		}
	}
	return out, nil
}
