package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// testBatch is a record batch as a broker stores it.
type testBatch struct {
	base       int64
	attributes int16
	producer   int64
	values     []string // "" leaves the offset out, as compaction does
	headers    []Header
}

func (b testBatch) bytes(t testing.TB) []byte {
	t.Helper()
	var records []byte
	count := 0
	for i, v := range b.values {
		if v == "" {
			continue
		}
		count++
		r := &Record{}
		r.SetHeaders(b.headers)
		body := []byte{0}
		body = binary.AppendVarint(body, int64(i)) // timestamp delta
		body = binary.AppendVarint(body, int64(i))
		body = binary.AppendVarint(body, -1)
		body = binary.AppendVarint(body, int64(len(v)))
		body = append(body, v...)
		body = binary.AppendVarint(body, int64(len(b.headers)))
		body = append(body, r.headers...)
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	return b.wrap(records, count)
}

// marker returns a control batch: it ends a producer's transaction.
func marker(base, producer int64, kind uint16) testBatch {
	return testBatch{base: base, attributes: transactionalBit | controlBit, producer: producer, values: []string{string([]byte{byte(kind)})}}
}

func (b testBatch) wrap(records []byte, count int) []byte {
	if b.attributes&controlBit != 0 {
		key := []byte{0, 0, 0, b.values[0][0]}
		body := append([]byte{0, 0, 0}, binary.AppendVarint(nil, int64(len(key)))...)
		body = append(append(body, key...), binary.AppendVarint(nil, -1)...)
		body = append(body, 0)
		records = append(binary.AppendVarint(nil, int64(len(body))), body...)
	}
	out := make([]byte, batchOverhead)
	binary.BigEndian.PutUint64(out, uint64(b.base))
	binary.BigEndian.PutUint32(out[8:], uint32(batchOverhead-lengthEnd+len(records)))
	out[magicAt] = 2
	binary.BigEndian.PutUint16(out[attributesAt:], uint16(b.attributes))
	binary.BigEndian.PutUint32(out[23:], uint32(len(b.values)-1))
	binary.BigEndian.PutUint64(out[27:], 1000)
	binary.BigEndian.PutUint64(out[35:], 9000)
	binary.BigEndian.PutUint64(out[43:], uint64(b.producer))
	binary.BigEndian.PutUint32(out[57:], uint32(count))
	out = append(out, records...)
	binary.BigEndian.PutUint32(out[crcAt:], crc32.Checksum(out[crcFrom:], castagnoli))
	return out
}

func join(t testing.TB, batches ...testBatch) []byte {
	var out []byte
	for _, b := range batches {
		out = append(out, b.bytes(t)...)
	}
	return out
}

func each(t testing.TB, c *Chunk) (string, error) {
	t.Helper()
	var got []string
	err := NewDecoder().Each(c, func(r *Record) bool {
		got = append(got, fmt.Sprintf("%d:%s@%d", r.Offset, r.Value, r.Timestamp))
		return true
	})
	return strings.Join(got, " "), err
}

func TestEach(t *testing.T) {
	plain := join(t, testBatch{base: 10, values: []string{"a", "", "c"}}, testBatch{base: 20, attributes: logAppendTimeBit, values: []string{"d"}})
	for _, c := range []struct {
		from int64
		want string
	}{
		{0, "10:a@1000 12:c@1002 20:d@9000"}, {11, "12:c@1002 20:d@9000"}, {13, "20:d@9000"}, {21, ""},
	} {
		got, err := each(t, &Chunk{From: c.from, Batches: plain})
		if got != c.want || err != nil {
			t.Errorf("from %d: %q (%v), want %q", c.from, got, err, c.want)
		}
	}
	if _, next := wholeBatches(plain, 0); next != 21 {
		t.Errorf("reading goes on at %d, want 21", next)
	}
	whole, next := wholeBatches(plain[:len(plain)-1], 0)
	if next != 13 || len(whole) >= len(plain) {
		t.Errorf("with the last batch cut short, reading goes on at %d, want 13", next)
	}
	if _, next := wholeBatches(nil, 7); next != 7 {
		t.Errorf("an empty answer moves the position to %d", next)
	}
}

func TestAbortedDataIsLeftOut(t *testing.T) {
	const txn = transactionalBit
	log := join(t,
		testBatch{base: 0, attributes: txn, producer: 1, values: []string{"aborted1"}},
		testBatch{base: 1, attributes: txn, producer: 2, values: []string{"committed2"}},
		testBatch{base: 2, producer: -1, values: []string{"plain"}},
		marker(3, 1, controlTypeAbort),
		testBatch{base: 4, attributes: txn, producer: 1, values: []string{"committed1"}},
		marker(5, 2, 1), marker(6, 1, 1),
		testBatch{base: 7, attributes: txn, producer: 1, values: []string{"aborted1 again"}},
		marker(8, 1, controlTypeAbort),
	)
	aborted := []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1, FirstOffset: 7}, {ProducerID: 1, FirstOffset: 0}}
	for _, c := range []struct {
		from int64
		want string
	}{
		{0, "1:committed2@1000 2:plain@1000 4:committed1@1000"},
		// Only the marker of the aborted transaction is left of it: it must not
		// take the producer's next one with it.
		{3, "4:committed1@1000"},
	} {
		got, err := each(t, &Chunk{From: c.from, Batches: log, aborted: aborted, readCommitted: true})
		if got != c.want || err != nil {
			t.Errorf("from %d: %q (%v), want %q", c.from, got, err, c.want)
		}
	}
	got, err := each(t, &Chunk{Batches: log, aborted: aborted})
	if n := len(strings.Fields(strings.ReplaceAll(got, " again", ""))); n != 5 || err != nil {
		t.Errorf("uncommitted: %d records (%v), want all 5: %s", n, err, got)
	}
}

