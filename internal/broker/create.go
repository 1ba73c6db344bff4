package broker

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuseTopics answers a request to create topics of which Apache Kafka would refuse
// one, for its name or a setting: kfake takes any. Of such a request no topic is
// created. Its texts are Kafka's in substance.
func refuseTopics(request kmsg.Request) kmsg.Response {
	create, ok := request.(*kmsg.CreateTopicsRequest)
	if !ok {
		return nil
	}
	resp := create.ResponseKind().(*kmsg.CreateTopicsResponse)
	refused := false
	for i := range create.Topics {
		t := kmsg.NewCreateTopicsResponseTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = create.Topics[i].Topic, -1, -1
		code, message := kerr.InvalidTopicException.Code, checkName(t.Topic)
		if message == "" {
			code, message = kerr.InvalidConfig.Code, checkSettings(create.Topics[i].Configs)
		}
		if message == "" {
			code, message = kerr.InvalidRequest.Code, "not created, because another topic of the request was refused"
		} else {
			refused = true
		}
		t.ErrorCode, t.ErrorMessage = code, &message
		resp.Topics = append(resp.Topics, t)
	}
	if !refused {
		return nil
	}
	return resp
}

// refuseSettings answers a request to alter settings of topics of which Apache Kafka
// would refuse one. Of such a request nothing is altered.
func refuseSettings(request kmsg.Request) kmsg.Response {
	alter, ok := request.(*kmsg.IncrementalAlterConfigsRequest)
	if !ok {
		return nil
	}
	resp := alter.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	refused := false
	for _, resource := range alter.Resources {
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = resource.ResourceType, resource.ResourceName
		var settings []kmsg.CreateTopicsRequestTopicConfig
		for _, c := range resource.Configs {
			setting := kmsg.CreateTopicsRequestTopicConfig{Name: c.Name, Value: c.Value}
			if c.Op != kmsg.IncrementalAlterConfigOpSet {
				setting.Value = nil
				if _, known := topicSettings()[c.Name]; known {
					continue
				}
			}
			settings = append(settings, setting)
		}
		code, message := kerr.InvalidConfig.Code, ""
		if r.ResourceType == kmsg.ConfigResourceTypeTopic {
			message = checkSettings(settings)
		}
		if message == "" {
			code, message = kerr.InvalidRequest.Code, "not altered, because another part of the request was refused"
		} else {
			refused = true
		}
		r.ErrorCode, r.ErrorMessage = code, &message
		resp.Resources = append(resp.Resources, r)
	}
	if !refused {
		return nil
	}
	return resp
}

// checkName returns what is wrong with a topic's name, "" for nothing
// (org.apache.kafka.common.internals.Topic).
func checkName(name string) string {
	switch {
	case name == "":
		return "Topic name is invalid: the empty string is not allowed"
	case name == "." || name == "..":
		return "Topic name is invalid: '.' or '..' is not allowed"
	case len(name) > 249:
		return "Topic name is invalid: the length of the name is longer than the max allowed length 249"
	case strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}):
		return "Topic name is invalid: it contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	}
	return ""
}

func checkSettings(settings []kmsg.CreateTopicsRequestTopicConfig) string {
	known := topicSettings()
	for _, s := range settings {
		check, ok := known[s.Name]
		if !ok {
			return "Unknown topic config name: " + s.Name
		}
		if s.Value == nil {
			return "Null value not supported for topic configs: " + s.Name
		}
		if problem := check(strings.TrimSpace(*s.Value)); problem != "" {
			return fmt.Sprintf("Invalid value %s for configuration %s: %s", *s.Value, s.Name, problem)
		}
	}
	return ""
}

// topicSettings returns the settings of a topic in Apache Kafka 4, each with a
// function that returns what is wrong with a value.
func topicSettings() map[string]func(string) string {
	long := func(low int64) func(string) string { return whole(low, math.MaxInt64, "LONG") }
	number := func(low int64) func(string) string { return whole(low, math.MaxInt32, "INT") }
	return map[string]func(string) string{
		"cleanup.policy":                          words("compact", "delete"),
		"compression.gzip.level":                  whole(-1, 9, "INT"),
		"compression.lz4.level":                   whole(1, 17, "INT"),
		"compression.type":                        word("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
		"compression.zstd.level":                  whole(-131072, 22, "INT"),
		"delete.retention.ms":                     long(0),
		"file.delete.delay.ms":                    long(0),
		"flush.messages":                          long(1),
		"flush.ms":                                long(0),
		"follower.replication.throttled.replicas": anything,
		"index.interval.bytes":                    number(0),
		"leader.replication.throttled.replicas":   anything,
		"local.retention.bytes":                   long(-2),
		"local.retention.ms":                      long(-2),
		"max.compaction.lag.ms":                   long(1),
		"max.message.bytes":                       number(0),
		"message.timestamp.after.max.ms":          long(0),
		"message.timestamp.before.max.ms":         long(0),
		"message.timestamp.type":                  word("CreateTime", "LogAppendTime"),
		"min.cleanable.dirty.ratio":               ratio,
		"min.compaction.lag.ms":                   long(0),
		"min.insync.replicas":                     number(1),
		"preallocate":                             boolean,
		"remote.log.copy.disable":                 boolean,
		"remote.log.delete.on.disable":            boolean,
		"remote.storage.enable":                   boolean,
		"retention.bytes":                         long(math.MinInt64),
		"retention.ms":                            long(-1),
		"segment.bytes":                           number(1024 * 1024),
		"segment.index.bytes":                     number(4),
		"segment.jitter.ms":                       long(0),
		"segment.ms":                              long(1),
		"unclean.leader.election.enable":          boolean,
	}
}

func anything(string) string { return "" }

func whole(low, high int64, kind string) func(string) string {
	return func(value string) string {
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil:
			return "Not a number of type " + kind
		case n < low:
			return fmt.Sprintf("Value must be at least %d", low)
		case n > high:
			return fmt.Sprintf("Value must be no more than %d", high)
		}
		return ""
	}
}

func ratio(value string) string {
	if f, err := strconv.ParseFloat(value, 64); err != nil {
		return "Not a number of type DOUBLE"
	} else if !(f >= 0 && f <= 1) {
		return "Value must be from 0 to 1"
	}
	return ""
}

func boolean(value string) string {
	if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		return "Expected value to be either true or false"
	}
	return ""
}

func word(allowed ...string) func(string) string {
	return func(value string) string {
		if !slices.Contains(allowed, value) {
			return "String must be one of: " + strings.Join(allowed, ", ")
		}
		return ""
	}
}

func words(allowed ...string) func(string) string {
	one := word(allowed...)
	return func(value string) string {
		for part := range strings.SplitSeq(value, ",") {
			if problem := one(strings.TrimSpace(part)); problem != "" {
				return problem
			}
		}
		return ""
	}
}
