package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/spf13/cobra"
)

// produceFlags are the flags of `inv produce`.
type produceFlags struct {
	rate        string
	jitter      choice
	bursts      string
	ramp        string
	count       int64
	period      time.Duration
	seed        string
	start       string
	shard       string
	products    int64
	to          string
	envelope    bool
	headers     choice
	partitioner string
	workers     int
	faults      string
	untagged    bool
}

func produceCommand(s *streams, f *sharedFlags) *cobra.Command {
	p := &produceFlags{headers: newChoice("cloudevents", "none"), jitter: choice{"", []string{"none", "poisson"}}}
	cmd := &cobra.Command{
		Use:   "produce NAME…",
		Short: "Send the records of a scenario's producers",
		Long: `Send the records of a scenario's producers. A producer of rows sends each row
once; any other continues until --count, --for or Ctrl-C. The same --seed gives
the same records.`,
		Example: `  inv produce catalog
  inv produce orders --rate 500/s --count 10000
  inv produce orders --rate 100/s --jitter poisson --bursts every=1m,for=5s,rate=2000/s
  inv produce orders --seed 7 --count 3 --to stdout
  inv produce orders --start 2026-01-01T00:00:00Z --for 720h --rate 10/m --to month.jsonl`,
		ValidArgsFunction: f.completeProducers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return produce(cmd.Context(), s, f, p, args)
		},
	}
	p.register(cmd)
	return cmd
}

func (p *produceFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&p.rate, "rate", "", "1s (one each second), 500/s, 0.5/s or max; the scenario's if not given")
	fs.Var(&p.jitter, "jitter", "poisson makes the gaps between records exponential; the scenario's if not given")
	fs.StringVar(&p.bursts, "bursts", "", "a higher rate for a while, again and again: every=10s,for=1s,rate=5000/s")
	fs.StringVar(&p.ramp, "ramp", "", "from a lower rate up to the rate, and perhaps down again: from=10/s,up=30s,hold=1m,down=30s")
	fs.Int64Var(&p.count, "count", 0, "stop after N records of each producer")
	fs.DurationVar(&p.period, "for", 0, "stop after so long, such as 30s or 720h")
	fs.StringVar(&p.seed, "seed", "", "a number; the same seed gives the same records (random, and printed, if not given)")
	fs.StringVar(&p.start, "start", "", "the event time of the first record, RFC 3339 or 2026-01-31; the clock is then simulated and nothing waits")
	fs.StringVar(&p.shard, "shard", "", "K/N: make only each Nth record from the Kth, at an Nth of the rate")
	fs.Int64Var(&p.products, "products", 0, "make N rows of a producer that has more: in the scenario, instead of those in the file")
	fs.StringVar(&p.to, "to", "kafka", "kafka, stdout or a FILE")
	fs.BoolVar(&p.envelope, "envelope", false, "on stdout and in a FILE: topic, key, headers and timestamp besides the value, as JSON Lines")
	fs.Var(&p.headers, "headers", "which headers records have")
	fs.StringVar(&p.partitioner, "partitioner", "", "murmur2 (as the Java client), crc32 (as librdkafka) or round-robin; the scenario's if not given")
	fs.StringVar(&p.faults, "fault", "", "make records wrong on purpose, each kind its share: malformed=1%,duplicate=0.5%:5s; also late=2%:30s, oversize=0.1%:2MiB, out_of_order, tombstone, unknown_ref, wrong_type")
	fs.BoolVar(&p.untagged, "untagged", false, "no inv-fault header on records that are wrong on purpose")
	fs.IntVar(&p.workers, "workers", 0, "how many goroutines make records")
}

func produce(ctx context.Context, s *streams, f *sharedFlags, p *produceFlags, names []string) error {
	sc, err := f.loadScenario()
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
	seed, err := p.seedNumber()
	if err != nil {
		return err
	}
	existing, err := producer.ReadExisting(ctx, f.kafka(), sc, f.appID, names)
	var missing *producer.NoTopicError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w; check the name under topics: and --brokers, or take `read: true` away and say under rows: or value: what it makes", err)
	}
	if err != nil {
		return err
	}
	plan, err := producer.Compile(sc, producer.CompileOptions{Names: names, Seed: seed, Products: p.products, Existing: existing,
		UnknownRefs: producer.HasUnknownRefs(o.Faults)})
	if err != nil {
		return compileError(err)
	}
	if p.products > 0 && !plan.Grows() {
		return usagef("--products: neither %s nor what they refer to has `more:` in the scenario, so there are the rows of the file and no others",
			strings.Join(names, ", "))
	}
	if err := producer.CheckOptions(plan, o); err != nil {
		return usageError{err}
	}
	fmt.Fprintf(s.err, "seed %d\n", seed)
	out, err := p.open(ctx, s, f, plan, &o)
	if err != nil {
		return err
	}
	line := newProgressLine(s)
	o.Progress = line.show
	summary, err := producer.Run(ctx, plan, o, out)
	line.end()
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	summarize(s.err, summary, strings.Join(out.Where, ", "))
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) && !summary.Finite:
		return nil
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%w; %s acknowledged", err, records(summary.Acknowledged))
	}
	return err
}

