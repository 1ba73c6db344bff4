package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"
)

// oldMessage is a message of format v0 or v1.
type oldMessage struct {
	offset     int64
	magic      byte
	attributes byte
	timestamp  int64
	value      string
}

func (m oldMessage) bytes() []byte {
	body := []byte{m.magic, m.attributes}
	if m.magic == 1 {
		body = binary.BigEndian.AppendUint64(body, uint64(m.timestamp))
	}
	body = binary.BigEndian.AppendUint32(body, 1<<32-1) // a null key
	body = append(binary.BigEndian.AppendUint32(body, uint32(len(m.value))), m.value...)
	out := binary.BigEndian.AppendUint64(nil, uint64(m.offset))
	out = binary.BigEndian.AppendUint32(out, uint32(4+len(body)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return append(out, body...)
}

func set(messages ...oldMessage) (out []byte) {
	for _, m := range messages {
		out = append(out, m.bytes()...)
	}
	return out
}

// wrapped is messages compressed into one.
func wrapped(t testing.TB, codec string, outer oldMessage, inner ...oldMessage) []byte {
	t.Helper()
	outer.attributes |= byte(codecs[codec].number)
	outer.value = string(codecs[codec].pack(t, bytes.NewReader(set(inner...))))
	return outer.bytes()
}

// Messages as writers before Kafka 0.11 made them are read as any others, also
// in one log with batches of today.
func TestOldMessages(t *testing.T) {
	v2 := testBatch{base: 30, values: []string{"new"}}.bytes(t)
	for name, c := range map[string]struct {
		log  []byte
		from int64
		next int64
		want string
	}{
		"v0":       {set(oldMessage{offset: 3, value: "a"}, oldMessage{offset: 5, value: "b"}), 0, 6, "3:a@-1 5:b@-1"},
		"v1":       {set(oldMessage{offset: 3, magic: 1, timestamp: 77, value: "a"}), 0, 4, "3:a@77"},
		"v1, from": {set(oldMessage{offset: 3, magic: 1, value: "a"}, oldMessage{offset: 4, magic: 1, value: "b"}), 4, 5, "4:b@0"},
		"and v2":   {append(set(oldMessage{offset: 3, magic: 1, timestamp: 7, value: "a"}), v2...), 0, 31, "3:a@7 30:new@1000"},
		// In v0 the offsets within are the log's; in v1 they count, and the last
		// is the outer one's. A compacted set has gaps.
		"v0, packed": {wrapped(t, "gzip", oldMessage{offset: 5}, oldMessage{offset: 3, value: "a"}, oldMessage{offset: 5, value: "b"}), 0, 6, "3:a@-1 5:b@-1"},
		"v1, packed": {wrapped(t, "xerial", oldMessage{offset: 15, magic: 1, timestamp: 9},
			oldMessage{offset: 0, magic: 1, timestamp: 1, value: "a"}, oldMessage{offset: 2, magic: 1, timestamp: 2, value: "b"}), 0, 16, "13:a@1 15:b@2"},
		"v1, packed, from": {wrapped(t, "lz4", oldMessage{offset: 15, magic: 1},
			oldMessage{offset: 0, magic: 1, timestamp: 1, value: "a"}, oldMessage{offset: 2, magic: 1, timestamp: 2, value: "b"}), 14, 16, "15:b@2"},
		"v1, the broker's time": {wrapped(t, "snappy", oldMessage{offset: 1, magic: 1, attributes: logAppendTimeBit, timestamp: 9},
			oldMessage{offset: 0, magic: 1, timestamp: 1, value: "a"}, oldMessage{offset: 1, magic: 1, timestamp: 2, value: "b"}), 0, 2, "0:a@9 1:b@9"},
	} {
		got, err := each(t, &Chunk{From: c.from, Batches: c.log})
		if got != c.want || err != nil {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
		if _, next := wholeBatches(c.log, 0); next != c.next {
			t.Errorf("%s: reading goes on at %d, want %d", name, next, c.next)
		}
	}
}

func TestOldDamage(t *testing.T) {
	good := oldMessage{offset: 9, magic: 1, value: "good"}.bytes()
	broken := oldMessage{offset: 1, magic: 1, value: "b"}.bytes()
	broken[len(broken)-1] ^= 1
	short := oldMessage{offset: 1}.bytes()
	binary.BigEndian.PutUint32(short[len(short)-4:], 100)
	binary.BigEndian.PutUint32(short[oldCRCAt:], crc32.ChecksumIEEE(short[oldCRCFrom:]))
	within := wrapped(t, "gzip", oldMessage{offset: 1, magic: 1})
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"checksum": {broken, errChecksum},
		"short":    {short, errShortBatch},
		"nested":   {wrapped(t, "gzip", oldMessage{offset: 1, magic: 1}, oldMessage{attributes: 1, magic: 1}), errNested},
		"cut":      {wrapped(t, "gzip", oldMessage{offset: 1, magic: 1}, oldMessage{magic: 1})[:20], nil},
		"empty":    {within, nil},
	} {
		got, err := each(t, &Chunk{Batches: append(append([]byte(nil), c.b...), good...)})
		if c.want == nil {
			continue // what is left of it is no message at all, or holds none: nothing panics
		}
		if got != "9:good@0" || !errors.Is(err, c.want) {
			t.Errorf("%s: %q and %v, want the good one and %v", name, got, err, c.want)
		}
	}
}
