// Package demo runs the whole inventory system in one process: it produces the
// catalogue and orders, processes them, shows the records as they arrive, and at the
// end summarizes and audits the topics. The parts are those of the other commands;
// they only communicate through topics.
package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"inv/inspect/verify"
	"inv/internal/kafka"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/producer"
)

// Options configure a run.
type Options struct {
	Kafka    kafka.Config
	Scenario *scenario.Scenario
	App      string
	All      bool           // run all topologies of the scenario, over a day that is played faster
	For      time.Duration  // how long to produce orders
	Rate     *scenario.Rate // of the orders; nil: that of the story
	Seed     uint64
	LeadTime time.Duration // from a reorder to its receipt
	Location *time.Location
	Now      func() time.Time
	Schemas  *registry.Topics // of topics with a format, all of them to be written; nil: none has one
}

// Bounds of the end: for processing everything, beyond the lead time, and for the
// summary; shorter ones after an interrupt.
const (
	settleWithin         = 20 * time.Second
	settleInterrupted    = 5 * time.Second
	summarizeWithin      = 20 * time.Second
	summarizeInterrupted = 3 * time.Second
)

// Run plays the demo until its time is over or ctx ends, and then summarizes it. If
// ctx ended it, the error is its cause. Without a Summary, the run failed.
func Run(ctx context.Context, o Options, screen *Screen) (*Summary, error) {
	d := &demo{Options: o, screen: screen, stats: &processor.Stats{}}
	var err error
	var names []string
	if o.All {
		names = builtin.Names(o.Scenario)
	}
	if d.topologies, err = builtin.Select(o.Scenario, names, inventory.Options{LeadTime: o.LeadTime}); err != nil {
		return nil, err
	}
	if d.topics, err = verify.TopicsOf(o.Scenario, o.App); err != nil {
		return nil, err
	}
	if d.feed, err = newFeed(o, screen); err != nil {
		return nil, err
	}
	if err := d.prepare(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}

	switch {
	case o.All:
		screen.tell(dayActs(o.For))
	case o.Rate == nil:
		screen.tell(acts())
	}

	// Processing and display outlive ctx, so that produced orders are completed. If
	// either fails, nothing is left to wait for.
	ordering, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var parts sync.WaitGroup
	for _, part := range []func(context.Context) error{d.process, d.feed.run} {
		parts.Go(func() {
			if err := part(work); err != nil && work.Err() == nil {
				fail(err)
				stop()
			}
		})
	}
	err = d.produce(ordering)
	d.settle(work, ctx.Err() != nil)
	stop()
	parts.Wait()
	screen.End()
	if ordering.Err() != nil {
		err = context.Cause(ordering)
	}
	if err != nil && ctx.Err() == nil {
		return nil, err
	}

	sum, cancel := context.WithTimeout(context.WithoutCancel(ctx), within(ctx.Err() != nil, summarizeInterrupted, summarizeWithin))
	defer cancel()
	summary, sumErr := d.summarize(sum)
	return summary, errors.Join(sumErr, err)
}

type demo struct {
	Options
	topologies []processor.Topology
	topics     verify.Topics
	screen     *Screen
	stats      *processor.Stats
	feed       *feed
	took       time.Duration // how long orders were produced
}

func within(interrupted bool, short, long time.Duration) time.Duration {
	if interrupted {
		return short
	}
	return long
}

func (d *demo) prepare(ctx context.Context) error {
	client, err := kafka.Connect(ctx, d.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	specs := builtin.Specs(d.Scenario, d.App)
	if d.All {
		specs = kafka.Specs(d.Scenario, d.App)
	}
	_, err = kafka.EnsureTopics(ctx, client, specs...)
	return err
}

func (d *demo) process(ctx context.Context) error {
	_, err := processor.Run(ctx, processor.Config{
		Kafka: d.Kafka, Scenario: d.Scenario, AppID: d.App, Instance: "demo",
		Topologies: d.topologies, Stats: d.stats, Schemas: d.Schemas,
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("processing: %w", err)
	}
	return nil
}

// produce sends the catalogue, then orders at their rate.
func (d *demo) produce(ctx context.Context) error {
	if d.All {
		return d.produceDay(ctx)
	}
	if err := d.run(ctx, "catalog", producer.Options{}); err != nil {
		return err
	}
	began := d.Now()
	err := d.run(ctx, "orders", d.pace())
	d.took = d.Now().Sub(began)
	return err
}

// run runs a producer.
func (d *demo) run(ctx context.Context, name string, o producer.Options) error {
	compile := producer.CompileOptions{Names: []string{name}, Seed: d.Seed, Writers: producer.WritersOf(d.Scenario, d.App, d.Schemas)}
	if d.All {
		compile.Products = dayProducts
	}
	plan, err := producer.Compile(d.Scenario, compile)
	if err != nil {
		return err
	}
	out, err := producer.OpenKafka(ctx, d.Kafka, plan, d.App, nil)
	if err != nil {
		return err
	}
	defer out.Close()
	o.App, o.Partitions = d.App, out.Partitions
	_, err = producer.Run(ctx, plan, o, out)
	return err
}

// settle waits until all orders have been processed and shown. It gives up without
// an error: the audit reports what is missing.
func (d *demo) settle(ctx context.Context, interrupted bool) {
	ctx, cancel := context.WithTimeout(ctx, within(interrupted, settleInterrupted, d.LeadTime+settleWithin))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := int64(-1)
	for {
		ends, rest := d.atRest(ctx)
		if rest && ends == last && d.feed.idle(d.Now()) {
			return
		}
		last = ends
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// atRest reports whether no stage has anything left, and the sum of the end offsets.
// The stages are checked one after another: only if the sum is the same twice in a
// row, nothing moved in between.
func (d *demo) atRest(ctx context.Context) (ends int64, rest bool) {
	counts := d.stats.Summary()
	rest = true
	for _, m := range processor.Metrics(d.builtIn()) { // timers of declared topologies may run for days
		rest = rest && (m.Left == "" || counts.Counts[m.Key()] == 0)
	}
	for _, t := range d.topologies {
		declared := d.declared(t)
		for _, g := range processor.Groups(d.Scenario, d.App, []processor.Topology{t}) {
			lags, err := kafka.GroupLag(ctx, d.Kafka, g.Name, g.Topics...)
			if err != nil {
				return 0, false
			}
			for _, l := range lags {
				if declared { // whose logs go on with the time, and lines wait in them for it
					rest = rest && l.Records <= l.Waiting
					continue
				}
				rest = rest && l.AtRest()
				ends += l.End
			}
		}
	}
	return ends, rest
}

func (d *demo) builtIn() []processor.Topology {
	return slices.DeleteFunc(slices.Clone(d.topologies), d.declared)
}

// declared reports whether a topology is declared in the scenario.
func (d *demo) declared(t processor.Topology) bool {
	s := d.Scenario.Topology(t.Name)
	return s != nil && !s.BuiltIn
}

func (d *demo) auditOptions() verify.Options {
	var groups []verify.Group
	for _, g := range processor.Groups(d.Scenario, d.App, d.builtIn()) {
		groups = append(groups, verify.Group(g))
	}
	o := verify.OptionsFor(d.App, verify.PolicyDefault, d.topics, groups, true)
	o.Schemas = d.Schemas
	return o
}
