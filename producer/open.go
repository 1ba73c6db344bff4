package producer

import (
	"context"
	"io"
	"slices"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Output is an open sink, and what was found when it was opened.
type Output struct {
	Sink
	Where      []string         // the topics, or the file's name
	Created    []string         // the topics that did not exist
	Short      []ShortReference // topics with fewer records than there are rows to refer to
	Partitions map[string]int   // the numbers of partitions by topic; nil for a file

	close func() error
}

// ShortReference is a topic that lacks records to whose keys a producer's records
// refer: a consumer of both would not find them.
type ShortReference struct {
	Topic, Producer string
	Has             int64 // at most; 0: it is empty or missing
	Rows            int64 // that are referred to; 0: not known
}

// Close closes what was opened. It does not flush.
func (o *Output) Close() error { return o.close() }

// OpenWriter returns an output that writes to w, which stays open. name names w in
// messages.
func OpenWriter(w io.Writer, name string, envelope bool) *Output {
	return &Output{Sink: NewWriterSink(w, envelope), Where: []string{name}, close: func() error { return nil }}
}

// DefaultDeliveryTimeout is how long a record is retried before the run fails, unless
// the client's options set a record delivery timeout.
const DefaultDeliveryTimeout = 30 * time.Second

// OpenKafka connects, creates the plan's topics that are missing, and opens a sink for
// them.
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
	for _, r := range plan.References() {
		if slices.Contains(own, r.Topic) {
			continue
		}
		for _, topic := range plan.Scenario.TopicNames(r.Topic, app) {
			if has, err := written(ctx, client, topic); err == nil && has < max(1, r.Rows) {
				o.Short = append(o.Short, ShortReference{topic, r.Producer, has, r.Rows})
			}
		}
	}
	return nil
}

// deliveryTimeout moves the record delivery timeout from the client's options, where it
// counts from the records' timestamps, to the sink.
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

// written returns how many records a topic has had, commit markers included; 0 if it
// is missing.
func written(ctx context.Context, client *kgo.Client, topic string) (int64, error) {
	counts, err := kafka.PartitionCounts(ctx, client, topic)
	if err != nil || counts[topic] == 0 {
		return 0, err
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += max(0, o.Offset) })
	return total, ends.Error()
}
