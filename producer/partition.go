package producer

import "inv/internal/kafka/partition"

// partitionOf returns the partition of a record among count. Records without a key
// and those of round-robin go by their number, so that a duplicate stays where its
// original is.
func partitionOf(partitioner partition.Partitioner, key []byte, number int64, count int) int32 {
	if key != nil {
		if p, keyed := partitioner.Of(key, count); keyed {
			return p
		}
	}
	return int32(number % int64(count))
}
