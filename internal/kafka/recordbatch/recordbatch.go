// Package recordbatch builds Kafka record batches, message format v2
// (https://kafka.apache.org/documentation/#recordbatch), straight from bytes.
//
// A client library takes a record as a value of its own, keeps it until the batch
// is sent and encodes it then; what makes records by the million pays for that
// value, its headers and their pointers more than for the bytes. Here a record is
// encoded as it is appended, and headers that are the same for all records of a
// kind are encoded once.
//
// Nothing here is safe for concurrent use.
package recordbatch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Overhead is the length of a batch without records, in bytes.
const Overhead = 61

// Places of a batch's fields.
const (
	lengthAt     = 8 // counts what follows it
	leaderAt     = 12
	magicAt      = 16
	crcAt        = 17
	attributesAt = 21 // the checksum covers all from here on
	lastDeltaAt  = 23
	firstTimeAt  = 27
	maxTimeAt    = 35
	producerAt   = 43
	epochAt      = 51
	sequenceAt   = 53
	countAt      = 57
)

const (
	magic            = 2
	codecBits        = 0x07
	transactionalBit = 0x10
	// recordOverhead is more than a record takes beside key, value and headers:
	// six varints and the attributes.
	recordOverhead = 5 + 1 + 10 + 5 + 5 + 5
)

// Producer is who writes a batch. An ID below 0 is nobody: brokers then don't
// look for duplicates.
type Producer struct {
	ID            int64
	Epoch         int16
	Transactional bool
}

// Builder is a batch that is being filled. The zero value is an empty batch.
type Builder struct {
	records       []byte
	count         int32
	first, latest int64 // times, epoch ms
}

// Reset empties the batch. It appends to buf from now on.
func (b *Builder) Reset(buf []byte) { *b = Builder{records: buf[:0]} }

// Count returns how many records there are.
func (b *Builder) Count() int { return int(b.count) }

// Size returns how many bytes they take before compression.
func (b *Builder) Size() int { return len(b.records) }

// Buffer returns what the batch appends to, to be used again when it is sealed.
func (b *Builder) Buffer() []byte { return b.records }

// Room returns at least what a record takes in a batch, in bytes.
func Room(key, value, headers []byte) int {
	return recordOverhead + len(key) + len(value) + len(headers)
}

// NoHeaders returns the headers of a record that has none.
func NoHeaders() []byte { return []byte{0} }

// AppendHeaders appends headers as [Builder.Append] takes them.
func AppendHeaders(dst []byte, headers []kgo.RecordHeader) []byte {
	dst = appendVarint(dst, int64(len(headers)))
	for i := range headers {
		dst = AppendHeader(dst, headers[i].Key, headers[i].Value)
	}
	return dst
}

// AppendHeaderCount begins headers of which n follow, each by [AppendHeader], or
// by [AppendKey] and [AppendBytes].
func AppendHeaderCount(dst []byte, n int) []byte { return appendVarint(dst, int64(n)) }

// AppendHeader appends one header. A nil value is null.
func AppendHeader(dst []byte, key string, value []byte) []byte {
	return AppendBytes(AppendKey(dst, key), value)
}

// AppendKey begins a header; its value follows.
func AppendKey(dst []byte, key string) []byte {
	return append(appendVarint(dst, int64(len(key))), key...)
}

// Append adds a record of this time, epoch ms. A nil key or value is null. The
// headers are encoded already. All are copied.
func (b *Builder) Append(ms int64, key, value, headers []byte) {
	if b.count == 0 {
		b.first, b.latest = ms, ms
	}
	b.latest = max(b.latest, ms)
	delta := ms - b.first
	length := 1 + varintLen(delta) + varintLen(int64(b.count)) + bytesLen(key) + bytesLen(value) + len(headers)
	dst := appendVarint(b.records, int64(length))
	dst = append(dst, 0) // attributes: none are defined
	dst = appendVarint(dst, delta)
	dst = appendVarint(dst, int64(b.count))
	dst = AppendBytes(dst, key)
	dst = AppendBytes(dst, value)
	b.records = append(dst, headers...)
	b.count++
}

// Seal appends the whole batch to dst, compressed if that makes it smaller. A nil
// compressor doesn't compress; scratch is its room. The first record has the
// sequence number, the others follow. The batch must not be empty.
func (b *Builder) Seal(dst []byte, p Producer, sequence int32, compressor kgo.Compressor, scratch *bytes.Buffer) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, Overhead)...)
	attributes := int16(0)
	records := b.records
	if compressor != nil {
		scratch.Reset()
		if smaller, codec := compressor.Compress(scratch, records); smaller != nil && len(smaller) < len(records) {
			records, attributes = smaller, int16(codec)
		}
	}
	if p.Transactional {
		attributes |= transactionalBit
	}
	dst = append(dst, records...)
	h := dst[start:]
	binary.BigEndian.PutUint32(h[lengthAt:], uint32(len(h)-leaderAt))
	binary.BigEndian.PutUint32(h[leaderAt:], ^uint32(0)) // -1: for the broker to know
	h[magicAt] = magic
	binary.BigEndian.PutUint16(h[attributesAt:], uint16(attributes))
	binary.BigEndian.PutUint32(h[lastDeltaAt:], uint32(b.count-1))
	binary.BigEndian.PutUint64(h[firstTimeAt:], uint64(b.first))
	binary.BigEndian.PutUint64(h[maxTimeAt:], uint64(b.latest))
	binary.BigEndian.PutUint64(h[producerAt:], uint64(p.ID))
	binary.BigEndian.PutUint16(h[epochAt:], uint16(p.Epoch))
	binary.BigEndian.PutUint32(h[sequenceAt:], uint32(sequence))
	binary.BigEndian.PutUint32(h[countAt:], uint32(b.count))
	binary.BigEndian.PutUint32(h[crcAt:], crc32.Checksum(h[attributesAt:], crc32.MakeTable(crc32.Castagnoli)))
	return dst
}

// Codec returns how a sealed batch is compressed, by Kafka's number of the codec; 0 is
// not at all.
func Codec(batch []byte) uint8 { return batch[attributesAt+1] & codecBits }

// AppendBytes appends a value with its length; nil is null.
func AppendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1) // -1
	}
	return append(appendVarint(dst, int64(len(b))), b...)
}

func bytesLen(b []byte) int {
	if b == nil {
		return 1
	}
	return varintLen(int64(len(b))) + len(b)
}

// appendVarint appends n in zigzag encoding, as Protocol Buffers have it.
func appendVarint(dst []byte, n int64) []byte {
	u := uint64(n<<1) ^ uint64(n>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

func varintLen(n int64) int {
	u := uint64(n<<1) ^ uint64(n>>63)
	return (bits.Len64(u|1) + 6) / 7
}
