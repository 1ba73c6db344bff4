package processor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"inv/internal/kafka"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// layout is where the stages' topics are on the cluster.
type layout struct {
	names       map[string]string // by alias
	deadLetters map[string]bool   // dead-letter topics, by name
	partitions  map[string]int    // by name
	ids         map[string]kadm.TopicID
	batchBytes  map[string]int   // max.message.bytes, by name
	times       map[string]Times // by name
}

// newLayout names the topics of the stages. It fails if the scenario lacks an
// alias that one of them needs.
func newLayout(s *scenario.Scenario, app string, topologies []Topology) (*layout, error) {
	l := &layout{names: map[string]string{}, deadLetters: map[string]bool{}}
	for _, t := range topologies {
		for _, stage := range t.Stages {
			for _, alias := range append(slices.Clone(stage.Reads), stage.outputs()...) {
				declared, ok := s.Topic(alias)
				if !ok {
					return nil, fmt.Errorf("%w: scenario %s declares no topic with the alias %q, which the topology %s needs", ErrUsage, s.Name, alias, t.Name)
				}
				l.names[alias] = declared.NameFor(app)
			}
			for _, alias := range stage.Reads {
				if declared, _ := s.Topic(alias); !declared.Internal {
					l.deadLetters[DeadLetterTopic(l.names[alias])] = true
				}
			}
		}
	}
	return l, nil
}

// create creates the topics that are missing, and learns what is there. A
// changelog gets the partitions of the source that it belongs to, so the sources
// come first.
func (l *layout) create(ctx context.Context, client *kgo.Client, s *scenario.Scenario, app string, all []*Stage) (created []string, err error) {
	source := map[string]string{} // of each changelog
	for _, stage := range all {
		if stage.State != "" {
			source[stage.State] = stage.Reads[0]
		}
	}
	var first, then []kafka.TopicSpec
	for _, alias := range slices.Sorted(maps.Keys(l.names)) {
		specs := kafka.Specs(s, app, alias)
		if source[alias] != "" {
			then = append(then, specs...)
		} else {
			first = append(first, specs...)
		}
	}
	first = append(first, l.deadLetterSpecs(s, app)...)
	if created, err = l.ensure(ctx, client, first); err != nil {
		return nil, err
	}
	for i := range then {
		for state, from := range source {
			if l.names[state] == then[i].Name {
				then[i].Partitions = l.partitions[l.names[from]]
			}
		}
	}
	more, err := l.ensure(ctx, client, then)
	if err != nil {
		return nil, err
	}
	return append(created, more...), l.describe(ctx, client)
}

// deadLetterSpecs returns the dead-letter topics as the scenario declares them.
func (l *layout) deadLetterSpecs(s *scenario.Scenario, app string) []kafka.TopicSpec {
	var specs []kafka.TopicSpec
	for _, t := range s.Topics {
		if len(t.DeadLettersOf) == 0 {
			continue
		}
		for _, spec := range kafka.Specs(s, app, t.Alias) {
			if l.deadLetters[spec.Name] {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}

// ensure creates what is missing of the topics and learns their partitions.
func (l *layout) ensure(ctx context.Context, client *kgo.Client, specs []kafka.TopicSpec) (created []string, err error) {
	created, err = kafka.EnsureTopics(ctx, client, specs...)
	if err != nil || len(specs) == 0 {
		return created, err
	}
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = spec.Name
	}
	counts, err := kafka.PartitionCounts(ctx, client, names...)
	if l.partitions == nil {
		l.partitions = map[string]int{}
	}
	for name, n := range counts {
		l.partitions[name] = n
	}
	return created, err
}

// describe fetches topic ids, so that a recreated topic is detected, and the
// largest record batch that each topic accepts.
func (l *layout) describe(ctx context.Context, client *kgo.Client) error {
	names := make([]string, 0, len(l.partitions))
	for name := range l.partitions {
		names = append(names, name)
	}
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		return fmt.Errorf("fetching topic ids: %w", err)
	}
	l.ids = map[string]kadm.TopicID{}
	for name, d := range details {
		l.ids[name] = d.ID
	}
	configs, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("fetching topic configurations: %w", err)
	}
	l.batchBytes, l.times = map[string]int{}, map[string]Times{}
	for _, c := range configs {
		l.times[c.Name] = timesOf(c.Configs)
		for _, v := range c.Configs {
			if n, err := strconv.Atoi(v.MaybeValue()); v.Key == "max.message.bytes" && err == nil {
				l.batchBytes[c.Name] = n
			}
		}
	}
	return nil
}

// batchDefault is franz-go's own largest record batch.
const batchDefault = 1_000_012

// maxBatch returns the largest record batch to send to a topic. Dead letters use
// all that their topic accepts, since they are larger than their originals.
func (l *layout) maxBatch(topic string) int {
	n, ok := l.batchBytes[topic]
	switch {
	case !ok:
		return batchDefault
	case l.deadLetters[topic]:
		return n
	}
	return min(n, batchDefault)
}

// topics returns the names on the broker of some aliases.
func (l *layout) topics(aliases []string) []string {
	names := make([]string, len(aliases))
	for i, alias := range aliases {
		names[i] = l.names[alias]
	}
	return names
}
