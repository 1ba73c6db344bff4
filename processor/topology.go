package processor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/recordbatch"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topology is a named set of stages. It is a value: everything that works on
// topologies (creating topics, consumer groups, offset metadata, lag, drain,
// reset, metrics, help) iterates over it, so a new one is written once and known
// everywhere. Another policy is another Topology of the same name.
type Topology struct {
	Name string
	// Policy is the set of rules, "" for the default. State made by one policy
	// is refused by another.
	Policy string
	// About describes the topology in a few words, for help and completion.
	About string
	// Stages are in the order in which records pass through them.
	Stages []Stage
}

// Stage is one consumer group of a topology. Topics are named by their alias in
// the scenario.
type Stage struct {
	// Name is unique among all topologies. The group is <app>-<name>.
	Name string
	// Reads are the source topics. Of records that were polled together, those
	// of an earlier topic are processed first.
	Reads []string
	// First is one of Reads that is read to its end before the others, at start.
	First string
	// Whole is one of Reads of which the stage needs every record at each start,
	// besides those that the group has yet to read; "" for none.
	Whole string
	// Tables are topics that the stage's logic reads by itself from their beginning,
	// in every process, and not as a member of the group.
	Tables []string
	// Log is an internal topic that this stage decides its inputs into and that
	// another stage of the topology reads; "" for none. The stage is held back
	// while its own process's reader of the log is far behind.
	Log string
	// State is the stage's changelog, "" for none. Its partitions are those of
	// the source, which is then the stage's only one.
	State string
	// Shape is what else the state depends on: NAME.HASH for each part, joined by
	// commas. It is committed with the offsets, and state of another Shape is refused,
	// unless Version is higher and Upgrades set. Empty: not compared.
	Shape    string
	Version  int  // of the state, at least 1 with a Shape
	Upgrades bool // the logic reads state of lower versions
	// Grows reports that the source may get more partitions: nothing in the state
	// of one partition is needed by a record in another, even one with the same
	// key. The changelog then gets more, too. Otherwise a grown source is refused,
	// since its keys would move away from their state.
	Grows bool
	// Writes are the other topics that the stage writes, dead letters aside.
	Writes []Output
	// Metrics are what the stage counts besides records and outputs.
	Metrics []Metric
	// MaxPoll is the number of records that the stage takes at once; it looks
	// whether to commit after each such batch. The default is 2,000.
	MaxPoll int
	// Decided returns a text that the log's lines have if they were decided from
	// a source partition. It tells inputs that were decided before from new ones
	// when the group's offsets are gone. Nil if the stage has no Log.
	Decided func(source stage.Source) string
	// Waits is what records wait for that the stage's state holds back, with %s for the
	// source partitions that they came from: the metadata of its offsets counts them,
	// see [Env.Note]. A drain waits for them.
	Waits string
	// Pending returns the source offset behind a value of the changelog that
	// will lead to a record later, by itself, and when: a drain waits for those.
	// Nil if nothing falls due, or if a drain should not wait. The record is of
	// the first kind that the stage writes.
	Pending func(value []byte) (offset int64, due time.Time, err error)
	// New makes the stage's logic for one run.
	New func(Env) (stage.Logic, error)
}

// Output is a topic that a stage writes.
type Output struct {
	Topic string // alias
	Kind  string // what one record is called, in the singular, for metrics and summaries
	// Feeds reports that another stage continues from these records. The topic's
	// id is then part of the committed offsets' metadata, and a recreated topic
	// is refused.
	Feeds bool
	// Exclusive reports that only one application may write the topic.
	Exclusive bool
}

// Metric is a number that a stage keeps.
type Metric struct {
	Name  string // Prometheus name without the prefix "inv_"
	Help  string
	Gauge bool // it may go down
	// Topology is the label "topology" of a metric that several topologies have under
	// one Name; "": no label.
	Topology string
	// Left is said in the summary of a processor that stops while the number is
	// above zero, with %s for the number and its Unit, in the singular. Without
	// it nothing is said.
	Left, Unit string
}

// Key returns the key of the metric in [Summary.Counts].
func (m Metric) Key() string {
	if m.Topology == "" {
		return m.Name
	}
	return m.Name + "/" + m.Topology
}

// Background is a [stage.Logic] that works beside the stage's loop.
type Background interface {
	// Run works until ctx ends. An error ends the processor.
	Run(ctx context.Context) error
	// Close releases what Run uses. It is called after every stage has stopped.
	Close()
}

// Grower is a [stage.Logic] that reads topics by itself, besides its partitions.
type Grower interface {
	// Grow is called when one of the stage's topics, by its name on the broker, has
	// got more partitions. It may be called at any time.
	Grow(topic string, partitions int)
}

