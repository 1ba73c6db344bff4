package scenario

import (
	"strings"

	"inv/internal/suggest"

	"gopkg.in/yaml.v3"
)

// Setting is a setting of a topic, by Kafka's name.
type Setting struct{ Name, Value string }

// topicSettings are the settings that Apache Kafka's topics have. Other clusters have
// more.
var topicSettings = []string{
	"cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
	"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms", "follower.replication.throttled.replicas",
	"index.interval.bytes", "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
	"max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
	"message.timestamp.type", "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas", "preallocate",
	"remote.copy.disable", "remote.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms",
	"segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms", "unclean.leader.election.enable",
}

func configSchema() obj {
	properties := obj{}
	for _, name := range topicSettings {
		properties[name] = ref("setting")
	}
	return obj{"type": "object", "properties": properties, "additionalProperties": ref("setting")}
}

// config reads a topic's settings. A name that Kafka does not have is refused only if it
// is almost one that it has: other clusters have more.
func (d *Decoder) config(n *yaml.Node, what string) []Setting {
	return entries(d, n, what, func(key, value *yaml.Node) Setting {
		vendor := strings.HasPrefix(key.Value, "confluent.") || strings.HasPrefix(key.Value, "redpanda.")
		if near := suggest.Nearest(key.Value, topicSettings); near != "" && near != key.Value && !vendor {
			d.Problem(key, "topics have no setting %q; did you mean %q?", key.Value, near)
		}
		v, ok := d.scalar(value, key.Value)
		if ok && (v.Kind == KindNull || strings.TrimSpace(v.Text) == "") {
			d.Problem(value, "%s has no value; without the key, the cluster's default holds", key.Value)
		}
		return Setting{key.Value, v.Text}
	})
}

// checkSettings refuses a setting that another key of the topic sets.
func (d *Decoder) checkSettings(key, n *yaml.Node, t *Topic) {
	given := map[string]bool{}
	d.Each(n, "topic", func(key, _ *yaml.Node) { given[key.Value] = true })
	for _, s := range t.Settings {
		if by := map[string]string{"cleanup.policy": "cleanup", "retention.ms": "retention"}[s.Name]; given[by] {
			d.Problem(key, "topic %q has `%s:` and the setting %s; leave out one of them", t.Alias, by, s.Name)
		}
	}
}
