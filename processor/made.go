package processor

import (
	"context"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// startsAtFirst is [kafka.Starts] as of the making of the topics.
func (l *layout) startsAtFirst(ctx context.Context, client *kgo.Client, topics ...string) (map[fetch.ID]int64, error) {
	return l.atFirst(ctx, client, kafka.Starts, topics)
}

// endsAtFirst is [kafka.Ends] as of the making of the topics.
func (l *layout) endsAtFirst(ctx context.Context, client *kgo.Client, topics ...string) (map[fetch.ID]int64, error) {
	return l.atFirst(ctx, client, kafka.Ends, topics)
}

// atFirst lists offsets of topics, but those that this process has just made: they had no
// record then. Brokers have their partitions only after a while (a hundred milliseconds for
// some thirty), and what is looked for before the start need not wait for that.
func (l *layout) atFirst(ctx context.Context, client *kgo.Client, list func(context.Context, *kgo.Client, ...string) (map[fetch.ID]int64, error), topics []string) (map[fetch.ID]int64, error) {
	var older []string
	for _, topic := range topics {
		if !l.made[topic] {
			older = append(older, topic)
		}
	}
	offsets, err := list(ctx, client, older...)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		if !l.made[topic] {
			continue
		}
		for p := range int32(l.count(topic)) {
			offsets[partitionID(topic, p)] = 0
		}
	}
	return offsets, nil
}
