package main

import (
	"context"
	"fmt"
	"slices"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/producer"
)

// topics opens the topics with a format that the producers write, or whose records they
// refer to; nil if there are none. On stdout and in a file records are JSON.
func (p *produceFlags) topics(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, names []string) (*registry.Topics, error) {
	if !slices.ContainsFunc(sc.Topics, func(t scenario.Topic) bool { return t.Format.Name+t.KeyFormat.Name != "" || len(t.Upgrades) > 0 }) {
		return nil, nil
	}
	use := topicUse{reads: append([]string{}, producer.ReadAliases(sc, names)...)}
	if p.to == "kafka" {
		plan, err := producer.Compile(sc, producer.CompileOptions{Names: names, Products: p.products})
		if err != nil {
			return nil, compileError(err, sc)
		}
		use.writes = plan.Topics()
	}
	return f.topics(ctx, s, sc, use, p.registry)
}

// The schema of another subject, for the faults wrong_id and other_schema.
const (
	unrelatedSubject = "inv-fault"
	unrelatedSchema  = `{"type":"record","name":"Unrelated","namespace":"inv.fault","fields":[{"name":"text","type":"string"}]}`
)

// unrelatedWriter registers the schema of another subject.
func unrelatedWriter(ctx context.Context, topics *registry.Topics) (*registry.Writer, error) {
	sch, err := registry.Compile(ctx, registry.Source{Form: registry.Avro, Text: unrelatedSchema})
	if err != nil {
		return nil, err
	}
	id, err := topics.Register(ctx, unrelatedSubject, sch)
	if err != nil {
		return nil, fmt.Errorf("the schema of another subject, for faults: %w", schemaHint(err))
	}
	return &registry.Writer{Schema: sch, ID: id}, nil
}

// lineWriters returns how the lines for a topic, by its name on the broker, are encoded, if
// the scenario has a format for it.
func (p *produceFlags) lineWriters(ctx context.Context, s *streams, f *sharedFlags, topic string) (w producer.Writers, err error) {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return w, err
	}
	for _, t := range sc.Topics {
		if t.Format.Name+t.KeyFormat.Name == "" || t.NameFor(f.appID) != topic {
			continue
		}
		topics, err := f.topics(ctx, s, sc, topicUse{reads: []string{}, writes: []string{t.Alias}}, p.registry)
		if err != nil {
			return w, err
		}
		return producer.WritersOf(sc, f.appID, topics)[t.Alias], nil
	}
	return w, nil
}
