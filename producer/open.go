package producer

import (
	"context"
	"io"
	"os"
	"slices"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Output is a sink that is open, and what was found when it was opened.
type Output struct {
	Sink
	Where   []string         // topics, or the file's name
	Created []string         // topics that did not exist
	Empty   []EmptyReference // topics that records refer to and that have none
	// Partitions of the topics, by name; nil for files.
	Partitions map[string]int

	close func() error
}

// EmptyReference is a topic without records that the records to be produced refer
// to: a consumer of both would know none of the keys.
type EmptyReference struct{ Topic, Producer string }

// Close releases what the sink needs. It does not flush.
func (o *Output) Close() error { return o.close() }

// OpenWriter writes to w, which stays open. name is its name for messages.
func OpenWriter(w io.Writer, name string, envelope bool) *Output {
	return &Output{Sink: NewWriterSink(w, envelope), Where: []string{name}, close: func() error { return nil }}
}

// OpenFile creates or truncates a file.
func OpenFile(name string, envelope bool) (*Output, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	o := OpenWriter(file, name, envelope)
	o.close = file.Close
	return o, nil
}

// DefaultDeliveryTimeout is how long a record is tried before the run fails,
// unless the client's options have a record delivery timeout.
const DefaultDeliveryTimeout = 30 * time.Second

// OpenKafka connects, creates the topics of a plan that are missing, and opens a
// sink for them.
func OpenKafka(ctx context.Context, config kafka.Config, plan *Plan, app string, faults []Fault) (*Output, error) {
	config, timeout, err := deliveryTimeout(config)
	if err != nil {
		return nil, err
	}
	client, err := kafka.Connect(ctx, config, KafkaOptions(faults...)...)
	if err != nil {
		return nil, err
	}
	o := &Output{}
	if err := o.openTopics(ctx, client, plan, app); err != nil {
		client.Close()
		return nil, err
	}
	sink, err := NewKafkaSink(client, timeout)
	if err != nil {
		client.Close()
		return nil, err
	}
	o.Sink, o.close = sink, func() error { sink.Close(); client.Close(); return nil }
	return o, nil
}

func (o *Output) openTopics(ctx context.Context, client *kgo.Client, plan *Plan, app string) (err error) {
	specs := kafka.Specs(plan.Scenario, app, plan.Topics()...)
	if o.Created, err = kafka.EnsureTopics(ctx, client, specs...); err != nil {
		return err
	}
	for _, spec := range specs {
		o.Where = append(o.Where, spec.Name)
	}
	if o.Partitions, err = kafka.PartitionCounts(ctx, client, o.Where...); err != nil {
		return err
	}
	own := plan.Topics()
	for name, alias := range plan.References() {
		if slices.Contains(own, alias) {
			continue
		}
		for _, topic := range plan.Scenario.TopicNames(alias, app) {
			if empty, err := isEmpty(ctx, client, topic); err == nil && empty {
				o.Empty = append(o.Empty, EmptyReference{topic, name})
			}
		}
	}
	return nil
}

// deliveryTimeout takes the record delivery timeout from the client, which counts
// it from the records' timestamps, for the sink.
func deliveryTimeout(config kafka.Config) (kafka.Config, time.Duration, error) {
	probe, err := kafka.New(config)
	if err != nil {
		return config, 0, err
	}
	defer probe.Close()
	config.Options = append(slices.Clone(config.Options), kgo.RecordDeliveryTimeout(0))
	if asked, ok := probe.OptValue(kgo.RecordDeliveryTimeout).(time.Duration); ok && asked > 0 {
		return config, asked, nil
	}
	return config, DefaultDeliveryTimeout, nil
}

// isEmpty reports whether a topic is missing or never had a record.
func isEmpty(ctx context.Context, client *kgo.Client, topic string) (bool, error) {
	counts, err := kafka.PartitionCounts(ctx, client, topic)
	if err != nil || counts[topic] == 0 {
		return true, err
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return false, err
	}
	empty := true
	ends.Each(func(o kadm.ListedOffset) { empty = empty && o.Err == nil && o.Offset == 0 })
	return empty, nil
}