// A batch that can't be read is passed over and named; those around it come.
func TestDamage(t *testing.T) {
	log := join(t, testBatch{base: 0, values: []string{"a"}})
	bad := join(t, testBatch{base: 1, values: []string{"b", "c"}})
	bad[len(bad)-1] ^= 1
	log = append(append(log, bad...), join(t, testBatch{base: 3, values: []string{"d"}})...)
	unknown := join(t, testBatch{base: 4, values: []string{"e"}})
	unknown[magicAt] = 3
	log = append(append(log, unknown...), join(t, testBatch{base: 5, values: []string{"f"}})...)
	got, err := each(t, &Chunk{Topic: "t", Batches: log})
	if got != "0:a@1000 3:d@1000 5:f@1000" {
		t.Errorf("got %q; what is around the damage comes", got)
	}
	var b *BatchError
	if !errors.As(err, &b) || b.First != 1 || b.Last != 2 || b.More != 1 || !errors.Is(err, errChecksum) {
		t.Errorf("the damage is told as %v", err)
	}
	if want := "t/0@1: the batch up to 2 can't be read: it does not match its checksum; nor can 1 behind it"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestHeaders(t *testing.T) {
	want := []Header{{"a", []byte("1")}, {"a", nil}, {"", []byte{}}}
	log := join(t, testBatch{values: []string{"v"}, headers: want})
	err := NewDecoder().Each(&Chunk{Batches: log}, func(r *Record) bool {
		c := r.Clone()
		i := 0
		c.EachHeader(func(k, v []byte) bool {
			if string(k) != want[i].Key || string(v) != string(want[i].Value) || (v == nil) != (want[i].Value == nil) {
				t.Errorf("header %d is %q=%q", i, k, v)
			}
			i++
			return true
		})
		if v, ok := c.Header("a"); i != 3 || !ok || string(v) != "1" {
			t.Errorf("%d headers, the first a is %q", i, v)
		}
		if _, ok := c.Header("b"); ok {
			t.Error("a header that is not there")
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
}

// Whatever a broker sends, no record lies outside of it and nothing panics.
func FuzzEach(f *testing.F) {
	f.Add(join(f, testBatch{base: 3, values: []string{"a", "b"}, headers: []Header{{"k", []byte("v")}}}), int64(0))
	f.Add(join(f, testBatch{attributes: transactionalBit, producer: 1, values: []string{"a"}}, marker(1, 1, 0)), int64(0))
	for name := range codecs {
		f.Add(testBatch{values: []string{"a", "b"}}.compressed(f, name), int64(0))
		f.Add(wrapped(f, name, oldMessage{offset: 5, magic: 1}, oldMessage{magic: 1, value: "a"}, oldMessage{offset: 1, magic: 1, value: "b"}), int64(5))
	}
	f.Add(append(set(oldMessage{offset: 1, value: "a"}), join(f, testBatch{base: 3, values: []string{"b"}})...), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, from int64) {
		// With the checksums made right, so that the rest is looked at.
		for rest := b; ; {
			batch, after, ok := cutBatch(rest)
			if !ok {
				break
			}
			switch {
			case batch[magicAt] < 2:
				binary.BigEndian.PutUint32(batch[oldCRCAt:], crc32.ChecksumIEEE(batch[oldCRCFrom:]))
			case len(batch) > batchOverhead:
				binary.BigEndian.PutUint32(batch[crcAt:], crc32.Checksum(batch[crcFrom:], castagnoli))
			}
			rest = after
		}
		whole, _ := wholeBatches(b, from)
		aborted := []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1}}
		d := NewDecoder()
		d.MaxBatch = 1 << 20
		_ = d.Each(&Chunk{From: from, Batches: whole, aborted: aborted, readCommitted: true}, func(r *Record) bool {
			if r.Offset < from {
				t.Fatalf("offset %d comes, from %d on was asked for", r.Offset, from)
			}
			r.EachHeader(func(k, v []byte) bool { return len(k)+len(v) >= 0 })
			_ = r.Clone()
			return true
		})
	})
}

func TestEachEndsAtTo(t *testing.T) {
	plain := join(t, testBatch{base: 10, values: []string{"a", "b", "c"}}, testBatch{base: 20, values: []string{"d"}})
	for to, want := range map[int64]string{
		Never: "10:a@1000 11:b@1001 12:c@1002 20:d@1000", 0: "10:a@1000 11:b@1001 12:c@1002 20:d@1000",
		12: "10:a@1000 11:b@1001", 20: "10:a@1000 11:b@1001 12:c@1002", 10: "",
	} {
		if got, err := each(t, &Chunk{To: to, Batches: plain}); got != want || err != nil {
			t.Errorf("to %d: %q (%v), want %q", to, got, err, want)
		}
	}
}

// A complete read shows nothing behind a batch that it can't read.
func TestEachOfACompleteRead(t *testing.T) {
	plain := join(t, testBatch{base: 0, values: []string{"a"}}, testBatch{base: 1, values: []string{"b"}}, testBatch{base: 2, values: []string{"c"}})
	plain[len(plain)/3+crcAt]++
	for complete, want := range map[bool]string{false: "0:a@1000 2:c@1000", true: "0:a@1000"} {
		got, err := each(t, &Chunk{Topic: "t", Batches: plain, complete: complete})
		var damaged *BatchError
		if got != want || !errors.As(err, &damaged) || damaged.First != 1 {
			t.Errorf("complete %v: %q, %v; want %q and the batch at 1", complete, got, err, want)
		}
	}
}
