package verify

import (
	"fmt"
	"slices"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// envelope is what surrounds the value of an output.
type envelope struct {
	kafka  int64  // its Kafka timestamp, epoch ms
	spread uint32 // the key's hash, from which its partition follows
	headed bool   // it has CloudEvents headers
	own    bool   // which don't name another application
	defect defect // the first thing that is wrong with it
}

// defect is something wrong with a record by itself. Without one both texts are empty.
type defect struct{ expected, seen text }

func (p *parser) defect(e *envelope, expected, seen string) {
	if e.defect.expected.size == 0 {
		e.defect = defect{p.keep(expected), p.keep(seen)}
	}
}

// own reports whether the record is this program's, of the application that is
// expected, by its CloudEvents headers. It has all that a record may have then.
func (p *parser) own(r *kgo.Record) (own, headed bool) {
	if p.o.App == "" {
		return false, false
	}
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case event.HeaderSource:
			if len(h.Value) > 0 && string(h.Value) != p.o.App {
				return false, true
			}
			headed = true
		case event.HeaderSpecVersion, event.HeaderType, event.HeaderID, event.HeaderTime, event.HeaderContentType:
			headed = true
		}
	}
	return headed, headed
}

// surround reads what surrounds an output with this key, type, id and event time.
func (p *parser) surround(r *kgo.Record, e *envelope, key, kind string, id []byte, ms int64) {
	e.kafka = r.Timestamp.UnixMilli()
	if p.appendTime {
		e.kafka = ms // the broker's clock says nothing
	}
	e.own, e.headed = p.own(r)
	if string(p.key) != key && (p.key != nil || e.own) {
		p.defect(e, fmt.Sprintf("key %.*q", mostShown, key), describeKey(p.key))
	}
	if !e.own {
		return
	}
	e.spread = partition.Hash(r.Key)
	p.cloudEvent(r, e, kind, id, ms)
}

func describeKey(key []byte) string {
	if key == nil {
		return "no key"
	}
	return fmt.Sprintf("key %.*q", mostShown, key)
}

// mostShown bounds what a finding repeats of a key or a header, in bytes.
const mostShown = 200

// timeKnown reports whether a time is one. Others are replaced by whatever the
// writer sees fit.
func timeKnown(ms int64) bool { return ms >= 0 && ms <= event.MaxTime }

// timeLayout is that of ce_time.
const timeLayout = "2006-01-02T15:04:05.000Z"

func formatTime(ms int64) string { return time.UnixMilli(ms).UTC().Format(timeLayout) }

// ceTime returns a time as ce_time has it, valid until the next call. Formatting it
// costs as much as parsing half an update, so the date of the last one is kept.
func (p *parser) ceTime(ms int64) []byte {
	const day = 24 * 60 * 60 * 1000
	if !timeKnown(ms) {
		p.time, p.day = time.UnixMilli(ms).UTC().AppendFormat(p.time[:0], timeLayout), 0
		return p.time
	}
	if p.day != 1+ms/day {
		p.time, p.day = time.UnixMilli(ms).UTC().AppendFormat(p.time[:0], timeLayout), 1+ms/day
		return p.time
	}
	digits := p.time[len("2006-01-02T"):]
	rest := int(ms % day)
	two := func(at, n int) { digits[at], digits[at+1] = byte('0'+n/10), byte('0'+n%10) }
	two(0, rest/3_600_000)
	two(3, rest/60_000%60)
	two(6, rest/1000%60)
	digits[9] = byte('0' + rest%1000/100)
	two(10, rest%100)
	return p.time
}

// The headers that an output of this program has, each once.
const (
	sawSpecVersion = 1 << iota
	sawType
	sawSource
	sawID
	sawTime
	sawContentType
	sawAll = 1<<iota - 1
)

// headerNames are those of the bits above.
var headerNames = [...]string{event.HeaderSpecVersion, event.HeaderType, event.HeaderSource, event.HeaderID, event.HeaderTime, event.HeaderContentType}

// cloudEvent checks the CloudEvents headers of a record that has some.
func (p *parser) cloudEvent(r *kgo.Record, e *envelope, kind string, id []byte, ms int64) {
	saw := 0
	for i := range r.Headers {
		h := &r.Headers[i]
		bit := 0
		right := true
		switch h.Key {
		case event.HeaderSpecVersion:
			bit, right = sawSpecVersion, string(h.Value) == "1.0"
		case event.HeaderType:
			bit, right = sawType, string(h.Value) == kind || kind == event.TypeReorder && event.CheckVersion(r.Headers) != nil // for procurement to refuse
		case event.HeaderSource:
			bit, right = sawSource, len(h.Value) > 0
		case event.HeaderID:
			bit, right = sawID, string(h.Value) == string(id)
		case event.HeaderTime:
			bit, right = sawTime, string(h.Value) == string(p.ceTime(ms))
		case event.HeaderContentType:
			bit, right = sawContentType, string(h.Value) == p.contentType(r.Topic)
		default:
			continue
		}
		if !right {
			want := [...]string{"1.0", kind, p.o.App, string(id), formatTime(ms), p.contentType(r.Topic)}[slices.Index(headerNames[:], h.Key)]
			p.defect(e, h.Key+" "+want, fmt.Sprintf("%s %.*q", h.Key, mostShown, h.Value))
		}
		if saw&bit != 0 {
			p.defect(e, h.Key+" once", "twice")
		}
		saw |= bit
	}
	for i, name := range headerNames {
		if saw&(1<<i) == 0 {
			p.defect(e, "a header "+name, "none")
		}
	}
}

// outputs are the topics whose envelopes are checked.
const (
	outUpdates = iota
	outReorders
	outAlerts
	outReceipts
	outCount
)

// envelope judges what surrounds an output.
func (a *auditor) envelope(out int, at place, i uint32, e *envelope) {
	p := &a.products[i]
	a.checks[checkEnvelope].Checked++
	if e.defect.expected.size > 0 {
		a.note(checkEnvelope, Finding{Product: p.id, Where: at.String(), Expected: a.text(e.defect.expected), Seen: a.text(e.defect.seen)})
	}
	if a.o.App != "" {
		a.headed[out].see(e.headed, at)
	}
	if !e.own {
		return
	}
	a.ownSeen = true
	fresh := out == outReorders || p.seen&(1<<out) == 0
	p.seen |= 1 << out
	a.placed(at, p.id, e.spread, fresh)
}

// habit counts which records of a kind have something.
type habit struct {
	having, lacking int64
	first           place // that lacks it
}

func (h *habit) see(has bool, at place) {
	if has {
		h.having++
		return
	}
	if h.lacking++; h.lacking == 1 {
		h.first = at
	}
}

// lacking notes a finding if some records lack what all should have.
func (a *auditor) lacking(h *habit, check int, what string) {
	if h.lacking > 0 {
		a.note(check, Finding{Where: h.first.String(), Expected: what + " in all records", Seen: fmt.Sprintf("none in %s, of which this is the first", Counted(h.lacking, "record"))})
	}
}