// Env is what a stage's logic gets to know of the run that it is part of.
type Env struct {
	App   string
	Kafka kafka.Config
	// Reader reads ranges of partitions for restoring state. It is shared.
	Reader *stage.Reader
	// Exact reports that the guarantee is exactly-once: changelog and committed
	// offset must agree.
	Exact  bool
	Stats  *Stats
	Now    func() time.Time
	Logger *slog.Logger
	// Schemas reads and writes the topics that have a format, and decodes what a schema
	// registry describes; nil: there are none.
	Schemas *registry.Topics
	// Flow couples the writer of a Log with its reader; nil for other stages.
	Flow *Flow

	stage  *Stage
	shape  func(position) error // compares it with the stage's
	group  string
	state  string // alias of the stage's changelog
	grows  bool   // it gets the partitions of its source
	skips  bool   // it may have lost records, if the state is complete without them
	layout *layout
}

// Topic returns the name on the broker of one of the stage's topics.
func (e Env) Topic(alias string) string { return e.layout.names[alias] }

// Partitions returns the number of partitions of one of the stage's topics.
func (e Env) Partitions(alias string) int { return e.layout.count(e.Topic(alias)) }

// MaxBatch returns the largest record batch that a topic, by its name on the
// broker, accepts, in bytes.
func (e Env) MaxBatch(topic string) int { return e.layout.maxBatch(topic) }

// Restore calls use with each committed record of the changelog's partition that
// belongs to a source partition, from its beginning to its end now. The record is
// valid until use returns.
func (e Env) Restore(ctx context.Context, source stage.Source, use func(*kgo.Record) error) error {
	changelog := e.Topic(e.state)
	if want := int(source.Partition) + 1; want > e.layout.count(changelog) {
		if !e.grows {
			return &GrownError{Topic: source.Topic, Have: want, Want: e.layout.count(changelog)}
		}
		if err := e.layout.atLeast(ctx, changelog, source.Topic, want); err != nil {
			return err
		}
	}
	start, err := e.Reader.LogStart(ctx, changelog, source.Partition)
	if err != nil {
		return err
	}
	if start > 0 && !e.skips {
		return lostStart(e.state, changelog, source.Partition, start)
	}
	end, err := e.Reader.HighWatermark(ctx, changelog, source.Partition)
	if err != nil {
		return err
	}
	return e.Reader.Read(ctx, changelog, source.Partition, 0, end, func(r *kgo.Record) error {
		e.Stats.restored.Add(1)
		return use(r)
	})
}

// Log adds a record to the changelog's partition that belongs to a source
// partition. A nil value removes the key. Key and value may be reused.
func (e Env) Log(tx *stage.Tx, partition int32, key, value []byte) error {
	out, err := tx.OutputTo(e.Topic(e.state), partition)
	if err == nil {
		out.Append(partition, tx.Now().UnixMilli(), key, value, recordbatch.NoHeaders())
	}
	return err
}

// Counter returns the number behind one of the stage's metrics, by its Name, or the
// count of an output's kind.
func (e Env) Counter(name string) *atomic.Int64 {
	if i := slices.IndexFunc(e.stage.Metrics, func(m Metric) bool { return m.Name == name }); i >= 0 {
		name = e.stage.Metrics[i].Key()
	}
	return e.Stats.counter(name)
}

// Group returns the consumer group of a stage.
func Group(app, stage string) string { return app + "-" + stage }

