package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer is a code with what the broker writes beside it, without what differs between
// two runs.
func answer(code int16, message *string, topic string) string {
	text := "fine"
	if err := kerr.ErrorForCode(code); err != nil {
		text = err.(*kerr.Error).Message
	}
	if message != nil {
		text += ": " + strings.ReplaceAll(*message, topic, "TOPIC")
	}
	return text
}

func newTopic(name string, partitions int32, replicas int16, configs ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicas
	for _, text := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		name, value, ok := strings.Cut(text, "=")
		if c.Name = name; ok {
			c.Value = &value
		}
		t.Configs = append(t.Configs, c)
	}
	return t
}

// The same requests get the same answers from the embedded broker and from Apache Kafka.
func TestCreateTopicsIsRefusedAsByKafka(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		topic := kafkatest.Topic(t, brokers, "there.x", 2)
		node := nodeOf(t, client)
		assigned := func(replicas int16, partitions int32, assignment map[int32][]int32) kmsg.CreateTopicsRequestTopic {
			request := newTopic("TOPIC-new", partitions, replicas)
			for _, partition := range []int32{0, 1, 2} {
				if brokers, ok := assignment[partition]; ok {
					a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
					a.Partition, a.Replicas = partition, brokers
					request.ReplicaAssignment = append(request.ReplicaAssignment, a)
				}
			}
			return request
		}
		long, invalid := strings.Repeat("x", 250), "INVALID_TOPIC_EXCEPTION: Topic name is invalid: "
		characters := " contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
		none := "INVALID_REPLICATION_FACTOR: Replication factor must be larger than 0, or -1 to use the default value."
		for _, c := range []struct {
			request kmsg.CreateTopicsRequestTopic
			want    string
		}{
			{newTopic("TOPIC-new", 1, 1), "fine"},
			{newTopic("TOPIC-new", 3, -1, "cleanup.policy=compact, delete"), "fine"},
			{newTopic("", 1, 1), invalid + "the empty string is not allowed"},
			{newTopic(".", 1, 1), invalid + "'.' is not allowed"},
			{newTopic("..", 1, 1), invalid + "'..' is not allowed"},
			{newTopic(long, 1, 1), invalid + "the length of '" + long + "' is longer than the max allowed length 249"},
			{newTopic("a b", 1, 1), invalid + "'a b'" + characters},
			{newTopic("größe", 1, 1), invalid + "'größe'" + characters},
			{newTopic("TOPIC", 1, 1), "TOPIC_ALREADY_EXISTS: Topic 'TOPIC' already exists."},
			{newTopic("COLLIDES", 1, 1), "INVALID_TOPIC_EXCEPTION: Topic 'COLLIDES' collides with existing topic: TOPIC"},
			{newTopic("TOPIC-new", 0, 1), "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."},
			{newTopic("TOPIC-new", -2, 1), "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."},
			{newTopic("TOPIC-new", 10_001, 1), "POLICY_VIOLATION: Excessively large number of partitions per request."},
			{newTopic("TOPIC-new", 1, 0), none},
			{newTopic("TOPIC-new", 1, -2), none},
			{newTopic("TOPIC-new", 0, 0), none},
			{newTopic("TOPIC-new", 1, 2), "INVALID_REPLICATION_FACTOR: Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned."},
			{assigned(-1, -1, map[int32][]int32{0: {node}, 1: {node}}), "fine"},
			{assigned(1, -1, map[int32][]int32{0: {node}}), "INVALID_REQUEST: A manual partition assignment was specified, but replication factor was not set to -1."},
			{assigned(-1, 1, map[int32][]int32{0: {node}}), "INVALID_REQUEST: A manual partition assignment was specified, but numPartitions was not set to -1."},
			{assigned(-1, -1, map[int32][]int32{0: {99}}), "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 99, but no such broker is registered."},
			{assigned(-1, -1, map[int32][]int32{0: {}}), "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list."},
			{assigned(-1, -1, map[int32][]int32{0: {node, node}}), fmt.Sprintf("INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker %d more than once.", node)},
			{assigned(-1, -1, map[int32][]int32{0: {node}, 2: {node}}), "INVALID_REPLICA_ASSIGNMENT: partitions should be a consecutive 0-based integer sequence"},
		} {
			// The topic's name has a point, the other one a _ there.
			collides := strings.Replace(topic, ".", "_", 1)
			c.request.Topic = strings.ReplaceAll(strings.ReplaceAll(c.request.Topic, "TOPIC", topic), "COLLIDES", collides)
			for _, got := range create(t, client, true, c.request) {
				if got = strings.ReplaceAll(strings.ReplaceAll(got, collides, "COLLIDES"), topic, "TOPIC"); got != c.want {
					t.Errorf("%.30s with %d partitions, %d replicas, assigned %v: %s\nwant %s", c.request.Topic,
						c.request.NumPartitions, c.request.ReplicationFactor, c.request.ReplicaAssignment, got, c.want)
				}
			}
		}

		// Of several, those are created that can be.
		good := topic + "-good"
		kafkatest.DeleteAfter(t, client, good)
		got := create(t, client, false, newTopic(good, 2, 1), newTopic("a b", 1, 1), newTopic("twice", 1, 1), newTopic("twice", 2, 1))
		if len(got) != 3 || got[good] != "fine" || got["a b"] != invalid+"'a b'"+characters || got["twice"] != "INVALID_REQUEST: Duplicate topic name." {
			t.Errorf("several at once: %q", got)
		}
		kafkatest.Eventually(t, 10*time.Second, "the good one exists", func() (bool, error) {
			details, err := kadm.NewClient(client).ListTopics(t.Context(), good)
			return err == nil && len(details[good].Partitions) == 2, err
		})
	})
}