// compileError tells a wrong command line or scenario from a failure.
func compileError(err error) error {
	var unknown *producer.UnknownProducerError
	var problems scenario.Problems
	var caused *producer.CausedProducerError
	var read *producer.ReadProducerError
	if errors.As(err, &read) || errors.As(err, &unknown) || errors.As(err, &caused) || errors.As(err, &problems) {
		return usageError{err}
	}
	return err
}

func (p *produceFlags) seedNumber() (uint64, error) {
	if p.seed != "" {
		seed, err := strconv.ParseUint(p.seed, 10, 63)
		if err != nil {
			return 0, usagef("--seed %q: it is a whole number from 0 to 9223372036854775807", p.seed)
		}
		return seed, nil
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return 0, fmt.Errorf("choosing a seed: %w", err)
	}
	return uint64(binary.LittleEndian.Uint32(random[:])), nil
}

func (p *produceFlags) options(f *sharedFlags, s *streams) (producer.Options, error) {
	o := producer.Options{App: f.appID, Count: p.count, For: p.period, Workers: p.workers,
		NoEvents: p.headers.value == "none", Partitioner: partition.Partitioner(p.partitioner)}
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
		o.Faults, o.NoTags = faults, p.untagged
	}
	if p.count < 0 || p.period < 0 || p.products < 0 || p.workers < 0 {
		return o, usagef("--count, --for, --products and --workers can't be negative")
	}
	if p.partitioner != "" && !slices.Contains(partition.Names(), p.partitioner) {
		return o, usagef("--partitioner %q: it is %s", p.partitioner, strings.Join(partition.Names(), ", "))
	}
	if p.shard != "" {
		k, n, ok := strings.Cut(p.shard, "/")
		shard, err := strconv.Atoi(k)
		shards, err2 := strconv.Atoi(n)
		if !ok || err != nil || err2 != nil || shard < 1 || shards < shard {
			return o, usagef("--shard %q: it is K/N with K from 1 to N, such as 2/4", p.shard)
		}
		o.Shard, o.Shards = shard, shards
	}
	if p.start != "" {
		start, err := parseStart(p.start)
		if err != nil {
			return o, err
		}
		o.Start = start
	}
	if p.envelope && p.to == "kafka" {
		return o, usagef("--envelope is for stdout and files: add --to stdout")
	}
	return o, p.future(o, s.now())
}

// pace reads the flags that change rates over time.
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

func parseStart(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--start %q: it is a time such as 2026-01-31T08:00:00Z, or a day such as 2026-01-31", text)
}

// maxFuture is how far ahead of now brokers accept timestamps
// (log.message.timestamp.after.max.ms).
const maxFuture = time.Hour

func (p *produceFlags) future(o producer.Options, now time.Time) error {
	if p.to != "kafka" || o.Start.IsZero() {
		return nil
	}
	if end := o.Start.Add(o.For); end.After(now.Add(maxFuture)) {
		return usagef("--start and --for reach to %s, more than an hour into the future, and brokers refuse such timestamps; begin earlier, or write to a file",
			end.UTC().Format(time.RFC3339))
	}
	return nil
}

// open opens the output, and says what was found.
func (p *produceFlags) open(ctx context.Context, s *streams, f *sharedFlags, plan *producer.Plan, o *producer.Options) (*producer.Output, error) {
	switch p.to {
	case "stdout", "-":
		return producer.OpenWriter(s.out, "stdout", p.envelope), nil
	case "kafka":
	default:
		out, err := producer.OpenFile(p.to, p.envelope)
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
		fmt.Fprintf(s.err, "created %s\n", strings.Join(out.Created, ", "))
	}
	for _, e := range out.Empty {
		fmt.Fprintf(s.err, "warning: %s is empty, and the records refer to it; fill it with `inv produce %s`\n", e.Topic, e.Producer)
	}
	return out, nil
}