// kept returns the topics that the stage keeps for itself and its topology.
func (s *Stage) kept() (aliases []string) {
	for _, alias := range []string{s.Log, s.State} {
		if alias != "" {
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

// inputs returns the topics that the stage reads, whether as a member of its group or
// as tables, each once.
func (s *Stage) inputs() []string {
	all := slices.Clone(s.Reads)
	for _, alias := range s.Tables {
		if !slices.Contains(all, alias) {
			all = append(all, alias)
		}
	}
	return all
}

// outputs returns the topics that the stage's transactions write, dead letters aside.
func (s *Stage) outputs() []string {
	all := s.kept()
	for _, w := range s.Writes {
		all = append(all, w.Topic)
	}
	return all
}

// GroupTopics is a consumer group and the topics that it reads.
type GroupTopics struct {
	Name   string
	Topics []string
}

// Groups returns the consumer groups of topologies with the names of the topics
// that each reads. An alias that the scenario lacks is left out.
func Groups(s *scenario.Scenario, app string, topologies []Topology) []GroupTopics {
	var groups []GroupTopics
	for _, stage := range stages(topologies) {
		groups = append(groups, GroupTopics{Group(app, stage.Name), names(s, app, stage.Reads)})
	}
	return groups
}

// GroupNames returns the consumer groups of topologies.
func GroupNames(app string, topologies []Topology) []string {
	var groups []string
	for _, stage := range stages(topologies) {
		groups = append(groups, Group(app, stage.Name))
	}
	return groups
}

// KeptTopics returns the names of the topics that topologies keep for themselves:
// logs and changelogs.
func KeptTopics(s *scenario.Scenario, app string, topologies []Topology) (topics []string) {
	for _, stage := range stages(topologies) {
		topics = append(topics, names(s, app, stage.kept())...)
	}
	return topics
}

// GrowingTopics returns the names of the changelogs that get more partitions when
// their source does.
func GrowingTopics(s *scenario.Scenario, app string, topologies []Topology) (topics []string) {
	for _, stage := range stages(topologies) {
		if stage.Grows {
			topics = append(topics, names(s, app, []string{stage.State})...)
		}
	}
	return topics
}

// WrittenTopics returns the names of the topics that topologies write for others,
// dead letters included. Others may write some of them, too.
func WrittenTopics(s *scenario.Scenario, app string, topologies []Topology) (topics []string) {
	for _, stage := range stages(topologies) {
		for _, w := range stage.Writes {
			topics = append(topics, names(s, app, []string{w.Topic})...)
		}
		for _, alias := range stage.Reads {
			if t, ok := s.Topic(alias); ok && !t.Internal {
				topics = append(topics, DeadLetterTopic(t.NameFor(app)))
			}
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// Aliases returns the aliases of the topics that topologies read, and of those that they
// write for others, each once.
func Aliases(topologies []Topology) (reads, writes []string) {
	for _, stage := range stages(topologies) {
		reads = append(reads, stage.inputs()...)
		for _, w := range stage.Writes {
			writes = append(writes, w.Topic)
		}
	}
	slices.Sort(reads)
	slices.Sort(writes)
	return slices.Compact(reads), slices.Compact(writes)
}

// InputTopics returns the names of the topics that topologies read and do not write.
func InputTopics(s *scenario.Scenario, app string, topologies []Topology) (topics []string) {
	written := append(WrittenTopics(s, app, topologies), KeptTopics(s, app, topologies)...)
	for _, stage := range stages(topologies) {
		for _, name := range names(s, app, stage.inputs()) {
			if !slices.Contains(written, name) {
				topics = append(topics, name)
			}
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

func names(s *scenario.Scenario, app string, aliases []string) (topics []string) {
	for _, alias := range aliases {
		topics = append(topics, s.TopicNames(alias, app)...)
	}
	return topics
}

// Kinds returns what the topologies write, in order, each kind once.
func Kinds(topologies []Topology) (kinds []string) {
	for _, stage := range stages(topologies) {
		for _, w := range stage.Writes {
			if !slices.Contains(kinds, w.Kind) {
				kinds = append(kinds, w.Kind)
			}
		}
	}
	return kinds
}

// Metrics returns the metrics of all stages.
func Metrics(topologies []Topology) (metrics []Metric) {
	for _, stage := range stages(topologies) {
		metrics = append(metrics, stage.Metrics...)
	}
	return metrics
}

func stages(topologies []Topology) (all []*Stage) {
	for i := range topologies {
		for j := range topologies[i].Stages {
			all = append(all, &topologies[i].Stages[j])
		}
	}
	return all
}

// check reports the first mistake in a set of topologies: they are written in
// code, so this is what a developer sees.
func check(topologies []Topology) error {
	if len(topologies) == 0 {
		return fmt.Errorf("%w: there is no topology to run", ErrUsage)
	}
	known := map[string]bool{}
	for _, stage := range stages(topologies) {
		switch {
		case stage.Name == "" || known[stage.Name]:
			return fmt.Errorf("the stage name %q is empty or used twice", stage.Name)
		case len(stage.Reads) == 0:
			return fmt.Errorf("stage %s reads nothing", stage.Name)
		case stage.First != "" && !slices.Contains(stage.Reads, stage.First):
			return fmt.Errorf("stage %s reads %s first, which is not among its sources", stage.Name, stage.First)
		case stage.Whole != "" && !slices.Contains(stage.Reads, stage.Whole):
			return fmt.Errorf("stage %s needs the whole of %s, which is not among its sources", stage.Name, stage.Whole)
		case stage.State != "" && len(stage.Reads) != 1:
			return fmt.Errorf("stage %s keeps state for %d sources; it must have one", stage.Name, len(stage.Reads))
		case stage.Grows && stage.State == "":
			return fmt.Errorf("stage %s lets its state grow, and has none", stage.Name)
		case stage.Pending != nil && (stage.State == "" || len(stage.Writes) == 0):
			return fmt.Errorf("stage %s has something pending, and no changelog or no output", stage.Name)
		case (stage.Decided != nil) != (stage.Log != ""):
			return fmt.Errorf("stage %s must have both a log and a way to tell what is in it, or neither", stage.Name)
		case stage.Shape != "" && (stage.State == "" || stage.Version < 1 || strings.ContainsAny(stage.Shape, " =")):
			return fmt.Errorf("stage %s has the shape %q of version %d, and must have a state, a version and no spaces", stage.Name, stage.Shape, stage.Version)
		case stage.New == nil:
			return fmt.Errorf("stage %s has no logic", stage.Name)
		}
		known[stage.Name] = true
	}
	return nil
}
