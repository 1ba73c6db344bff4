package event

import (
	"time"

	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Envelopes encodes the CloudEvents headers of one event type for a record batch.
// It gives what [AppendHeaders] gives, but encodes the constant parts once. It is
// for one goroutine.
type Envelopes struct {
	front, middle, back []byte // before the id, between id and time, and after the time
	clock               timeText
	time                []byte
}

// NewEnvelopes returns the Envelopes of a type, a source and a content type, see
// [Envelope], with further headers behind those of CloudEvents.
func NewEnvelopes(kind, source, contentType string, further ...kgo.RecordHeader) *Envelopes {
	headers := append(AppendHeaders(nil, Envelope{Type: kind, Source: source, ContentType: contentType}), further...)
	e := &Envelopes{front: recordbatch.AppendHeaderCount(nil, len(headers))}
	to := &e.front
	for _, h := range headers {
		switch h.Key {
		case HeaderID:
			*to = recordbatch.AppendKey(*to, h.Key)
			to = &e.middle
		case HeaderTime:
			*to = recordbatch.AppendKey(*to, h.Key)
			to = &e.back
		default:
			*to = recordbatch.AppendHeader(*to, h.Key, h.Value)
		}
	}
	return e
}

// Append appends the headers of the event with an id, at a time in epoch ms.
func (e *Envelopes) Append(dst, id []byte, ms int64) []byte {
	e.time = e.clock.append(e.time[:0], ms)
	dst = recordbatch.AppendBytes(append(dst, e.front...), id)
	dst = recordbatch.AppendBytes(append(dst, e.middle...), e.time)
	return append(dst, e.back...)
}

// timeText formats times as RFC 3339 with milliseconds in UTC. It caches the date
// of the last one.
type timeText struct {
	day  int64 // since 1970
	date []byte
}

const dayMillis = 24 * 60 * 60 * 1000

func (t *timeText) append(dst []byte, ms int64) []byte {
	day := ms / dayMillis
	if ms < 0 || ms > MaxTime {
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
