package producer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
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

// defaultLimit is Kafka's default of max.message.bytes.
const defaultLimit = 1<<20 + 12

// DefaultDeliveryTimeout is how long a record is retried before the run fails, unless
// the client's options set a record delivery timeout.
const DefaultDeliveryTimeout = 30 * time.Second

// TooLargeError is returned for a topic that refuses the records with the fault
// oversize.
type TooLargeError struct {
	Topic       string
	Limit, Need int // max.message.bytes as it is, and as the records need it
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("oversize: topic %s accepts batches of %d bytes at most, and a padded record takes up to %d", e.Topic, e.Limit, e.Need)
}

// OpenKafka connects, creates the plan's topics that are missing, and opens a sink for
// them. Topics for records with the fault oversize are created so that they accept them;
// for one that exists and does not, the error is a [TooLargeError].
func OpenKafka(ctx context.Context, config kafka.Config, plan *Plan, app string, faults []Fault) (*Output, error) {
	config, timeout, err := deliveryTimeout(config)
	if err != nil {
		return nil, err
	}
	client, err := kafka.Connect(ctx, config, KafkaOptions()...)
	if err != nil {
		return nil, err
	}
	o := &Output{}
	if err := o.openTopics(ctx, client, plan, app, largest(faults)); err != nil {
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

func (o *Output) openTopics(ctx context.Context, client *kgo.Client, plan *Plan, app string, largest int) (err error) {
	specs := kafka.Specs(plan.Scenario, app, plan.Topics()...)
	for _, spec := range specs {
		if largest > defaultLimit {
			spec.Configs["max.message.bytes"] = strconv.Itoa(largest)
		}
		o.Where = append(o.Where, spec.Name)
	}
	if o.Created, err = kafka.EnsureTopics(ctx, client, specs...); err != nil {
		return err
	}
	if largest > 0 {
		for topic, limit := range kafka.BatchLimits(ctx, client, o.Where) {
			if limit < largest {
				return &TooLargeError{topic, limit, largest}
			}
		}
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
