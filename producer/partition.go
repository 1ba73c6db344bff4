package producer

import "inv/internal/kafka/partition"

// partitionOf returns the partition of a record, from 0 to count-1. Without a key, or
// with a round-robin partitioner, it depends on the record's number, so that a duplicate
// goes to the partition of its original.
func partitionOf(partitioner partition.Partitioner, key []byte, number int64, count int) int32 {
	if key != nil {
		if p, keyed := partitioner.Of(key, count); keyed {
			return p
		}
	}
	return int32(uint64(number) % uint64(count))
}
