// Package partition chooses partitions as the two common families of Kafka clients
// do. The producer, the processor and the inspector must agree on it: a key that is
// looked for in another partition than it was written to is not found.
package partition

import "hash/crc32"

// Partitioner is how a writer chooses the partition of a record, by the name that
// scenarios and flags use.
type Partitioner string

// The partitioners.
const (
	ByMurmur2  Partitioner = "murmur2"     // Kafka's own producer, franz-go
	ByCRC32    Partitioner = "crc32"       // librdkafka's default, consistent_random
	RoundRobin Partitioner = "round-robin" // not by key
)

// Names returns the names of all partitioners.
func Names() []string { return append(KeyedNames(), string(RoundRobin)) }

// KeyedNames returns the names of those that choose by the key alone.
func KeyedNames() []string { return []string{string(ByMurmur2), string(ByCRC32)} }

// Of returns the partition of a key among n, at least 1, and reports whether the
// partitioner chooses by the key alone. An empty key has a partition with murmur2, but
// none with crc32: librdkafka distributes such records as it does those without a key.
func (p Partitioner) Of(key []byte, n int) (partition int32, keyed bool) {
	switch p {
	case ByMurmur2:
		return Murmur2(key, n), true
	case ByCRC32:
		return CRC32(key, n), len(key) > 0
	}
	return 0, false
}

// Murmur2 returns the partition of a key among n, at least 1, for Kafka's own
// producer and franz-go.
func Murmur2(key []byte, n int) int32 {
	return int32(Hash(key) % uint32(n))
}

// Hash returns the hash of a key that [Murmur2] takes modulo the number of
// partitions. It is below 2^31.
func Hash(key []byte) uint32 { return murmur2(key) & 0x7fffffff }

// CRC32 returns the partition of a key among n, at least 1, for librdkafka's
// consistent partitioners. Only `consistent` puts an empty key there, too.
func CRC32(key []byte, n int) int32 {
	return int32(crc32.ChecksumIEEE(key) % uint32(n))
}

// murmur2 returns the hash of the Java client's default partitioner.
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
