package fetch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Layout of a message of the formats v0 and v1, which writers older than Kafka
// 0.11 made and brokers still hand out: offset int64, length int32, checksum
// uint32, magic int8, attributes int8, in v1 a timestamp int64, then key and
// value, each with its length (-1: null) in front. A compressed message's value
// is a sequence of such messages.
const (
	oldCRCAt        = 12
	oldCRCFrom      = 16
	oldAttributesAt = 17
	oldBody         = 18
	noTimestamp     = -1
)

var errNested = errors.New("a compressed message is within another")

// oldMessage yields the record that b, one message, is, or those that it holds.
func (d *Decoder) oldMessage(b []byte, from int64, yield func(*Record) bool) (more bool, err error) {
	if len(b) < oldBody {
		return true, errShortBatch
	}
	if crc32.ChecksumIEEE(b[oldCRCFrom:]) != binary.BigEndian.Uint32(b[oldCRCAt:]) {
		return true, errChecksum
	}
	r := &d.record
	r.LeaderEpoch, r.ProducerID, r.ProducerEpoch = -1, -1, -1
	r.HeaderCount, r.headers = 0, nil
	if !oldFields(r, b) {
		return true, errShortBatch
	}
	codec := int16(b[oldAttributesAt]) & codecBits
	r.Codec, r.Transactional = uint8(codec), false
	if codec == 0 {
		return r.Offset < d.to && yield(r), nil
	}
	set, err := d.unpacker.unpack(r.Value, codec)
	if err != nil {
		return true, err
	}
	return d.oldSet(set, r.Offset, b[magicAt], from, yield)
}

// oldFields reads a message's own fields into r.
func oldFields(r *Record, b []byte) bool {
	r.Offset = int64(binary.BigEndian.Uint64(b))
	r.LogAppendTime = b[oldAttributesAt]&logAppendTimeBit != 0
	r.Timestamp = noTimestamp
	body := b[oldBody:]
	if b[magicAt] == 1 {
		if len(body) < 8 {
			return false
		}
		r.Timestamp, body = int64(binary.BigEndian.Uint64(body)), body[8:]
	}
	var ok bool
	if r.Key, body, ok = oldBytes(body); !ok {
		return false
	}
	r.Value, _, ok = oldBytes(body)
	return ok
}

// oldBytes reads a length (-1: nil) and that many bytes.
func oldBytes(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int64(int32(binary.BigEndian.Uint32(b)))
	if b = b[4:]; n > int64(len(b)) {
		return nil, nil, false
	}
	if n < 0 {
		return nil, b, true
	}
	return b[:n:n], b[n:], true
}

// oldSet yields the messages that a compressed one holds. Its offset is that of
// the last of them. In v1 theirs count from the first one of them that there
// was, and the broker's time, if it is that, is the outer one's.
func (d *Decoder) oldSet(set []byte, last int64, magic byte, from int64, yield func(*Record) bool) (more bool, err error) {
	r := &d.record
	stamped, timestamp := r.LogAppendTime, r.Timestamp
	base := int64(0)
	if magic == 1 {
		base = last - lastOf(set)
	}
	for len(set) > 0 {
		b, rest, ok := cutBatch(set)
		if !ok || len(b) < oldBody || !oldFields(r, b) {
			return true, errShortBatch
		}
		if b[oldAttributesAt]&codecBits != 0 {
			return true, errNested
		}
		set = rest
		if r.Offset += base; r.Offset < from {
			continue
		}
		if stamped {
			r.LogAppendTime, r.Timestamp = true, timestamp
		}
		if r.Offset >= d.to || !yield(r) {
			return false, nil
		}
	}
	return true, nil
}

// lastOf returns the offset field of the last message of a set.
func lastOf(set []byte) (last int64) {
	for {
		b, rest, ok := cutBatch(set)
		if !ok {
			return last
		}
		last, set = int64(binary.BigEndian.Uint64(b)), rest
	}
}
