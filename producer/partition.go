package producer

import "inv/internal/partition"

// How a key gives a partition: as the Java client does (murmur2), as librdkafka
// does (crc32), or not at all.
const (
	Murmur2    = "murmur2"
	CRC32      = "crc32"
	RoundRobin = "round-robin"
)

// Partitioners are the names of the ways there are.
func Partitioners() []string { return []string{Murmur2, CRC32, RoundRobin} }

// partitionOf is the partition of a record among count. Records without a key
// and of round-robin go by their number, so that a duplicate stays where its
// original is.
func partitionOf(partitioner string, key []byte, number int64, count int) int32 {
	switch {
	case key == nil || partitioner == RoundRobin:
		return int32(number % int64(count))
	case partitioner == CRC32:
		return partition.CRC32(key, count)
	}
	return partition.Murmur2(key, count)
}
