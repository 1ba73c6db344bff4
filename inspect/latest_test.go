package inspect

import (
	"fmt"
	"testing"
)

func keyed(key string, partition int32, offset, ms int64, value string) *Record {
	return &Record{Topic: "t", Partition: partition, Offset: offset, Timestamp: ms, Key: []byte(key), Value: []byte(value)}
}

func valuesOf(l *latest) (all []string) {
	for _, r := range l.newest() {
		all = append(all, string(r.Value))
	}
	return all
}

func TestLatestOfEachKey(t *testing.T) {
	l := newLatest(10, 1<<20)
	l.add(keyed("a", 0, 1, 10, "a1"))
	l.add(keyed("b", 0, 2, 20, "b1"))
	l.add(keyed("a", 0, 3, 5, "a2"))  // a partition's order counts, whatever the times
	l.add(keyed("b", 1, 9, 15, "b0")) // earlier, in another partition
	l.add(&Record{Topic: "t", Value: []byte("no key")})
	other := keyed("a", 0, 1, 30, "other")
	other.Topic = "u"
	l.add(other)
	if got := fmt.Sprint(valuesOf(l)); got != "[a2 b1 other]" || l.dropped || l.keyless != 1 {
		t.Errorf("%s, dropped %t, %d without a key", got, l.dropped, l.keyless)
	}
}

// The bounds drop the keys that were written longest ago, and a key that comes again
// is back with its last record.
func TestLatestIsBounded(t *testing.T) {
	l := newLatest(3, 1<<20)
	for i := range int64(1000) {
		l.add(keyed(fmt.Sprint(i), 0, i, i, fmt.Sprint(i)))
		if len(l.records) > 6 {
			t.Fatalf("%d records are kept", len(l.records))
		}
	}
	l.add(keyed("0", 0, 1000, 1000, "again"))
	if got := fmt.Sprint(valuesOf(l)); got != "[998 999 again]" || !l.dropped {
		t.Errorf("%s, dropped %t", got, l.dropped)
	}

	l = newLatest(1000, 1000)
	for i := range int64(100) {
		l.add(keyed(fmt.Sprint(i%10), 0, i, i, string(make([]byte, 700))))
		if l.size > 2*l.bytes {
			t.Fatalf("%d bytes are kept", l.size)
		}
	}
	if got := len(l.newest()); got != 2 || !l.dropped {
		t.Errorf("%d records, dropped %t", got, l.dropped)
	}
}
