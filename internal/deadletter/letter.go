// Package deadletter reads dead-letter topics and puts their records back.
//
// A dead letter is a record that a processor refused: its bytes, untouched, with
// headers that say where it came from and why. Putting it back writes it to the
// partition that it came from, with a dlq-replay header that names the dead
// letter, so that it is done once: by looking for that header before writing, and
// by the processor, to which a second copy is a duplicate.
package deadletter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is one dead letter.
type Letter struct {
	At      event.Place // in the dead-letter topic
	From    event.Place // the record that was refused
	Time    time.Time   // when it was dead-lettered
	Written time.Time   // the refused record's own timestamp
	Stage   string
	Reason  event.Reason
	Message string
	Length  int // of the value before it was cut, 0 if it is whole
	Key     []byte
	Value   []byte
	Headers []kgo.RecordHeader // the record's own
	History []string           // earlier refusals, oldest first
}

// ErrNotALetter is wrapped by Parse's error for a record that does not say what
// it is the dead letter of.
var ErrNotALetter = errors.New("not a dead letter")

// prefix is of all headers that belong to dead-lettering.
const prefix = "dlq-"

// Parse reads a record of a dead-letter topic. The letter shares the record's
// bytes.
func Parse(r *kgo.Record) (*Letter, error) {
	l := &Letter{
		At: event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, Time: r.Timestamp, Written: r.Timestamp,
		Key: r.Key, Value: r.Value,
	}
	header := func(key string) string {
		value, _ := event.FirstHeader(r.Headers, key)
		return string(value)
	}
	partition, err1 := strconv.ParseInt(header(event.HeaderDLQPartition), 10, 32)
	offset, err2 := strconv.ParseInt(header(event.HeaderDLQOffset), 10, 64)
	l.From = event.Place{Topic: header(event.HeaderDLQTopic), Partition: int32(partition), Offset: offset}
	if l.From.Topic == "" || errors.Join(err1, err2) != nil || partition < 0 || offset < 0 {
		return nil, fmt.Errorf("%s: %w: its headers do not say where it came from", l.At, ErrNotALetter)
	}
	if ms, err := strconv.ParseInt(header(event.HeaderDLQTimestamp), 10, 64); err == nil && ms >= 0 && ms <= event.MaxTime {
		l.Written = time.UnixMilli(ms)
	}
	l.Stage, l.Reason, l.Message = header(event.HeaderDLQStage), event.Reason(header(event.HeaderDLQReason)), header(event.HeaderDLQMessage)
	if n, err := strconv.Atoi(header(event.HeaderDLQTruncated)); err == nil && n > 0 {
		l.Length = n
	}
	for _, h := range r.Headers {
		switch {
		case h.Key == event.HeaderDLQHistory:
			l.History = append(l.History, string(h.Value))
		case !strings.HasPrefix(h.Key, prefix):
			l.Headers = append(l.Headers, h)
		}
	}
	return l, nil
}

// Cut reports whether the value is not whole, so that it can't be put back.
func (l *Letter) Cut() bool { return l.Length > 0 }

// record returns what puts the letter back: the record as it was, in its partition,
// with its history.
func (l *Letter) record() *kgo.Record {
	headers := append([]kgo.RecordHeader(nil), l.Headers...)
	for _, h := range append(l.History, l.refusal()) {
		headers = append(headers, kgo.RecordHeader{Key: event.HeaderDLQHistory, Value: []byte(h)})
	}
	headers = append(headers, kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte(l.At.String())})
	return &kgo.Record{Topic: l.From.Topic, Partition: l.From.Partition, Timestamp: l.Written, Key: l.Key, Value: l.Value, Headers: headers}
}

// refusal returns this refusal as the history tells it.
func (l *Letter) refusal() string {
	return fmt.Sprintf("%s refused by %s at %s: %s: %s", l.From, l.Stage, l.At, l.Reason, l.Message)
}
