package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"inv/internal/kafka/acl"
	"inv/internal/scenario"
	"inv/internal/when"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeadLetterMaxBytes is the max.message.bytes of dead-letter topics, 4 MiB: a
// record that just fits its own topic still fits with the headers of a dead letter.
const DeadLetterMaxBytes = 4 << 20

// TopicSpec is a topic as it should be created.
type TopicSpec struct {
	Name       string
	Partitions int
	Replicas   int16 // of each partition; 0: the cluster's default
	// Single gives the topic one replica on the embedded broker, whatever Replicas and
	// min.insync.replicas are for a cluster.
	Single bool
	// Configs are the topic's own settings by Kafka's property name.
	Configs map[string]string
	// Exact refuses an existing topic with a different number of partitions.
	Exact bool
}

// PartitionsError is returned for an existing topic whose number of partitions
// differs from its [TopicSpec].
type PartitionsError struct {
	Topic      string
	Have, Want int
}

func (e *PartitionsError) Error() string {
	return fmt.Sprintf("topic %s has %d partitions and must have %d", e.Topic, e.Have, e.Want)
}

// Specs returns the topics behind aliases of a scenario; if none is named, all but those
// of sinks, which only forwarding needs. A dead-letter alias stands for a topic of each of
// its inputs. Unknown aliases are left out. An internal topic's partitions are exact, since
// the processor's state is laid out by them.
func Specs(s *scenario.Scenario, app string, aliases ...string) []TopicSpec {
	if len(aliases) == 0 {
		for _, t := range s.Topics {
			if t.Sink == "" {
				aliases = append(aliases, t.Alias)
			}
		}
	}
	var specs []TopicSpec
	for _, alias := range aliases {
		t, ok := s.Topic(alias)
		if !ok {
			continue
		}
		for _, name := range s.TopicNames(alias, app) {
			specs = append(specs, TopicSpec{Name: name, Partitions: t.Partitions, Replicas: int16(t.Replicas), Single: true, Configs: configsOf(t), Exact: t.Internal})
		}
	}
	return specs
}

// configsOf returns a topic's settings: those that the scenario gives by Kafka's names
// replace those of its other keys.
func configsOf(t scenario.Topic) map[string]string {
	configs := map[string]string{}
	if len(t.DeadLettersOf) > 0 || t.Sink != "" {
		configs["max.message.bytes"] = strconv.Itoa(DeadLetterMaxBytes)
	}
	if t.Compact {
		configs["cleanup.policy"] = "compact"
	} else if d, err := when.ParseDuration(t.Retention); err == nil {
		configs["retention.ms"] = strconv.FormatInt(d.Milliseconds(), 10)
	} else {
		configs["retention.ms"] = "-1"
	}
	for _, s := range t.Settings {
		configs[s.Name] = s.Value
	}
	return configs
}

// EnsureTopics creates the topics that are missing and returns their names.
// Several processes may call it concurrently: a topic that another one has just
// created counts as existing.
func EnsureTopics(ctx context.Context, client *kgo.Client, specs ...TopicSpec) (created []string, err error) {
	missing, err := missingTopics(ctx, client, specs)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	created, raced, err := createTopics(ctx, client, missing, false)
	if err != nil {
		return created, err
	}
	names := slices.Clone(created)
	for _, s := range raced {
		names = append(names, s.Name)
	}
	// On Apache Kafka brokers learn of a topic a moment after the controller.
	if err := untilSeen(ctx, client, names, len(names)); err != nil {
		return created, err
	}
	_, err = missingTopics(ctx, client, raced)
	return created, err
}

// fitted returns the topics as a cluster can have them: on the embedded broker, with the
// replicas of its only node, where a scenario asks for more.
func fitted(ctx context.Context, client *kgo.Client, specs []TopicSpec) ([]TopicSpec, error) {
	const inSync = "min.insync.replicas"
	wants := func(s TopicSpec) bool { return s.Single && (s.Replicas > 1 || s.Configs[inSync] != "") }
	if !slices.ContainsFunc(specs, wants) {
		return specs, nil
	}
	embedded, err := IsEmbedded(ctx, client)
	if err != nil || !embedded {
		return specs, err
	}
	specs = slices.Clone(specs)
	for i := range specs {
		if s := &specs[i]; wants(*s) {
			s.Replicas, s.Configs = 0, maps.Clone(s.Configs)
			delete(s.Configs, inSync)
		}
	}
	return specs, nil
}

