package processor

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// layout is where the stages' topics are on the cluster. Partitions can be added
// while it is in use; the rest is as it was at the start.
type layout struct {
	kafka       kafka.Config
	log         *slog.Logger
	names       map[string]string // by alias
	encoded     map[string]bool   // aliases of topics with formats or upgrades
	derived     map[string]bool   // aliases of topics whose schemas are derived
	takesAll    map[string]bool   // aliases of topics whose schemas have a place for every record
	deadLetters map[string]bool   // dead-letter topics, by name
	made        map[string]bool   // by this process, by name
	ids         map[string]kadm.TopicID
	batchBytes  map[string]int    // max.message.bytes, by name
	deletes     map[string]string // what lets the broker delete records, by name
	times       map[string]Times  // by name

	mu         sync.Mutex
	partitions map[string]int // by name
}

// count returns how many partitions a topic has.
func (l *layout) count(topic string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partitions[topic]
}

// grown takes over a topic's number of partitions and returns the one before. The
// number never decreases: brokers may be asked that don't know of a change yet.
func (l *layout) grown(topic string, partitions int) (before int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.partitions == nil {
		l.partitions = map[string]int{}
	}
	before = l.partitions[topic]
	l.partitions[topic] = max(before, partitions)
	return before
}

// newLayout names the topics of the stages. It fails if the scenario lacks an
// alias that one of them needs.
func newLayout(cfg Config) (*layout, error) {
	s, app := cfg.Scenario, cfg.AppID
	l := &layout{kafka: cfg.Kafka, log: cfg.Log, names: map[string]string{}, encoded: map[string]bool{}, derived: map[string]bool{}, takesAll: map[string]bool{}, made: map[string]bool{}, deadLetters: map[string]bool{}}
	for _, t := range cfg.Topologies {
		for _, stage := range t.Stages {
			for _, alias := range append(stage.inputs(), stage.outputs()...) {
				declared, ok := s.Topic(alias)
				if !ok {
					return nil, fmt.Errorf("%w: scenario %s declares no topic with the alias %q, which the topology %s needs", ErrUsage, s.Name, alias, t.Name)
				}
				l.names[alias] = declared.NameFor(app)
				l.encoded[alias] = declared.Format.Name != "" || declared.KeyFormat.Name != "" || len(declared.Upgrades) > 0
				l.derived[alias], l.takesAll[alias] = derived(declared), takesAll(declared)
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

// derived reports whether no schema of a topic is in a file.
func derived(t scenario.Topic) bool { return t.Format.File == "" && t.KeyFormat.File == "" }

// takesAll reports whether the schemas of a topic have a place for every record, as derived
// ones do, but for those of Protobuf: it has no decimals.
func takesAll(t scenario.Topic) bool {
	const inexact = string(registry.Protobuf)
	return derived(t) && t.Format.Name != inexact && t.KeyFormat.Name != inexact
}

// create creates the topics that are missing, and learns what is there. A
// changelog gets the partitions of the source that it belongs to; if the source has
// got more since, the changelog does, too, or is refused.
func (l *layout) create(ctx context.Context, client *kgo.Client, s *scenario.Scenario, app string, all []*Stage) (created []string, err error) {
	keeper := map[string]*Stage{} // of each changelog
	for _, stage := range all {
		if stage.State != "" {
			keeper[stage.State] = stage
		}
	}
	var first []kafka.TopicSpec
	for _, alias := range slices.Sorted(maps.Keys(l.names)) {
		if keeper[alias] == nil {
			first = append(first, kafka.Specs(s, app, alias)...)
		}
	}
	first = append(first, l.deadLetterSpecs(s, app)...)
	first = append(first, earlyChangelogs(s, app, keeper)...)
	if created, err = l.ensure(ctx, client, first); err != nil {
		return nil, err
	}
	for _, alias := range slices.Sorted(maps.Keys(keeper)) {
		stage := keeper[alias]
		source := l.names[stage.Reads[0]]
		there, err := kafka.PartitionCounts(ctx, client, l.names[alias])
		if err != nil {
			return nil, err
		}
		declared, _ := s.Topic(stage.Reads[0])
		if n, ok := there[l.names[alias]]; ok && n < l.count(source) && !stage.Grows && !declared.Internal {
			return nil, &GrownError{Topic: source, Have: l.count(source), Want: n}
		}
		more, err := l.ensure(ctx, client, changelogSpecs(s, app, alias, stage, l.count(source)))
		if err != nil {
			return nil, err
		}
		created = append(created, more...)
		if err := l.atLeast(ctx, l.names[alias], source, l.count(source)); err != nil {
			return nil, err
		}
	}
	return created, l.describe(ctx, client)
}

// changelogSpecs returns the changelog of a stage whose source has so many partitions.
func changelogSpecs(s *scenario.Scenario, app, alias string, stage *Stage, partitions int) []kafka.TopicSpec {
	specs := kafka.Specs(s, app, alias)
	for i := range specs {
		specs[i].Partitions, specs[i].Exact = partitions, !stage.Grows
	}
	return specs
}

// earlyChangelogs returns the changelogs that can be made together with their sources,
// which takes a cluster half the time: the source is the processor's own, so it has the
// partitions that the scenario declares, or is refused.
func earlyChangelogs(s *scenario.Scenario, app string, keeper map[string]*Stage) (specs []kafka.TopicSpec) {
	for _, alias := range slices.Sorted(maps.Keys(keeper)) {
		if source, _ := s.Topic(keeper[alias].Reads[0]); source.Internal {
			specs = append(specs, changelogSpecs(s, app, alias, keeper[alias], source.Partitions)...)
		}
	}
	return specs
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
	for _, name := range created {
		l.made[name] = true
	}
	if err != nil || len(specs) == 0 {
		return created, err
	}
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = spec.Name
	}
	counts, err := kafka.PartitionCounts(ctx, client, names...)
	for name, n := range counts {
		l.grown(name, n)
	}
	return created, err
}

// describe fetches topic ids, so that a recreated topic is detected, and the
// largest record batch that each topic accepts, and whether records expire.
func (l *layout) describe(ctx context.Context, client *kgo.Client) error {
	names := make([]string, 0, len(l.partitions))
	for name := range l.partitions {
		names = append(names, name)
	}
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	for _, d := range details.Sorted() {
		err = cmp.Or(err, acl.Check(d.Err, acl.Describe, acl.Topic(d.Topic)))
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
		slices.Sort(names)
		err = acl.Find(err, acl.DescribeConfigs, acl.KindTopic, names, func(name string) error {
			_, err := admin.DescribeTopicConfigs(ctx, name)
			return err
		})
		return fmt.Errorf("fetching topic configurations: %w", err)
	}
	embedded, err := kafka.IsEmbedded(ctx, client)
	if err != nil {
		return err
	}
	l.batchBytes, l.deletes, l.times = map[string]int{}, map[string]string{}, map[string]Times{}
	for _, c := range configs {
		l.times[c.Name] = timesOf(c.Configs)
		values := map[string]string{}
		for _, v := range c.Configs {
			// The embedded broker keeps everything by default, and says otherwise.
			if own := v.Source == kmsg.ConfigSourceDynamicTopicConfig; own || !embedded || !strings.HasPrefix(v.Key, "retention.") {
				values[v.Key] = v.MaybeValue()
			}
		}
		if n, err := strconv.Atoi(values["max.message.bytes"]); err == nil {
			l.batchBytes[c.Name] = n
		}
		l.deletes[c.Name] = deletion(values)
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
