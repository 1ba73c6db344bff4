package forward

import (
	"context"
	"errors"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	watchEvery = time.Second
	// goneAfter is how many looks in a row must miss a topic.
	goneAfter = 3
	// refreshFor is how long the client is told of new partitions: the brokers that it
	// asks may hear of them later.
	refreshFor = 30 * time.Second
)

// watch looks for topics that are recreated while they are read, which ends the loop, and
// for new partitions, which the client would notice after minutes.
func (l *loop) watch(ctx context.Context) {
	client, err := kafka.New(l.cfg.Kafka)
	if err != nil {
		l.post(func() { l.fail(err) })
		return
	}
	defer client.Close()
	w := watcher{l, client, map[string]int{}, time.Time{}}
	for kafka.Pause(ctx, watchEvery) == nil {
		if err := w.look(ctx); err != nil {
			l.post(func() { l.fail(err) })
			return
		}
	}
}

type watcher struct {
	*loop
	client  *kgo.Client
	missing map[string]int // how often a topic was not there, in a row
	refresh time.Time      // until when the client looks for new partitions
}

func (w *watcher) look(ctx context.Context) error {
	var names []string
	for name := range w.topics {
		names = append(names, name)
	}
	meta, err := fetch.Metadata(ctx, w.client, names)
	if err != nil {
		return nil // the brokers are away for a while
	}
	for i := range meta.Topics {
		t := &meta.Topics[i]
		if t.Topic == nil || w.topics[*t.Topic] == nil {
			continue
		}
		if err := w.compare(w.topics[*t.Topic], t); err != nil {
			return err
		}
	}
	if time.Now().Before(w.refresh) {
		w.loop.client.ForceMetadataRefresh()
	}
	return nil
}

func (w *watcher) compare(known *topic, t *kmsg.MetadataResponseTopic) error {
	err := kerr.ErrorForCode(t.ErrorCode)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if w.missing[known.name]++; w.missing[known.name] >= goneAfter {
			return &NoTopicError{known.name}
		}
		return nil
	}
	w.missing[known.name] = 0
	switch {
	case err != nil:
	case kadm.TopicID(t.TopicID) != known.id:
		return &RecreatedError{w.group, known.name}
	case len(t.Partitions) > known.partitions:
		w.cfg.Log.Info("reading new partitions", "topic", known.name, "partitions", len(t.Partitions), "before", known.partitions)
		known.partitions = len(t.Partitions)
		w.refresh = time.Now().Add(refreshFor)
	}
	return nil
}
