package declared

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/inspect/verify"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Run reads the topics of a topology and checks them. Violations are in the report; an
// error means that there is no audit.
//
// What was committed is looked up before the ends of the outputs, and these before the
// ends of the log, of the inputs and of the tables: what has been read has all its effects
// in the snapshot, and what is in the snapshot has its causes in it.
//
// Memory is O(lines + outputs), some hundred bytes each, besides the state of the keys.
func Run(ctx context.Context, client *kgo.Client, o Options) (*Report, error) {
	r := &reader{client: client, cluster: fetch.NewCluster(client, true), progress: o.Progress, spans: map[string][]fetch.Span{}, appended: map[string]bool{}}
	p, err := r.snapshot(ctx, &o)
	if err != nil {
		return nil, fmt.Errorf("looking up the topics' ends: %w", err)
	}
	return Audit(ctx, o, p, r)
}

// reader reads the topics up to the ends of a snapshot.
type reader struct {
	client       *kgo.Client
	cluster      *fetch.Cluster
	spans        map[string][]fetch.Span
	appended     map[string]bool
	progress     func(read, total int64)
	passed, size int64 // offsets
}

// snapshot fixes the ends.
func (r *reader) snapshot(ctx context.Context, o *Options) (*Progress, error) {
	t := o.Topology
	name := func(alias string) string {
		topic, _ := o.Scenario.Topic(alias)
		return topic.NameFor(o.App)
	}
	var outputs, letters, inputs, tables []string
	for _, e := range t.Emit {
		outputs = append(outputs, name(e.To))
	}
	for _, in := range t.From {
		inputs = append(inputs, name(in.Alias))
		letters = append(letters, name(in.Alias)+".dlq")
		for _, j := range in.Join {
			tables = append(tables, name(j.Table))
		}
	}
	p := &Progress{Starts: map[fetch.ID]int64{}, Ends: map[fetch.ID]int64{}}
	var err error
	group := o.App + "-" + t.Name
	var log []string
	if t.Keyed() {
		if p.Applied, err = r.cluster.Committed(ctx, group+"-state"); err != nil {
			return nil, err
		}
		group += "-route"
		log = []string{name(t.Log())}
	}
	if p.Read, err = r.cluster.Committed(ctx, group); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		settle bool
		topics []string
	}{{true, append(outputs, letters...)}, {true, log}, {false, append(inputs, tables...)}} {
		if err := r.fix(ctx, p, step.settle, step.topics); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// fix adds the ends of topics to a snapshot. An input that is an output, too, keeps the end
// that it has.
func (r *reader) fix(ctx context.Context, p *Progress, settle bool, topics []string) error {
	topics = slices.Compact(slices.Sorted(slices.Values(topics)))
	topics = slices.DeleteFunc(topics, func(topic string) bool { _, known := r.spans[topic]; return known || topic == "" })
	ends, open, err := verify.StableEnds(ctx, r.client, settle, topics)
	if err != nil {
		return err
	}
	if len(open) > 0 && p.Unrest == "" {
		p.Unrest = "a transaction is open on " + open[0]
	}
	starts, err := kafka.Starts(ctx, r.client, topics...)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		r.spans[topic] = nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(ends), fetch.ID.Compare) {
		r.spans[id.Topic] = append(r.spans[id.Topic], fetch.Span{ID: id, From: starts[id], To: ends[id]})
		p.Starts[id], p.Ends[id] = starts[id], ends[id]
		r.size += ends[id] - starts[id]
	}
	return nil
}

// Each reads a topic.
func (r *reader) Each(ctx context.Context, topic string, visit func(*kgo.Record)) error {
	next := map[fetch.ID]int64{}
	for _, s := range r.spans[topic] {
		next[s.ID] = s.From
	}
	err := r.cluster.Read(ctx, r.spans[topic], fetch.ReadOptions{}, func(record *fetch.Record) bool {
		id := fetch.ID{Topic: record.Topic, Partition: record.Partition}
		r.pass(record.Offset + 1 - next[id])
		next[id] = record.Offset + 1
		r.appended[topic] = r.appended[topic] || record.LogAppendTime
		visit(record.Client())
		return ctx.Err() == nil
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", topic, err)
	}
	for _, s := range r.spans[topic] {
		r.pass(s.To - next[s.ID]) // markers of transactions
	}
	return nil
}

func (r *reader) pass(offsets int64) {
	if r.passed += offsets; r.progress != nil {
		r.progress(r.passed, r.size)
	}
}

// AppendTime reports whether the timestamps of a topic are the broker's.
func (r *reader) AppendTime(topic string) bool { return r.appended[topic] }
