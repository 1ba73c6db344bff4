package processor

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// deadLetterSuffix ends the name of a dead-letter topic.
const deadLetterSuffix = ".dlq"

// maxReasonBytes bounds the dlq-message header.
const maxReasonBytes = 1 << 10

// recordOverhead is more than a record takes in a batch of its own beside its
// key, value and headers: the batch's frame and the lengths.
const recordOverhead = 256

// DeadLetterTopic returns the name of a topic's dead-letter topic.
func DeadLetterTopic(topic string) string { return topic + deadLetterSuffix }

// Wrote reports whether an application wrote a record of one of the topics that
// [WrittenTopics] returns. All dead letters count as its own.
func Wrote(app string, r *kgo.Record) bool {
	if strings.HasSuffix(r.Topic, deadLetterSuffix) {
		_, letter := event.FirstHeader(r.Headers, event.HeaderDLQTopic)
		return letter
	}
	source, _ := event.Header(r.Headers, event.HeaderSource)
	return string(source) == app
}

// DeadLetter returns the record that puts r, byte for byte, into its dead-letter
// topic: the reason in headers, then r's own headers. maxBytes is the largest
// batch of that topic. If the record does not fit, its value is cut, and if that
// is not enough, its key and its own headers are dropped. The result shares no
// memory with r, which is reused before the dead letter is sent.
func DeadLetter(r *kgo.Record, stage, reason, message string, maxBytes int) *kgo.Record {
	r = clone(r)
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
	headers = add(headers, event.HeaderDLQReason, reason)
	headers = add(headers, event.HeaderDLQMessage, message)
	dead := &kgo.Record{Topic: DeadLetterTopic(r.Topic), Key: r.Key, Value: r.Value, Headers: append(headers, r.Headers...)}
	if maxSize(dead) <= maxBytes {
		return dead
	}
	truncated := func(headers []kgo.RecordHeader) []kgo.RecordHeader {
		return add(headers, event.HeaderDLQTruncated, strconv.Itoa(len(r.Value)))
	}
	dead.Headers = append(truncated(headers), r.Headers...)
	if over := maxSize(dead) - maxBytes; over <= len(r.Value) {
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
