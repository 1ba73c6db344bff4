// Package fetch reads Kafka topics at the speed of their bytes. It asks the
// brokers for record batches through a franz-go client (connections, TLS, SASL
// and protocol versions are that client's) and hands the batches out as they
// came; [Decoder] walks over their records without allocating.
//
// It exists beside franz-go's own consumer for three things that an inspector
// needs: memory that is bounded by a few responses (a record is a view into its
// batch, never a heap object), positions that advance over control records,
// aborted data and compacted gaps, so that the end of a topic is always
// reached, and no group, no session and no state behind one process.
package fetch

import (
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is one data record. Key, Value and the headers point into the batch
// that it was decoded from and are valid until the next one is; [Record.Clone]
// makes a copy that stays.
type Record struct {
	Topic         string
	Partition     int32
	Offset        int64
	Timestamp     int64 // epoch ms
	LogAppendTime bool  // the broker's clock, not the writer's
	Transactional bool
	Codec         uint8 // of its batch, as in the batch's attributes; 0: not compressed
	LeaderEpoch   int32
	ProducerID    int64
	ProducerEpoch int16
	Key           []byte // nil: null
	Value         []byte // nil: a tombstone
	// Undecoded is why the key or the value could not be decoded by its schema; "": it
	// was, or has none. A Decoder leaves it to its caller.
	Undecoded   string
	HeaderCount int
	Log         *Log   // of its partition when it was fetched; nil: unknown
	headers     []byte // as on the wire: varint key length, key, varint value length (-1: null), value, …
}

// Log is what a partition's log held.
type Log struct {
	// HighWatermark is the end of what is replicated, LastStable of what
	// read_committed may see, LogStart the first offset that is left.
	HighWatermark, LastStable, LogStart int64
}

// Header is one header of a record. A key may occur more than once.
type Header struct {
	Key   string
	Value []byte // nil: null
}

// RawHeaders returns the headers' bytes as on the wire, for a cheap test of whether
// a name can be among them at all.
func (r *Record) RawHeaders() []byte { return r.headers }

// EachHeader calls yield for the headers in their order until it returns false.
func (r *Record) EachHeader(yield func(key, value []byte) bool) {
	b := r.headers
	for range r.HeaderCount {
		key, value, rest, ok := shortHeader(b)
		if !ok {
			if key, rest, ok = varBytes(b); ok {
				value, rest, ok = varBytes(rest)
			}
			if !ok {
				return
			}
		}
		b = rest
		if !yield(key, value) {
			return
		}
	}
}

// shortHeader reads a header whose lengths take one byte each, as most do. ok is
// false if it is another.
func shortHeader(b []byte) (key, value, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&0x81 != 0 { // longer than 63 bytes, or null
		return nil, nil, nil, false
	}
	n := 1 + int(b[0]>>1)
	if n >= len(b) || b[n]&0x81 != 0 {
		return nil, nil, nil, false
	}
	end := n + 1 + int(b[n]>>1)
	if end > len(b) {
		return nil, nil, nil, false
	}
	return b[1:n:n], b[n+1 : end : end], b[end:], true
}

// Header returns the value of the first header with this key.
func (r *Record) Header(name string) (value []byte, ok bool) {
	if r.HeaderCount == 0 {
		return nil, false
	}
	r.EachHeader(func(k, v []byte) bool {
		if string(k) == name {
			value, ok = v, true
		}
		return !ok
	})
	return value, ok
}

// SetHeaders replaces the record's headers.
func (r *Record) SetHeaders(headers []Header) {
	r.HeaderCount, r.headers = len(headers), nil
	for _, h := range headers {
		r.headers = binary.AppendVarint(r.headers, int64(len(h.Key)))
		r.headers = append(r.headers, h.Key...)
		if h.Value == nil {
			r.headers = binary.AppendVarint(r.headers, -1)
			continue
		}
		r.headers = binary.AppendVarint(r.headers, int64(len(h.Value)))
		r.headers = append(r.headers, h.Value...)
	}
}

// Clone returns a copy of the record that shares no memory with its batch.
func (r *Record) Clone() *Record {
	c, _ := r.CopyTo(make([]byte, 0, len(r.Key)+len(r.Value)+len(r.headers)))
	return &c
}

// CopyTo returns a copy of the record whose bytes are appended to buf.
func (r *Record) CopyTo(buf []byte) (Record, []byte) {
	c := *r
	c.Key, buf = appendCopy(buf, r.Key)
	c.Value, buf = appendCopy(buf, r.Value)
	c.headers, buf = appendCopy(buf, r.headers)
	return c, buf
}

func appendCopy(buf, b []byte) (c, rest []byte) {
	if b == nil {
		return nil, buf
	}
	start := len(buf)
	buf = append(buf, b...)
	return buf[start:len(buf):len(buf)], buf
}

// Client returns a copy of the record as a franz-go record.
func (r *Record) Client() *kgo.Record {
	k, c := &kgo.Record{}, r.Clone()
	c.View(k)
	k.Headers = c.AppendHeaders(k.Headers)
	return k
}

// View sets the fields of k to the record's without copying: k is valid for as long
// as r is. It empties k's headers; see [Record.AppendHeaders].
func (r *Record) View(k *kgo.Record) {
	k.Topic, k.Partition, k.Offset, k.Timestamp = r.Topic, r.Partition, r.Offset, time.UnixMilli(r.Timestamp)
	k.LeaderEpoch, k.ProducerID, k.ProducerEpoch = r.LeaderEpoch, r.ProducerID, r.ProducerEpoch
	k.Key, k.Value, k.Headers = r.Key, r.Value, k.Headers[:0]
}

// AppendHeaders appends the headers as those of a franz-go record.
func (r *Record) AppendHeaders(dst []kgo.RecordHeader) []kgo.RecordHeader {
	r.EachHeader(func(key, value []byte) bool {
		dst = append(dst, kgo.RecordHeader{Key: string(key), Value: value})
		return true
	})
	return dst
}

// varBytes reads a zig-zag varint length (-1: nil) and that many bytes.
func varBytes(b []byte) (value, rest []byte, ok bool) {
	n, b, ok := varint(b)
	if !ok || n > int64(len(b)) {
		return nil, nil, false
	}
	if n < 0 {
		return nil, b, true
	}
	return b[:n:n], b[n:], true
}

// varint reads a zig-zag varint; the one-byte case is by far the commonest.
func varint(b []byte) (int64, []byte, bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), b[1:], true
	}
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
