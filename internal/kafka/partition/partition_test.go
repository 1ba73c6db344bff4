package partition_test

import (
	"strings"
	"testing"

	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Where Kafka's own producer and librdkafka were seen to put the products.
func TestKnownPlaces(t *testing.T) {
	for _, c := range []struct {
		key            string
		murmur2, crc32 int32
	}{{"prod-123", 4, 0}, {"prod-456", 0, 1}, {"prod-789", 3, 4}} {
		if got := partition.Murmur2([]byte(c.key), 6); got != c.murmur2 {
			t.Errorf("Murmur2 puts %s on %d, want %d", c.key, got, c.murmur2)
		}
		if got := partition.CRC32([]byte(c.key), 6); got != c.crc32 {
			t.Errorf("CRC32 puts %s on %d, want %d", c.key, got, c.crc32)
		}
	}
}

func TestMurmur2IsFranzGos(t *testing.T) {
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for length := range 40 {
		key := []byte(strings.Repeat("a\xffb\x00", 10)[:length])
		for _, n := range []int{1, 6, 97} {
			if got, want := partition.Murmur2(key, n), theirs.Partition(&kgo.Record{Key: key}, n); int(got) != want {
				t.Errorf("%q among %d: %d, want %d", key, n, got, want)
			}
		}
	}
}

// An empty key is no key to librdkafka's default partitioner, but one to Kafka's own.
func TestEmptyKeys(t *testing.T) {
	for _, c := range []struct {
		by    partition.Partitioner
		key   string
		keyed bool
	}{{partition.ByMurmur2, "", true}, {partition.ByCRC32, "", false}, {partition.ByCRC32, "a", true}, {partition.RoundRobin, "a", false}} {
		if _, keyed := c.by.Of([]byte(c.key), 6); keyed != c.keyed {
			t.Errorf("%s chooses by the key %q: %v, want %v", c.by, c.key, keyed, c.keyed)
		}
	}
}
