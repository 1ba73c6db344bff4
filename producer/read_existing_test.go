package producer

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A key has its newest value, whichever of its partitions is read first, and the last
// one within a partition, whatever its timestamp.
func TestNewestValueOfAKey(t *testing.T) {
	record := func(partition int32, key, value string, at int64) *kgo.Record {
		r := &kgo.Record{Partition: partition, Key: []byte(key), Timestamp: time.UnixMilli(at)}
		if value != "" {
			r.Value = []byte(value)
		}
		return r
	}
	first := []*kgo.Record{record(0, "a", "a0", 9), record(0, "a", "a0 later", 1), record(0, "b", "b0", 7), record(0, "c", "c0", 3)}
	second := []*kgo.Record{record(1, "a", "a1", 5), record(1, "b", "b1", 5), record(1, "c", "", 4)}
	for _, order := range [][][]*kgo.Record{{first, second}, {second, first}, {first[:1], second, first[1:]}} {
		read := compacted{}
		for _, records := range order {
			for _, r := range records {
				read.add(r)
			}
		}
		rows := read.rows()
		if len(rows) != 2 || string(rows[0].Value) != "a1" || string(rows[1].Value) != "b0" {
			t.Errorf("the rows are %q", rows)
		}
	}
}
