package deadletter

import (
	"bytes"
	"slices"
	"strconv"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxReasonBytes bounds the dlq-message header.
const maxReasonBytes = 1 << 10

// recordOverhead is more than a record takes in a batch of its own beside its
// key, value and headers: the batch's frame and the lengths.
const recordOverhead = 256

// Refusal is why a record becomes a dead letter, and where.
type Refusal struct {
	Topic    string // of the dead letter
	Stage    string
	Reason   string
	Message  string             // cut after 1 KiB
	Headers  []kgo.RecordHeader // more, before the message
	MaxBytes int                // the largest batch of the topic
}

// New returns the record that puts r, byte for byte, into a dead-letter topic: the reason
// in headers, then r's own headers. If the record does not fit, its value is cut, and if
// that is not enough, its key and its own headers are dropped. The result shares no
// memory with r, which may be reused before the dead letter is sent.
func New(r *kgo.Record, why Refusal) *kgo.Record {
	r = clone(r)
	message := why.Message[:min(len(why.Message), maxReasonBytes)]
	add := func(headers []kgo.RecordHeader, key, value string) []kgo.RecordHeader {
		return append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	headers := make([]kgo.RecordHeader, 0, 8+len(why.Headers)+len(r.Headers))
	headers = add(headers, event.HeaderDLQTopic, r.Topic)
	headers = add(headers, event.HeaderDLQPartition, strconv.Itoa(int(r.Partition)))
	headers = add(headers, event.HeaderDLQOffset, strconv.FormatInt(r.Offset, 10))
	headers = add(headers, event.HeaderDLQTimestamp, strconv.FormatInt(r.Timestamp.UnixMilli(), 10))
	headers = add(headers, event.HeaderDLQStage, why.Stage)
	headers = add(headers, event.HeaderDLQReason, why.Reason)
	headers = append(headers, why.Headers...)
	headers = add(headers, event.HeaderDLQMessage, message)
	dead := &kgo.Record{Topic: why.Topic, Key: r.Key, Value: r.Value, Headers: append(headers, r.Headers...)}
	if maxSize(dead) <= why.MaxBytes {
		return dead
	}
	truncated := func(headers []kgo.RecordHeader) []kgo.RecordHeader {
		return add(headers, event.HeaderDLQTruncated, strconv.Itoa(len(r.Value)))
	}
	dead.Headers = append(truncated(headers), r.Headers...)
	if over := maxSize(dead) - why.MaxBytes; over <= len(r.Value) {
		dead.Value = r.Value[:len(r.Value)-over]
		return dead
	}
	dead.Key, dead.Value, dead.Headers = nil, nil, truncated(headers)
	return dead
}

func clone(r *kgo.Record) *kgo.Record {
	c := *r
	c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}

// maxSize returns at least what a record takes in a batch of its own.
func maxSize(r *kgo.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}
