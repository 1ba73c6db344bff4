package broker

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// checkConfigs returns why a new topic can't have its settings.
func checkConfigs(t *kmsg.CreateTopicsRequestTopic) refusal {
	values := map[string]string{}
	var null []string
	for _, c := range t.Configs {
		if c.Value == nil {
			null = append(null, c.Name)
			continue
		}
		values[c.Name] = *c.Value
	}
	message := checkSettings(values)
	if len(null) > 0 {
		message = "Null value not supported for topic configs: " + strings.Join(null, ",")
	}
	if message == "" {
		return refusal{}
	}
	return refusal{kerr.InvalidConfig, message}
}

// checkSettings returns what is wrong with a topic's settings, "" for nothing.
func checkSettings(values map[string]string) string {
	known := topicSettings()
	names := slices.Sorted(maps.Keys(values))
	for _, name := range names {
		if known[name] == nil {
			return "Unknown topic config name: " + name
		}
	}
	for _, name := range names {
		value := strings.TrimSpace(values[name])
		if shown, problem := known[name](value); problem != "" {
			return fmt.Sprintf("Invalid value %s for configuration %s: %s", shown, name, problem)
		}
	}
	least, err1 := strconv.ParseInt(strings.TrimSpace(values["min.compaction.lag.ms"]), 10, 64)
	most, err2 := strconv.ParseInt(strings.TrimSpace(values["max.compaction.lag.ms"]), 10, 64)
	switch {
	case err1 == nil && err2 == nil && least > most:
		return fmt.Sprintf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", least, most)
	case strings.EqualFold(strings.TrimSpace(values["remote.storage.enable"]), "true"):
		return "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
	}
	return ""
}

// A check returns what is wrong with a value, "" for nothing, and the value as Apache
// Kafka shows it then.
type check func(value string) (shown, problem string)

// topicSettings returns the settings of a topic in Apache Kafka 4.
func topicSettings() map[string]check {
	long := func(low int64) check { return whole(low, math.MaxInt64, "LONG") }
	number := func(low int64) check { return whole(low, math.MaxInt32, "INT") }
	return map[string]check{
		"cleanup.policy":                          words("compact", "delete"),
		"compression.gzip.level":                  gzipLevel,
		"compression.lz4.level":                   whole(1, 17, "INT"),
		"compression.type":                        word("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
		"compression.zstd.level":                  whole(-131072, 22, "INT"),
		"delete.retention.ms":                     long(0),
		"file.delete.delay.ms":                    long(0),
		"flush.messages":                          long(1),
		"flush.ms":                                long(0),
		"follower.replication.throttled.replicas": replicas("follower.replication.throttled.replicas"),
		"index.interval.bytes":                    number(0),
		"leader.replication.throttled.replicas":   replicas("leader.replication.throttled.replicas"),
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

func whole(low, high int64, kind string) check {
	return func(value string) (shown, problem string) {
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil, kind == "INT" && int64(int32(n)) != n:
			return value, "Not a number of type " + kind
		case n < low:
			problem = fmt.Sprintf("Value must be at least %d", low)
		case n > high:
			problem = fmt.Sprintf("Value must be no more than %d", high)
		}
		return strconv.FormatInt(n, 10), problem
	}
}

func gzipLevel(value string) (shown, problem string) {
	shown, problem = whole(math.MinInt32, math.MaxInt32, "INT")(value)
	if n, err := strconv.Atoi(shown); err == nil && problem == "" && n != -1 && (n < 1 || n > 9) {
		problem = "Value must be between 1 and 9 or equal to -1"
	}
	return shown, problem
}

func ratio(value string) (shown, problem string) {
	f, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value, "Not a number of type DOUBLE"
	}
	if shown = strconv.FormatFloat(f, 'f', -1, 64); !strings.Contains(shown, ".") {
		shown += ".0"
	}
	switch {
	case f < 0:
		return shown, "Value must be at least 0"
	case !(f <= 1):
		return shown, "Value must be no more than 1"
	}
	return shown, ""
}

func boolean(value string) (shown, problem string) {
	if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		return value, "Expected value to be either true or false"
	}
	return value, ""
}

func word(allowed ...string) check {
	return func(value string) (shown, problem string) {
		if !slices.Contains(allowed, value) {
			return value, "String must be one of: " + strings.Join(allowed, ", ")
		}
		return value, ""
	}
}

// words checks a list, which may be empty.
func words(allowed ...string) check {
	one := word(allowed...)
	return func(value string) (shown, problem string) {
		if value == "" {
			return "", ""
		}
		for part := range strings.SplitSeq(value, ",") {
			if shown, problem := one(strings.TrimSpace(part)); problem != "" {
				return shown, problem
			}
		}
		return value, ""
	}
}

// replicas checks a list of PARTITION:BROKER, or * for all.
func replicas(name string) check {
	return func(value string) (shown, problem string) {
		if value == "" || value == "*" {
			return value, ""
		}
		parts := strings.Split(value, ",")
		for i, part := range parts {
			parts[i] = strings.TrimSpace(part)
			partition, broker, ok := strings.Cut(parts[i], ":")
			_, err1 := strconv.ParseUint(partition, 10, 31)
			_, err2 := strconv.ParseUint(broker, 10, 31)
			if !ok || err1 != nil || err2 != nil {
				return "[" + strings.Join(parts, ", ") + "]", name + " must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
			}
		}
		return value, ""
	}
}