// GrowTopic gives a topic as many partitions, if it has fewer, and returns when the
// cluster shows them. Concurrent calls from several processes are fine.
func GrowTopic(ctx context.Context, client *kgo.Client, name string, partitions int) error {
	responses, err := kadm.NewClient(client).UpdatePartitions(ctx, partitions, name)
	if err == nil {
		err = responses.Error()
	}
	if err != nil && !errors.Is(err, kerr.InvalidPartitions) { // which it has already
		return fmt.Errorf("giving topic %s %d partitions: %w", name, partitions, acl.Check(err, acl.Alter, acl.Topic(name)))
	}
	return AwaitPartitions(ctx, client, partitions, name)
}

// CheckTopics returns the topics that EnsureTopics would create. The error is the
// cluster's, if it would refuse one of them.
func CheckTopics(ctx context.Context, client *kgo.Client, specs ...TopicSpec) (missing []string, err error) {
	lacking, err := missingTopics(ctx, client, specs)
	if err != nil {
		return nil, err
	}
	if _, _, err := createTopics(ctx, client, lacking, true); err != nil {
		return nil, err
	}
	for _, s := range lacking {
		missing = append(missing, s.Name)
	}
	return missing, nil
}

// DeleteTopics deletes topics and returns the names of those that existed. When it
// returns without an error, the cluster no longer shows them.
func DeleteTopics(ctx context.Context, client *kgo.Client, names ...string) (deleted []string, err error) {
	responses, err := kadm.NewClient(client).DeleteTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("deleting topics: %w", err)
	}
	for _, r := range responses.Sorted() {
		switch {
		case errors.Is(r.Err, kerr.UnknownTopicOrPartition):
		case r.Err != nil:
			return deleted, fmt.Errorf("deleting topic %s: %w", r.Topic, acl.Check(WithMessage(r.Err, r.ErrMessage), acl.Delete, acl.Topic(r.Topic)))
		default:
			deleted = append(deleted, r.Topic)
		}
	}
	return deleted, untilSeen(ctx, client, names, 0)
}

// seenWithin bounds the wait for a cluster to show a change, which takes an
// overloaded one more than ten seconds.
const seenWithin = time.Minute

// Pauses between two looks at whether a cluster shows a change, which an idle one does
// after some milliseconds.
const (
	firstLook = 2 * time.Millisecond
	lastLook  = 20 * time.Millisecond
)

// untilSeen waits until want of the topics exist.
func untilSeen(ctx context.Context, client *kgo.Client, names []string, want int) error {
	if len(names) == 0 {
		return nil
	}
	seen := func(counts map[string]int) bool { return len(counts) == want }
	return awaitCounts(ctx, client, names, seen, func(counts map[string]int, err error) error {
		return notSeen(names, counts, want, err)
	})
}

// AwaitPartitions waits until the cluster shows that many partitions of topics.
func AwaitPartitions(ctx context.Context, client *kgo.Client, partitions int, topics ...string) error {
	seen := func(counts map[string]int) bool {
		return !slices.ContainsFunc(topics, func(t string) bool { return counts[t] < partitions })
	}
	return awaitCounts(ctx, client, topics, seen, func(counts map[string]int, err error) error {
		return fmt.Errorf("%s after the change the cluster shows %v partitions, not %d of each; is it overloaded? %w", seenWithin, counts, partitions, cmp.Or(err, context.DeadlineExceeded))
	})
}

// awaitCounts waits until the partitions of topics are as they should be. It returns late's
// error if they are not within seenWithin, and the client's if brokers don't answer.
func awaitCounts(ctx context.Context, client *kgo.Client, topics []string, seen func(map[string]int) bool, late func(map[string]int, error) error) error {
	wait, cancel := context.WithTimeout(ctx, seenWithin)
	defer cancel()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		counts, err := PartitionCounts(wait, client, topics...)
		if err == nil && seen(counts) {
			return nil
		}
		if wait.Err() == nil && away(err) {
			return err // the client has tried for long enough
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wait.Done():
			return late(counts, err)
		case <-time.After(pause):
		}
	}
}

