package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"inv/inspect/verify"
	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// app is the processor's application id.
const app = "inv"

// partitions is how many the topics have, but for the catalogue's one: few, because
// each record is moved to each.
const partitions = 3

// lab is a processor on an embedded broker of its own.
type lab struct {
	scenario   *scenario.Scenario
	topologies []processor.Topology
	options    verify.Options
	config     kafka.Config
	client     *kgo.Client
	specs      []kafka.TopicSpec
	node       *broker.Broker
}

func newLab(ctx context.Context, policy verify.Policy) (*lab, error) {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return nil, err
	}
	source = bytes.ReplaceAll(source, []byte("partitions: 6"), fmt.Appendf(nil, "partitions: %d", partitions))
	l := &lab{}
	if l.scenario, err = scenario.Parse("inventory.yaml", source); err != nil {
		return nil, err
	}
	l.topologies, err = builtin.Select(l.scenario, nil, inventory.Options{LeadTime: 50 * time.Millisecond, DedupeWindow: verify.DefaultDedupeWindow, Policy: string(policy)})
	if err != nil {
		return nil, err
	}
	topics, err := verify.TopicsOf(l.scenario, app)
	if err != nil {
		return nil, err
	}
	l.options = verify.OptionsFor(app, policy, topics, nil, true)
	for _, g := range processor.Groups(l.scenario, app, l.topologies) {
		l.options.Groups = append(l.options.Groups, verify.Group(g))
	}
	if l.node, err = broker.Start(broker.Options{Listen: "127.0.0.1:0"}); err != nil {
		return nil, err
	}
	l.config = kafka.Config{Brokers: []string{l.node.Addr()}}
	if l.client, err = kafka.Connect(ctx, l.config, kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		return l, err
	}
	l.specs = kafka.Specs(l.scenario, app)
	_, err = kafka.EnsureTopics(ctx, l.client, l.specs...)
	return l, err
}

func (l *lab) close() {
	if l.client != nil {
		l.client.Close()
	}
	if l.node != nil {
		l.node.Close()
	}
}

// process sends records in their order and has them processed, with all that they
// cause.
func (l *lab) process(ctx context.Context, records []*kgo.Record) error {
	for _, r := range records {
		if err := l.client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("sending an input: %w", err)
		}
	}
	_, err := processor.Run(ctx, processor.Config{Kafka: l.config, Scenario: l.scenario, AppID: app, Topologies: l.topologies, Instance: "bench", StableInstance: true, Drain: true})
	if err != nil {
		return fmt.Errorf("processing: %w", err)
	}
	return nil
}

// history reads all topics that an audit reads.
func (l *lab) history(ctx context.Context) (*verify.History, error) {
	h := &verify.History{Records: map[string][]*kgo.Record{}, Partitions: map[string]int32{}}
	t := l.options.Topics
	names := []string{t.Catalog, t.Orders, t.Receipts, t.Updates, t.Reorders, t.Alerts, t.PendingReceipts}
	for _, input := range []string{t.Catalog, t.Orders, t.Receipts, t.Reorders} {
		names = append(names, input+".dlq")
	}
	spans, err := kafka.Spans(ctx, l.client, names...)
	if err != nil {
		return nil, err
	}
	for _, s := range spans {
		h.Partitions[s.Topic]++
	}
	all := make([][]*kgo.Record, len(spans))
	err = kafka.Read(ctx, l.config, spans, func(span int, r *kgo.Record) bool {
		all[span] = append(all[span], r)
		return false
	})
	for i, records := range all {
		h.Records[spans[i].Topic] = append(h.Records[spans[i].Topic], records...)
	}
	return h, err
}

// tell has a processor with the policy process the story and returns what it wrote.
func tell(ctx context.Context, policy verify.Policy) (*verify.History, verify.Options, error) {
	l, err := newLab(ctx, policy)
	if l != nil {
		defer l.close()
	}
	if err != nil {
		return nil, verify.Options{}, err
	}
	s := &storyteller{topics: l.options.Topics, partitions: partitions, now: day}
	for _, chapter := range chapters(s) {
		if err := chapter(ctx, l); err != nil {
			return nil, verify.Options{}, err
		}
	}
	r, err := verify.Run(ctx, l.client, l.options)
	if err != nil {
		return nil, verify.Options{}, err
	}
	if r.Verdict != verify.Holds {
		return nil, verify.Options{}, fmt.Errorf("the history is not right: %+v", r.Findings)
	}
	h, err := l.history(ctx)
	return h, l.options, err
}
