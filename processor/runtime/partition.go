package runtime

import "github.com/twmb/franz-go/pkg/kgo"

// Murmur2 is the hash that Kafka's own producer places keys with.
func Murmur2(key []byte) uint32 {
	const m, seed = 0x5bd1e995, 0x9747b28c
	h := uint32(seed ^ len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h *= m
		h ^= k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// PartitionOf is the partition of a key among n, as Kafka's own producer has it.
func PartitionOf(key []byte, n int) int32 {
	return int32(Murmur2(key)&0x7fffffff) % int32(n)
}

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