func nodeOf(t *testing.T, client *kgo.Client) int32 {
	t.Helper()
	meta, err := kadm.NewClient(client).BrokerMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return meta.Brokers[0].NodeID
}

// create returns the answers for topics, by their names.
func create(t *testing.T, client *kgo.Client, checkOnly bool, topics ...kmsg.CreateTopicsRequestTopic) map[string]string {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.ValidateOnly, req.Topics = 10_000, checkOnly, topics
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, r := range resp.Topics {
		answers[r.Topic] = answer(r.ErrorCode, r.ErrorMessage, "TOPIC")
	}
	return answers
}

// Settings are refused alike in a new topic and in one that is altered, by both requests
// that do that.
func TestSettingsAreRefusedAsByKafka(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		topic := kafkatest.Topic(t, brokers, "settings", 1)
		values := func(key string) string { return "Invalid value %s for configuration " + key + ": %s" }
		for _, c := range []struct{ setting, want string }{
			{"retention.ms=1000", ""},
			{"retention.ms=+5", ""},
			{"retention.bytes=-2", ""},
			{"cleanup.policy=compact, delete", ""},
			{"cleanup.policy=", ""},
			{"max.message.bytes= 5 ", ""},
			{"preallocate=TRUE", ""},
			{"leader.replication.throttled.replicas=*", ""},
			{"leader.replication.throttled.replicas=0:1,2:3", ""},
			{"nonsense=1", "Unknown topic config name: nonsense"},
			{"kfake.is_internal=true", "Unknown topic config name: kfake.is_internal"},
			{"message.format.version=2.0", "Unknown topic config name: message.format.version"},
			{"cleanup.policy=compct", fmt.Sprintf(values("cleanup.policy"), "compct", "String must be one of: compact, delete")},
			{"retention.ms=abc", fmt.Sprintf(values("retention.ms"), "abc", "Not a number of type LONG")},
			{"retention.ms=1e3", fmt.Sprintf(values("retention.ms"), "1e3", "Not a number of type LONG")},
			{"retention.ms=-2", fmt.Sprintf(values("retention.ms"), "-2", "Value must be at least -1")},
			{"retention.ms=99999999999999999999", fmt.Sprintf(values("retention.ms"), "99999999999999999999", "Not a number of type LONG")},
			{"max.message.bytes=-1", fmt.Sprintf(values("max.message.bytes"), "-1", "Value must be at least 0")},
			{"max.message.bytes=99999999999", fmt.Sprintf(values("max.message.bytes"), "99999999999", "Not a number of type INT")},
			{"max.message.bytes=1.5", fmt.Sprintf(values("max.message.bytes"), "1.5", "Not a number of type INT")},
			{"segment.bytes=10", fmt.Sprintf(values("segment.bytes"), "10", "Value must be at least 1048576")},
			{"segment.index.bytes=3", fmt.Sprintf(values("segment.index.bytes"), "3", "Value must be at least 4")},
			{"segment.ms=0", fmt.Sprintf(values("segment.ms"), "0", "Value must be at least 1")},
			{"min.cleanable.dirty.ratio=2", fmt.Sprintf(values("min.cleanable.dirty.ratio"), "2.0", "Value must be no more than 1")},
			{"min.cleanable.dirty.ratio=-1", fmt.Sprintf(values("min.cleanable.dirty.ratio"), "-1.0", "Value must be at least 0")},
			{"min.cleanable.dirty.ratio=x", fmt.Sprintf(values("min.cleanable.dirty.ratio"), "x", "Not a number of type DOUBLE")},
			{"compression.type=zip", fmt.Sprintf(values("compression.type"), "zip", "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer")},
			{"compression.gzip.level=0", fmt.Sprintf(values("compression.gzip.level"), "0", "Value must be between 1 and 9 or equal to -1")},
			{"compression.lz4.level=18", fmt.Sprintf(values("compression.lz4.level"), "18", "Value must be no more than 17")},
			{"compression.zstd.level=23", fmt.Sprintf(values("compression.zstd.level"), "23", "Value must be no more than 22")},
			{"preallocate=maybe", fmt.Sprintf(values("preallocate"), "maybe", "Expected value to be either true or false")},
			{"message.timestamp.type=createtime", fmt.Sprintf(values("message.timestamp.type"), "createtime", "String must be one of: CreateTime, LogAppendTime")},
			{"message.timestamp.before.max.ms=-1", fmt.Sprintf(values("message.timestamp.before.max.ms"), "-1", "Value must be at least 0")},
			{"min.insync.replicas=0", fmt.Sprintf(values("min.insync.replicas"), "0", "Value must be at least 1")},
			{"local.retention.ms=-3", fmt.Sprintf(values("local.retention.ms"), "-3", "Value must be at least -2")},
			{"flush.messages=0", fmt.Sprintf(values("flush.messages"), "0", "Value must be at least 1")},
			{"remote.storage.enable=true", "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
			{"leader.replication.throttled.replicas=abc", fmt.Sprintf(values("leader.replication.throttled.replicas"), "[abc]",
				"leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...")},
			{"retention.ms=abc nonsense=1", "Unknown topic config name: nonsense"},
			{"min.compaction.lag.ms=100 max.compaction.lag.ms=50", "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)"},
		} {
			want := "fine"
			if c.want != "" {
				want = "INVALID_CONFIG: " + c.want
			}
			settings := []string{c.setting}
			if strings.Count(c.setting, "=") == 2 {
				settings = strings.Fields(c.setting)
			}
			if got := create(t, client, true, newTopic("new", 1, 1, settings...))["new"]; got != want {
				t.Errorf("new, %s: %s\nwant %s", c.setting, got, want)
			}
			set := kmsg.IncrementalAlterConfigOpSet
			for _, got := range alter(t, client, kmsg.ConfigResourceTypeTopic, topic, set, settings...) {
				if got != want {
					t.Errorf("altered, %s: %s\nwant %s", c.setting, got, want)
				}
			}
		}
		if got := create(t, client, true, newTopic("new", 1, 1, "nonsense", "cleanup.policy"))["new"]; got != "INVALID_CONFIG: Null value not supported for topic configs: nonsense,cleanup.policy" {
			t.Errorf("null: %s", got)
		}
	})
}

