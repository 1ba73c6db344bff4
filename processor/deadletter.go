package processor

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

// deadLetterTopic is where a topic's bad records go.
func deadLetterTopic(topic string) string { return topic + ".dlq" }

// deadLetter is the record that puts r, byte for byte, into its dead-letter
// topic: why it is there in headers, then its own headers. maxBytes is the
// topic's largest batch; what doesn't fit is cut from the value, and if that is
// not enough the key and the record's own headers go. It holds nothing of r,
// which is used again before the dead letter is on its way.
func deadLetter(r *kgo.Record, stage string, why *event.Error, maxBytes int) *kgo.Record {
	r = clone(r)
	message := why.Message
	if len(message) > maxReasonBytes {
		message = message[:maxReasonBytes]
	}
	add := func(headers []kgo.RecordHeader, key, value string) []kgo.RecordHeader {
		return append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	headers := make([]kgo.RecordHeader, 0, 8+len(r.Headers))
	headers = add(headers, event.HeaderDLQTopic, r.Topic)
	headers = add(headers, event.HeaderDLQPartition, strconv.Itoa(int(r.Partition)))
	headers = add(headers, event.HeaderDLQOffset, strconv.FormatInt(r.Offset, 10))
	headers = add(headers, event.HeaderDLQTimestamp, strconv.FormatInt(r.Timestamp.UnixMilli(), 10))
	headers = add(headers, event.HeaderDLQStage, stage)
	headers = add(headers, event.HeaderDLQReason, string(why.Reason))
	headers = add(headers, event.HeaderDLQMessage, message)
	dead := &kgo.Record{Topic: deadLetterTopic(r.Topic), Key: r.Key, Value: r.Value, Headers: append(headers, r.Headers...)}
	if size(dead) <= maxBytes {
		return dead
	}
	truncated := func(headers []kgo.RecordHeader) []kgo.RecordHeader {
		return add(headers, event.HeaderDLQTruncated, strconv.Itoa(len(r.Value)))
	}
	dead.Headers = append(truncated(headers), r.Headers...)
	if over := size(dead) - maxBytes; over <= len(r.Value) {
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

// size is at least what a record takes in a batch of its own.
func size(r *kgo.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}
