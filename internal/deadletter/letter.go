// Package deadletter reads and replays dead letters.
//
// A dead letter is a record that a processor refused, byte for byte, with its origin
// and the reason in headers. A replay writes it to its original partition, or into the
// topic that a dlq-replay-to header names, with a dlq-replay header that names the dead
// letter. It happens once: a replay first looks for that header, and the processor treats
// a second copy as a duplicate.
package deadletter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is one dead letter.
type Letter struct {
	At      event.Place // in the dead-letter topic
	From    event.Place // the record that was refused
	Time    time.Time   // when it was dead-lettered
	Written time.Time   // the refused record's timestamp
	Stage   string
	Reason  event.Reason
	Message string
	Length  int // of the value before it was truncated; 0: it is complete
	Key     []byte
	Value   []byte
	Headers []kgo.RecordHeader // of the refused record
	History []string           // earlier refusals, oldest first

	// ReplayTo is the topic into which it is replayed; "": the one it came from.
	ReplayTo string
	// Recipient is whom its message was for, if the others got theirs; else "".
	Recipient string

	source *kgo.Record
}

// Source returns the dead letter as it is in its topic, with all headers. It shares
// the letter's key and value.
func (l *Letter) Source() *fetch.Record { return fetched(l.source) }

// ErrNotALetter is returned by Parse for a record without its origin in headers.
var ErrNotALetter = errors.New("not a dead letter")

// prefix is the prefix of all headers of dead letters.
const prefix = "dlq-"

// Parse parses a record of a dead-letter topic. The letter shares its bytes.
func Parse(r *kgo.Record) (*Letter, error) {
	l := &Letter{
		At: event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Time: r.Timestamp, Written: r.Timestamp,
		Key: r.Key, Value: r.Value, source: r,
	}
	header := func(key string) string {
		value, _ := event.FirstHeader(r.Headers, key)
		return string(value)
	}
	partition, err1 := strconv.ParseInt(header(event.HeaderDLQPartition), 10, 32)
	offset, err2 := strconv.ParseInt(header(event.HeaderDLQOffset), 10, 64)
	l.From = event.Place{Topic: header(event.HeaderDLQTopic), Partition: int32(partition), Offset: offset}
	if l.From.Topic == "" || errors.Join(err1, err2) != nil || partition < 0 || offset < 0 {
		return nil, fmt.Errorf("%s: %w: its headers lack a valid origin", l.At, ErrNotALetter)
	}
	if ms, err := strconv.ParseInt(header(event.HeaderDLQTimestamp), 10, 64); err == nil && ms >= 0 && ms <= event.MaxTime {
		l.Written = time.UnixMilli(ms)
	}
	l.Stage, l.Reason, l.Message = header(event.HeaderDLQStage), event.Reason(header(event.HeaderDLQReason)), header(event.HeaderDLQMessage)
	if n, err := strconv.Atoi(header(event.HeaderDLQTruncated)); err == nil && n > 0 {
		l.Length = n
	}
	ours := true // not yet those of the refused record
	for _, h := range r.Headers {
		switch {
		case h.Key == event.HeaderDLQMessage:
			ours = false
		case h.Key == event.HeaderDLQReplayTo && ours:
			l.ReplayTo = string(h.Value)
		case h.Key == event.HeaderDLQRecipient && ours:
			l.Recipient = string(h.Value)
		case h.Key == event.HeaderDLQHistory:
			l.History = append(l.History, string(h.Value))
		case !strings.HasPrefix(h.Key, prefix):
			l.Headers = append(l.Headers, h)
		}
	}
	return l, nil
}

// setHeaders sets headers of the record that is replayed, instead of those of their names.
func (l *Letter) setHeaders(headers []kgo.RecordHeader) {
	for _, to := range headers {
		l.Headers = slices.DeleteFunc(slices.Clone(l.Headers), func(h kgo.RecordHeader) bool { return h.Key == to.Key })
		if to.Value != nil {
			l.Headers = append(l.Headers, to)
		}
	}
}

// Timed reports whether the letter is of a step that no record caused, so that there is
// nothing to replay.
func (l *Letter) Timed() bool { return l.Reason == event.Timer }

// Cut reports whether the value is truncated, so that it can't be replayed.
func (l *Letter) Cut() bool { return l.Length > 0 }

// Limits of a replayed record's history. Each refusal has a message of at most 1 KiB.
const (
	maxHistory = 16      // refusals, the last ones
	maxRefusal = 2 << 10 // bytes of one
)

// history returns the history of the replayed record, oldest first, and reports
// whether older refusals are omitted.
func (l *Letter) history(more ...string) (list []string, trimmed bool) {
	refusal := fmt.Sprintf("%s refused by %s at %s: %s: %s", l.From, l.Stage, l.At, l.Reason, l.Message)
	list = append(append(slices.Clone(l.History), refusal), more...)
	if trimmed = len(list) > maxHistory; trimmed {
		list = list[len(list)-maxHistory:]
	}
	for i, text := range list {
		list[i] = text[:min(len(text), maxRefusal)]
	}
	return list, trimmed
}

// target returns the partition into which the letter is replayed, and the first offset
// there that a replay of it may have.
func (l *Letter) target() event.Place {
	if l.ReplayTo != "" {
		return event.Place{Topic: l.ReplayTo}
	}
	return event.Place{Topic: l.From.Topic, Partition: l.From.Partition, Offset: l.From.Offset + 1}
}

// record returns the record of a replay: the original with a value and a history. In
// another topic than the original's, it has the origin in headers, as the letter does.
func (l *Letter) record(value []byte, history []string) *kgo.Record {
	headers := slices.Clone(l.Headers)
	add := func(key, value string) {
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	if l.ReplayTo != "" {
		add(event.HeaderDLQTopic, l.From.Topic)
		add(event.HeaderDLQPartition, strconv.Itoa(int(l.From.Partition)))
		add(event.HeaderDLQOffset, strconv.FormatInt(l.From.Offset, 10))
		add(event.HeaderDLQTimestamp, strconv.FormatInt(l.Written.UnixMilli(), 10))
		if l.Recipient != "" {
			add(event.HeaderDLQRecipient, l.Recipient)
		}
	}
	for _, h := range history {
		add(event.HeaderDLQHistory, h)
	}
	add(event.HeaderDLQReplay, l.At.String())
	to := l.target()
	return &kgo.Record{Topic: to.Topic, Partition: to.Partition, Timestamp: l.Written, Key: l.Key, Value: value, Headers: headers}
}
