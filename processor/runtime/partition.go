package runtime

import "github.com/twmb/franz-go/pkg/kgo"

// partitioner keeps the partition that a record names if its topic is one of
// explicit, and places all others by their key.
func partitioner(explicit map[string]bool) kgo.Partitioner {
	byKey := kgo.StickyKeyPartitioner(nil)
	return topicPartitioner{explicit: explicit, byKey: byKey}
}

type topicPartitioner struct {
	explicit map[string]bool
	byKey    kgo.Partitioner
}

func (p topicPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if p.explicit[topic] {
		return explicitPartition{}
	}
	return p.byKey.ForTopic(topic)
}

type explicitPartition struct{}

func (explicitPartition) RequiresConsistency(*kgo.Record) bool { return true }
func (explicitPartition) Partition(r *kgo.Record, _ int) int   { return int(r.Partition) }
