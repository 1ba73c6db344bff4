package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Layout of a record batch, message format v2 (Kafka's DefaultRecordBatch).
const (
	batchOverhead = 61 // bytes before the first record
	lengthEnd     = 12 // the length field counts what follows it
	magicAt       = 16
	crcAt         = 17
	crcFrom       = 21
	attributesAt  = 21
)

// Bits of a batch's attributes.
const (
	codecBits        = 0x07
	logAppendTimeBit = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
	controlTypeAbort = 0 // a control record's key: int16 version, int16 type
)

// Chunk is what one fetch brought of one partition.
type Chunk struct {
	Topic     string
	Partition int32
	From      int64  // the offset that was asked for: records before it are not meant
	Next      int64  // where the next fetch goes on
	Batches   []byte // whole batches
	// HighWatermark is the end of what is replicated, LastStable of what
	// read_committed may see, LogStart the first offset that is left.
	HighWatermark, LastStable, LogStart int64

	aborted       []kmsg.FetchResponseTopicPartitionAbortedTransaction
	readCommitted bool
}

// header is the fixed part of a batch.
type header struct {
	base, end      int64 // offsets, end exclusive
	epoch          int32
	attributes     int16
	firstTimestamp int64
	maxTimestamp   int64
	producerID     int64
	producerEpoch  int16
	count          int32
}

// cutBatch splits the first batch off b. The broker may cut the last batch of a
// response short: ok is false for it and for the end.
func cutBatch(b []byte) (batch, rest []byte, ok bool) {
	if len(b) < lengthEnd {
		return nil, nil, false
	}
	n := int64(int32(binary.BigEndian.Uint32(b[8:]))) + lengthEnd
	if n < magicAt+1 || n > int64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

var (
	errShortBatch = errors.New("a record batch ends before its records do")
	errChecksum   = errors.New("a record batch does not match its checksum")
)

func parseHeader(b []byte) (h header, err error) {
	if magic := b[magicAt]; magic != 2 {
		return h, fmt.Errorf("message format v%d, older than Kafka 0.11, can't be shown", magic)
	}
	if len(b) < batchOverhead {
		return h, errShortBatch
	}
	h.base = int64(binary.BigEndian.Uint64(b))
	h.epoch = int32(binary.BigEndian.Uint32(b[12:]))
	h.attributes = int16(binary.BigEndian.Uint16(b[attributesAt:]))
	h.end = h.base + int64(int32(binary.BigEndian.Uint32(b[23:]))) + 1
	h.firstTimestamp = int64(binary.BigEndian.Uint64(b[27:]))
	h.maxTimestamp = int64(binary.BigEndian.Uint64(b[35:]))
	h.producerID = int64(binary.BigEndian.Uint64(b[43:]))
	h.producerEpoch = int16(binary.BigEndian.Uint16(b[51:]))
	h.count = int32(binary.BigEndian.Uint32(b[57:]))
	return h, nil
}

// wholeBatches cuts b behind its last whole batch and returns the offset behind
// that batch, at least from: what remains to be fetched.
func wholeBatches(b []byte, from int64) (whole []byte, next int64) {
	next = from
	rest := b
	for {
		batch, after, ok := cutBatch(rest)
		if !ok {
			return b[:len(b)-len(rest)], next
		}
		if len(batch) >= batchOverhead && batch[magicAt] == 2 {
			end := int64(binary.BigEndian.Uint64(batch)) + int64(int32(binary.BigEndian.Uint32(batch[23:]))) + 1
			next = max(next, end)
		} else {
			next = max(next, int64(binary.BigEndian.Uint64(batch))+1)
		}
		rest = after
	}
}

// Decoder walks over the records of chunks. It is for one goroutine; it keeps
// its buffers from chunk to chunk.
type Decoder struct {
	decompressor kgo.Decompressor
	pool         *onePool
	record       Record
}

// NewDecoder returns a Decoder for all of Kafka's compression codecs.
func NewDecoder() *Decoder {
	pool := &onePool{}
	return &Decoder{decompressor: kgo.DefaultDecompressor(pool), pool: pool}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Each calls yield for the chunk's data records in offset order, without
// control records and, for read_committed, without aborted data. The record is
// valid until yield returns; yield may return false to stop. Records that come
// before a damaged batch are yielded.
func (d *Decoder) Each(c *Chunk, yield func(*Record) bool) error {
	d.record = Record{Topic: c.Topic, Partition: c.Partition}
	skip := newAbortedSet(c)
	for rest := c.Batches; len(rest) > 0; {
		batch, after, ok := cutBatch(rest)
		if !ok {
			return nil
		}
		rest = after
		h, err := parseHeader(batch)
		if err != nil {
			return fmt.Errorf("%s/%d@%d: %w", c.Topic, c.Partition, c.From, err)
		}
		if h.end <= c.From {
			continue
		}
		control := h.attributes&controlBit != 0
		if !control && skip.data(&h) {
			continue
		}
		if crc32.Checksum(batch[crcFrom:], castagnoli) != binary.BigEndian.Uint32(batch[crcAt:]) {
			return fmt.Errorf("%s/%d@%d: %w", c.Topic, c.Partition, h.base, errChecksum)
		}
		records, err := d.records(batch[batchOverhead:], &h)
		if err != nil {
			return fmt.Errorf("%s/%d@%d: %w", c.Topic, c.Partition, h.base, err)
		}
		if control {
			skip.control(&h, records)
			continue
		}
		more, err := d.eachOf(&h, records, c.From, yield)
		if err != nil {
			return fmt.Errorf("%s/%d@%d: %w", c.Topic, c.Partition, h.base, err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

func (d *Decoder) records(b []byte, h *header) ([]byte, error) {
	codec := kgo.CompressionCodecType(h.attributes & codecBits)
	if codec == kgo.CodecNone {
		return b, nil
	}
	plain, err := d.decompressor.Decompress(b, codec)
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	d.pool.PutDecompressBytes(plain)
	return plain, nil
}

// eachOf yields the records of one batch from offset from on.
func (d *Decoder) eachOf(h *header, b []byte, from int64, yield func(*Record) bool) (more bool, err error) {
	r := &d.record
	r.LeaderEpoch, r.ProducerID, r.ProducerEpoch = h.epoch, h.producerID, h.producerEpoch
	r.LogAppendTime = h.attributes&logAppendTimeBit != 0
	for range h.count {
		length, body, ok := varint(b)
		if !ok || length < 1 || length > int64(len(body)) {
			return false, errShortBatch
		}
		b = body[length:]
		timeDelta, body, ok := varint(body[1:length]) // behind the record's attributes, which are unused
		if !ok {
			return false, errShortBatch
		}
		offsetDelta, body, ok := varint(body)
		if !ok {
			return false, errShortBatch
		}
		if r.Offset = h.base + offsetDelta; r.Offset < from {
			continue
		}
		if r.Timestamp = h.firstTimestamp + timeDelta; r.LogAppendTime {
			r.Timestamp = h.maxTimestamp
		}
		if r.Key, body, ok = varBytes(body); !ok {
			return false, errShortBatch
		}
		if r.Value, body, ok = varBytes(body); !ok {
			return false, errShortBatch
		}
		headers, body, ok := varint(body)
		if !ok || headers < 0 || headers > int64(len(body)) {
			return false, errShortBatch
		}
		r.HeaderCount, r.headers = int(headers), body
		if !yield(r) {
			return false, nil
		}
	}
	return true, nil
}

// onePool hands one buffer out again and again: a batch is done with before the
// next one is decompressed.
type onePool struct{ buf []byte }

// A batch that unpacks to more than this does not keep its buffer.
const keepBuffer = 8 << 20

func (p *onePool) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte {
	b := p.buf
	p.buf = nil
	return b
}

func (p *onePool) PutDecompressBytes(b []byte) {
	if cap(b) <= keepBuffer {
		p.buf = b[:0]
	}
}
