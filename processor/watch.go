package processor

import (
	"context"
	"errors"
	"slices"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How often the topics are looked at while they are in use, and at each how many of
// these looks the first offsets of changelogs are.
const (
	watchEvery  = time.Second
	startsEvery = 5
)

// watchTopics looks for topics that change while they are in use. It ends with an
// error when one is deleted or recreated: offsets would begin again, and equal
// causes would name other records; clients wait for such a topic for ever. It ends,
// too, when one gets partitions that must not. New partitions of the others are
// taken up: clients notice them only after minutes.
func (a *application) watchTopics(ctx context.Context) error {
	client, err := kafka.New(a.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	w := watcher{application: a, missing: map[string]int{}, refresh: map[string]time.Time{}, starts: map[fetch.ID]int64{}}
	for name := range a.layout.ids {
		w.names = append(w.names, name)
	}
	for n := 0; ; n++ {
		if err := w.look(ctx, client); err != nil {
			return err
		}
		if n%startsEvery == 0 {
			w.lookAtStarts(ctx, client)
		}
		if err := kafka.Pause(ctx, watchEvery); err != nil {
			return err
		}
	}
}

type watcher struct {
	*application
	names   []string
	missing map[string]int       // how often a topic was not there, in a row
	refresh map[string]time.Time // until when workers look for a topic's new partitions
	starts  map[fetch.ID]int64   // first offsets of changelogs, above 0, that were logged
}

// look compares the topics with what they were.
func (w *watcher) look(ctx context.Context, client *kgo.Client) error {
	meta, err := fetch.Metadata(ctx, client, w.names)
	if err != nil {
		return nil // the brokers are away for a while
	}
	for i := range meta.Topics {
		t := &meta.Topics[i]
		if t.Topic == nil {
			continue
		}
		if err := w.compare(ctx, *t.Topic, t); err != nil {
			return err
		}
	}
	return nil
}

// lookAtStarts logs changelogs that have lost their first records. This process has
// the state, so it goes on; one that starts later would not have it.
func (w *watcher) lookAtStarts(ctx context.Context, client *kgo.Client) {
	var changelogs []string
	for _, stage := range w.stages {
		if stage.State != "" {
			changelogs = append(changelogs, w.layout.names[stage.State])
		}
	}
	starts, err := kafka.Starts(ctx, client, changelogs...)
	if err != nil {
		return
	}
	for id, start := range starts {
		if start > w.starts[id] {
			w.starts[id] = start
			w.cfg.Log.Error("the changelog has lost its first records, by retention or on request; the next start will be refused", "topic", id.Topic, "partition", id.Partition, "start", start)
		}
	}
}

func (w *watcher) compare(ctx context.Context, name string, t *kmsg.MetadataResponseTopic) error {
	err := kerr.ErrorForCode(t.ErrorCode)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if w.missing[name]++; w.missing[name] > 2 {
			return StartOver("topic %s was deleted while it was in use", name)
		}
		return nil
	}
	w.missing[name] = 0
	if err != nil {
		return nil
	}
	if kadm.TopicID(t.TopicID) != w.layout.ids[name] {
		return StartOver("topic %s was deleted and recreated while it was in use", name)
	}
	if have := w.layout.count(name); len(t.Partitions) > have {
		if err := w.grow(ctx, name, have, len(t.Partitions)); err != nil {
			return err
		}
	}
	if time.Now().Before(w.refresh[name]) {
		for _, worker := range w.workers {
			if worker.Reads(name) {
				worker.Refresh()
			}
		}
	}
	return nil
}

// refreshFor is how long workers are told of new partitions: the brokers that they
// ask, and the member that assigns them, may hear of them later.
const refreshFor = 30 * time.Second

// grow takes up the new partitions of a topic, or refuses them.
func (w *watcher) grow(ctx context.Context, topic string, before, now int) error {
	if w.fixed(topic) {
		return &GrownError{Topic: topic, Have: now, Want: before}
	}
	if err := w.growState(ctx, topic, now); err != nil {
		return err
	}
	w.layout.grown(topic, now)
	read := false
	for _, stage := range w.stages {
		read = read || slices.Contains(w.layout.topics(stage.inputs()), topic)
	}
	if !read {
		return nil // outputs are written to the partitions that the sender knows
	}
	w.cfg.Log.Info("reading new partitions", "topic", topic, "partitions", now, "before", before)
	for _, g := range w.growers {
		g.Grow(topic, now)
	}
	w.refresh[topic] = time.Now().Add(refreshFor)
	return nil
}

// fixed reports whether a topic must keep its partitions: records are assigned to
// them by the hash of their key, together with state.
func (a *application) fixed(topic string) bool {
	for _, stage := range a.stages {
		if stage.Log != "" && a.layout.names[stage.Log] == topic {
			return true
		}
		if stage.State == "" || stage.Grows {
			continue
		}
		if a.layout.names[stage.State] == topic || a.layout.names[stage.Reads[0]] == topic {
			return true
		}
	}
	return false
}

// growState gives the changelogs whose source has got more partitions as many.
func (a *application) growState(ctx context.Context, source string, partitions int) error {
	for _, stage := range a.stages {
		if !stage.Grows || a.layout.names[stage.Reads[0]] != source {
			continue
		}
		if err := a.layout.atLeast(ctx, a.layout.names[stage.State], source, partitions); err != nil {
			return err
		}
	}
	return nil
}

// atLeast gives a changelog at least so many partitions, which its source has.
func (l *layout) atLeast(ctx context.Context, changelog, source string, partitions int) error {
	before := l.count(changelog)
	if before >= partitions {
		return nil
	}
	client, err := kafka.New(l.kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := kafka.GrowTopic(ctx, client, changelog, partitions); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &GrowError{Topic: changelog, Source: source, Partitions: partitions, Err: err}
	}
	if l.grown(changelog, partitions) < partitions {
		l.log.Info("gave the changelog more partitions, as its source has", "topic", changelog, "partitions", partitions, "before", before, "source", source)
	}
	return nil
}