func TestAlterIsRefusedAsByKafka(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		topic := kafkatest.Topic(t, brokers, "alter", 1)
		set, remove, add := kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend
		null := "INVALID_REQUEST: Null value not supported for : "
		for _, c := range []struct {
			topic, setting string
			op             kmsg.IncrementalAlterConfigOp
			want, old      string // old: of AlterConfigs, which has no operations; "": the same
		}{
			{"TOPIC", "retention.ms nonsense", set, null + "retention.ms, nonsense", ""},
			{"TOPIC", "retention.ms=1 retention.ms=2", set, "INVALID_REQUEST: Error due to duplicate config keys", ""},
			{"TOPIC", "retention.ms", remove, "fine", null + "retention.ms"},
			{"TOPIC", "nonsense", remove, "fine", null + "nonsense"},
			{"TOPIC", "cleanup.policy=compact", add, "fine", ""},
			{"TOPIC", "cleanup.policy=compct", add, "INVALID_CONFIG: Invalid value compct for configuration cleanup.policy: String must be one of: compact, delete", ""},
			{"TOPIC", "cleanup.policy", add, null + "cleanup.policy", ""},
			{"TOPIC", "retention.ms=5", add, "INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST.", "fine"},
			{"TOPIC", "retention.ms=5", kmsg.IncrementalAlterConfigOpSubtract, "INVALID_CONFIG: Can't SUBTRACT to key retention.ms because its type is not LIST.", "fine"},
			{"none", "retention.ms=5", set, "UNKNOWN_TOPIC_OR_PARTITION: The topic 'none' does not exist.", ""},
			{"none", "nonsense=5", set, "INVALID_CONFIG: Unknown topic config name: nonsense", ""},
			{"a b", "retention.ms=5", set, "INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", ""},
			{"", "retention.ms=5", set, "INVALID_REQUEST: Default topic resources are not allowed.", ""},
		} {
			wants := []string{c.want, c.want}
			if c.old != "" {
				wants[1] = c.old
			}
			name := strings.ReplaceAll(c.topic, "TOPIC", topic)
			for i, got := range alter(t, client, kmsg.ConfigResourceTypeTopic, name, c.op, strings.Fields(c.setting)...) {
				if got != wants[i] {
					t.Errorf("%q, %s, operation %v, request %d: %s\nwant %s", c.topic, c.setting, c.op, i, got, wants[i])
				}
			}
		}
		for count, want := range map[int32]string{
			3: "fine", 1: "INVALID_PARTITIONS: Topic already has 1 partition(s).",
			0:  "INVALID_PARTITIONS: The topic TOPIC currently has 1 partition(s); 0 would not be an increase.",
			-1: "INVALID_PARTITIONS: The topic TOPIC currently has 1 partition(s); -1 would not be an increase.",
		} {
			if got := grow(t, client, topic, count); got != want {
				t.Errorf("%d partitions: %s\nwant %s", count, got, want)
			}
		}
		if got := grow(t, client, "none", 3); got != "UNKNOWN_TOPIC_OR_PARTITION" {
			t.Errorf("partitions of a topic that doesn't exist: %s", got)
		}
	})
}