// away reports whether an error is that of brokers that don't answer. Those that do may
// not know the leader of a new partition yet.
func away(err error) bool {
	var code *kerr.Error
	return Outage(err) && !errors.As(err, &code)
}

// notSeen returns the error for topics that were created but are not shown, or that
// were deleted but still are.
func notSeen(names []string, counts map[string]int, want int, err error) error {
	if err != nil {
		return fmt.Errorf("the cluster has not listed its topics %s after a change; is it overloaded? %w", seenWithin, err)
	}
	what := "does not show topic"
	if want == 0 {
		what = "still shows topic"
	}
	for _, name := range names {
		if _, shown := counts[name]; shown == (want == 0) {
			return fmt.Errorf("%s after the change the cluster %s %s (%d of %d); is it overloaded?", seenWithin, what, name, len(counts), want)
		}
	}
	return nil
}

// missingTopics returns the topics that don't exist, as the cluster can have them. A topic with the wrong number
// of partitions is a [PartitionsError].
func missingTopics(ctx context.Context, client *kgo.Client, specs []TopicSpec) ([]TopicSpec, error) {
	if len(specs) == 0 {
		return nil, nil
	}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	partitions, err := PartitionCounts(ctx, client, names...)
	if err != nil {
		return nil, err
	}
	var missing []TopicSpec
	for _, s := range specs {
		n, ok := partitions[s.Name]
		if !ok {
			missing = append(missing, s)
		} else if s.Exact && n != s.Partitions {
			return nil, &PartitionsError{s.Name, n, s.Partitions}
		}
	}
	return fitted(ctx, client, missing)
}

// createWithin is how long a cluster may take to make topics.
const createWithin = 15 * time.Second

// createTopics creates topics by one request, since a cluster takes about as long for
// all of them as for one, or has the cluster check whether it would. It returns those
// that were made, and those that somebody else has made meanwhile. The error is that of
// the first topic which the cluster refuses; others may have been made.
func createTopics(ctx context.Context, client *kgo.Client, specs []TopicSpec, validate bool) (made []string, raced []TopicSpec, err error) {
	if len(specs) == 0 {
		return nil, nil, nil
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.ValidateOnly = int32(createWithin.Milliseconds()), validate
	for _, s := range specs {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = s.Name, int32(s.Partitions), cmp.Or(s.Replicas, -1)
		for _, name := range slices.Sorted(maps.Keys(s.Configs)) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = name, kmsg.StringPtr(s.Configs[name])
			t.Configs = append(t.Configs, c)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, nil, fmt.Errorf("creating topics: %w", err)
	}
	answers := map[string]error{}
	for _, t := range resp.Topics {
		answers[t.Topic] = answerOf(&t)
	}
	for _, s := range specs {
		answer, answered := answers[s.Name]
		if !answered {
			answer = errUnanswered
		}
		switch {
		case answer == nil:
			made = append(made, s.Name)
		case errors.Is(answer, kerr.TopicAlreadyExists):
			raced = append(raced, s)
		default:
			err = cmp.Or(err, fmt.Errorf("creating topic %s with %d partitions: %w", s.Name, s.Partitions, acl.Check(answer, acl.Create, acl.Topic(s.Name))))
		}
	}
	return made, raced, err
}

// errUnanswered is for a topic that a response leaves out.
var errUnanswered = errors.New("the cluster has not answered")

// answerOf returns a response's error for a topic.
func answerOf(t *kmsg.CreateTopicsResponseTopic) error {
	message := ""
	if t.ErrorMessage != nil {
		message = *t.ErrorMessage
	}
	return WithMessage(kerr.ErrorForCode(t.ErrorCode), message)
}

// WithMessage adds what the broker writes beside an error code, such as which setting
// it refuses. An error that is nil stays nil.
func WithMessage(err error, message string) error {
	if err == nil || message == "" {
		return err
	}
	return fmt.Errorf("%w %s", err, message) // the text of a code ends with a full stop
}
