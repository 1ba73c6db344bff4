package producer

import "hash/crc32"

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
		return int32(crc32.ChecksumIEEE(key) % uint32(count))
	}
	return int32((murmur2(key) & 0x7fffffff) % uint32(count))
}

// murmur2 is the hash of the Java client's default partitioner.
func murmur2(key []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h = h*m ^ k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