// What the broker is started with can't be altered: kfake would compact topics.
func TestOwnSettingsStay(t *testing.T) {
	client := kafkatest.Client(t, kafkatest.Embedded(t))
	node := fmt.Sprint(nodeOf(t, client))
	for _, got := range alter(t, client, kmsg.ConfigResourceTypeBroker, node, kmsg.IncrementalAlterConfigOpSet, "log.cleaner.backoff.ms=1", "message.max.bytes=5") {
		if got != "INVALID_REQUEST: Cannot update these configs dynamically: [log.cleaner.backoff.ms, message.max.bytes]" {
			t.Error(got)
		}
	}
}

// alter returns the answers of IncrementalAlterConfigs and AlterConfigs, which change
// nothing.
func alter(t *testing.T, client *kgo.Client, kind kmsg.ConfigResourceType, name string, op kmsg.IncrementalAlterConfigOp, settings ...string) [2]string {
	t.Helper()
	req, old := kmsg.NewPtrIncrementalAlterConfigsRequest(), kmsg.NewPtrAlterConfigsRequest()
	req.ValidateOnly, old.ValidateOnly = true, true
	r, o := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName, o.ResourceType, o.ResourceName = kind, name, kind, name
	for _, c := range newTopic("", 0, 0, settings...).Configs {
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: c.Name, Value: c.Value, Op: op})
		o.Configs = append(o.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: c.Name, Value: c.Value})
	}
	req.Resources, old.Resources = append(req.Resources, r), append(old.Resources, o)
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	oldResp, err := old.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{
		answer(resp.Resources[0].ErrorCode, resp.Resources[0].ErrorMessage, "TOPIC"),
		answer(oldResp.Resources[0].ErrorCode, oldResp.Resources[0].ErrorMessage, "TOPIC"),
	}
}

// grow returns the answer of CreatePartitions, which creates none.
func grow(t *testing.T, client *kgo.Client, topic string, count int32) string {
	t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis, req.ValidateOnly = 10_000, true
	r := kmsg.NewCreatePartitionsRequestTopic()
	r.Topic, r.Count = topic, count
	req.Topics = append(req.Topics, r)
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return answer(resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage, topic)
}

func TestRecordsOfACompactedTopicStay(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		for policy, want := range map[string]*kerr.Error{"compact": kerr.PolicyViolation, "compact,delete": nil, "delete": nil} {
			topic := kafkatest.Topic(t, brokers, "stay", 1, "cleanup.policy="+policy)
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.TimeoutMillis = 10_000
			rt := kmsg.NewDeleteRecordsRequestTopic()
			rt.Topic, rt.Partitions = topic, []kmsg.DeleteRecordsRequestTopicPartition{kmsg.NewDeleteRecordsRequestTopicPartition()}
			req.Topics = append(req.Topics, rt)
			resp, err := req.RequestWith(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			code := int16(0)
			if want != nil {
				code = want.Code
			}
			if got := resp.Topics[0].Partitions[0].ErrorCode; got != code {
				t.Errorf("%s: %v, want %v", policy, kerr.ErrorForCode(got), kerr.ErrorForCode(code))
			}
		}
	})
}
