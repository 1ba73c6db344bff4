package processor

import (
	"strconv"
	"time"

	"inv/internal/event"
	"inv/processor/runtime"

	"github.com/twmb/franz-go/pkg/kgo"
)

// envelopes makes the CloudEvents headers of one event type, as
// [event.AppendHeaders] does, without formatting what is the same each time.
type envelopes struct {
	specVersion, kind, source, contentType []byte
	clock                                  timeText
}

func newEnvelopes(kind, source string) *envelopes {
	h := event.AppendHeaders(nil, event.Envelope{Type: kind, Source: source})
	value := func(key string) []byte { v, _ := event.Header(h, key); return v }
	return &envelopes{value(event.HeaderSpecVersion), value(event.HeaderType), value(event.HeaderSource), value(event.HeaderContentType), timeText{}}
}

// of returns the headers of one event.
func (e *envelopes) of(tx *runtime.Tx, id []byte, ms int64) []kgo.RecordHeader {
	h := tx.Headers(6)
	h[0] = kgo.RecordHeader{Key: event.HeaderSpecVersion, Value: e.specVersion}
	h[1] = kgo.RecordHeader{Key: event.HeaderType, Value: e.kind}
	h[2] = kgo.RecordHeader{Key: event.HeaderSource, Value: e.source}
	h[3] = kgo.RecordHeader{Key: event.HeaderID, Value: id}
	h[4] = kgo.RecordHeader{Key: event.HeaderTime, Value: tx.Keep(e.clock.append(tx.Room(24), ms))}
	h[5] = kgo.RecordHeader{Key: event.HeaderContentType, Value: e.contentType}
	return h
}

// timeText formats times in RFC 3339 with milliseconds, in UTC. It keeps the
// date of the last one.
type timeText struct {
	day  int64 // since 1970
	date []byte
}

const dayMillis = 24 * 60 * 60 * 1000

func (t *timeText) append(dst []byte, ms int64) []byte {
	day := ms / dayMillis
	if ms < 0 || ms > event.MaxTime {
		return time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	if t.date == nil || day != t.day {
		t.day, t.date = day, time.UnixMilli(ms).UTC().AppendFormat(t.date[:0], "2006-01-02T")
	}
	rest := int(ms % dayMillis)
	dst = append(dst, t.date...)
	dst = append(appendPadded(dst, rest/3_600_000, 2), ':')
	dst = append(appendPadded(dst, rest/60_000%60, 2), ':')
	dst = append(appendPadded(dst, rest/1000%60, 2), '.')
	return append(appendPadded(dst, rest%1000, 3), 'Z')
}

// appendPadded appends n with leading zeros.
func appendPadded(dst []byte, n, digits int) []byte {
	if digits == 3 {
		dst = append(dst, byte('0'+n/100))
	}
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}

// appendID appends prefix, the product's id, a dash and seq.
func appendID(dst []byte, prefix, product string, seq int64) []byte {
	dst = append(append(append(dst, prefix...), product...), '-')
	return strconv.AppendInt(dst, seq, 10)
}
