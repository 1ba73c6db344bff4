package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

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
	To        int64  // records from here on are not meant either; 0 or Never: all are
	Batches   []byte // whole batches
	Log

	aborted       []kmsg.FetchResponseTopicPartitionAbortedTransaction
	readCommitted bool
	complete      bool
}

// ID returns the chunk's partition.
func (c *Chunk) ID() ID { return ID{c.Topic, c.Partition} }

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
	errShortBatch = errors.New("it ends before its records do")
	errChecksum   = errors.New("it does not match its checksum")
)

// BatchError says which batch of a chunk can't be read. Only that one is passed
// over.
type BatchError struct {
	Topic       string
	Partition   int32
	First, Last int64 // the batch's offsets
	More        int   // how many further batches of the chunk can't be read either
	Err         error
}

func (e *BatchError) Error() string {
	text := fmt.Sprintf("%s/%d@%d: the batch up to %d can't be read: %v", e.Topic, e.Partition, e.First, e.Last, e.Err)
	if e.More > 0 {
		text += fmt.Sprintf("; nor can %d behind it", e.More)
	}
	return text
}

// Unwrap returns what is wrong with the batch.
func (e *BatchError) Unwrap() error { return e.Err }

func parseHeader(b []byte) (h header, err error) {
	if magic := b[magicAt]; magic != 2 {
		return h, fmt.Errorf("message format v%d is not known here", magic)
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
		_, end := extent(batch)
		next = max(next, end)
		rest = after
	}
}

// Decoder walks over the records of chunks. It is for one goroutine; it keeps
// its buffers from chunk to chunk.
type Decoder struct {
	// MaxBatch is how many bytes a compressed batch may unpack to before it is
	// refused. It is set before the first use; 0: DefaultMaxBatch.
	MaxBatch int

	unpacker unpacker
	record   Record
	to       int64 // of the chunk
}

// DefaultMaxBatch is how many bytes a compressed batch may unpack to, unless
// the decoder is told otherwise.
const DefaultMaxBatch = 256 << 20

// NewDecoder returns a Decoder for all of Kafka's compression codecs.
func NewDecoder() *Decoder { return &Decoder{MaxBatch: DefaultMaxBatch} }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Each calls yield for the chunk's data records in offset order, without
// control records and, for read_committed, without aborted data. The record is
// valid until yield returns; yield may return false to stop. A batch that can't
// be read is passed over, or ends a chunk of a complete read; the error is then a
// *[BatchError] that names the first such batch.
func (d *Decoder) Each(c *Chunk, yield func(*Record) bool) error {
	log := c.Log
	d.record = Record{Topic: c.Topic, Partition: c.Partition, Log: &log}
	if d.unpacker.limit = d.MaxBatch; d.unpacker.limit <= 0 {
		d.unpacker.limit = DefaultMaxBatch
	}
	if d.to = c.To; d.to <= 0 {
		d.to = math.MaxInt64
	}
	skip := newAbortedSet(c)
	var failed *BatchError
	for rest := c.Batches; len(rest) > 0; {
		batch, after, ok := cutBatch(rest)
		if !ok {
			break
		}
		rest = after
		first, end := extent(batch)
		if end <= c.From {
			continue
		}
		more, err := d.batch(batch, c.From, skip, yield)
		switch {
		case err != nil && failed == nil:
			failed = &BatchError{Topic: c.Topic, Partition: c.Partition, First: first, Last: max(first, end-1), Err: err}
		case err != nil:
			failed.More++
		}
		if !more || failed != nil && c.complete {
			break
		}
	}
	if failed == nil {
		return nil
	}
	return failed
}

// batch yields the records of one batch; false if yield has had enough.
func (d *Decoder) batch(b []byte, from int64, skip *abortedSet, yield func(*Record) bool) (more bool, err error) {
	if b[magicAt] < 2 {
		return d.oldMessage(b, from, yield)
	}
	h, err := parseHeader(b)
	if err != nil {
		return true, err
	}
	control := h.attributes&controlBit != 0
	if !control && skip.data(&h) {
		return true, nil
	}
	if crc32.Checksum(b[crcFrom:], castagnoli) != binary.BigEndian.Uint32(b[crcAt:]) {
		return true, errChecksum
	}
	records, err := d.unpacker.unpack(b[batchOverhead:], h.attributes&codecBits)
	if err != nil {
		return true, err
	}
	if control {
		skip.control(&h, records)
		return true, nil
	}
	return d.eachOf(&h, records, from, yield)
}

// extent returns the offsets that a batch covers, end excluded.
func extent(b []byte) (first, end int64) {
	first = int64(binary.BigEndian.Uint64(b))
	if len(b) >= batchOverhead && b[magicAt] >= 2 {
		return first, first + int64(int32(binary.BigEndian.Uint32(b[23:]))) + 1
	}
	return first, first + 1
}

// eachOf yields the records of one batch from offset from on.
func (d *Decoder) eachOf(h *header, b []byte, from int64, yield func(*Record) bool) (more bool, err error) {
	r := &d.record
	r.LeaderEpoch, r.ProducerID, r.ProducerEpoch = h.epoch, h.producerID, h.producerEpoch
	r.LogAppendTime, r.Transactional = h.attributes&logAppendTimeBit != 0, h.attributes&transactionalBit != 0
	r.Codec = uint8(h.attributes & codecBits)
	for range h.count {
		length, body, ok := varint(b)
		if !ok || length < 1 || length > int64(len(body)) {
			return true, errShortBatch
		}
		b = body[length:]
		timeDelta, body, ok := varint(body[1:length]) // behind the record's attributes, which are unused
		if !ok {
			return true, errShortBatch
		}
		offsetDelta, body, ok := varint(body)
		if !ok {
			return true, errShortBatch
		}
		if r.Offset = h.base + offsetDelta; r.Offset < from {
			continue
		}
		if r.Offset >= d.to {
			return false, nil
		}
		if r.Timestamp = h.firstTimestamp + timeDelta; r.LogAppendTime {
			r.Timestamp = h.maxTimestamp
		}
		if r.Key, body, ok = varBytes(body); !ok {
			return true, errShortBatch
		}
		if r.Value, body, ok = varBytes(body); !ok {
			return true, errShortBatch
		}
		headers, body, ok := varint(body)
		if !ok || headers < 0 || headers > int64(len(body)) {
			return true, errShortBatch
		}
		r.HeaderCount, r.headers = int(headers), body
		if !yield(r) {
			return false, nil
		}
	}
	return true, nil
}
