package producer

import (
	"math"
	"time"

	"inv/internal/scenario"
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// clockText writes RFC 3339 in UTC with milliseconds. It caches the second, which
// most records share with the one before.
type clockText struct {
	second int64
	text   [20]byte // 2006-01-02T15:04:05.
	known  bool
}

func (c *clockText) append(dst []byte, ms int64) []byte {
	second := floorDiv(ms, 1000)
	if !c.known || second != c.second {
		// The years that RFC 3339 can write.
		second = min(max(second, -62135596800), 253402300799)
		time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05.")
		c.second, c.known = second, true
	}
	milli := ms - floorDiv(ms, 1000)*1000
	d := (eight(uint64(milli)) | zeros) >> 40
	return append(append(dst, c.text[:]...), byte(d), byte(d>>8), byte(d>>16), 'Z')
}

// timeLimits returns the times that can also be given in nanoseconds: from 1677 to 2262.
func timeLimits() limits { return limits{math.MinInt64 / 1_000_000, math.MaxInt64 / 1_000_000} }

// timeNode returns the node of a time, given in epoch milliseconds, in a format.
func timeNode(format string, l limits, at numFunc) *node {
	n := &node{kind: kindString, safe: true}
	switch format {
	case "epoch_s":
		return number(0, limits{floorDiv(l.low, 1000), floorDiv(l.high, 1000)}, func(w *worker, f *frame) int64 { return floorDiv(at(w, f), 1000) })
	case "rfc3339":
		n.text = func(w *worker, f *frame, dst []byte) []byte { return w.clock.append(dst, at(w, f)) }
	case "date":
		n.text = func(w *worker, f *frame, dst []byte) []byte {
			return w.clock.append(dst, at(w, f))[:len(dst)+len("2006-01-02")]
		}
	default: // epoch_ms
		n.kind, n.num, n.limits = kindNumber, at, l
		n.text = func(w *worker, f *frame, dst []byte) []byte { return w.epoch.append(dst, at(w, f)) }
	}
	return leaf(n)
}

func (b *builder) time(s *scenario.Time, key uint64) *node {
	least, span := s.Ago[0].Milliseconds(), uint64(s.Ago[1].Milliseconds()-s.Ago[0].Milliseconds())+1
	at := func(_ *worker, f *frame) int64 { return f.at - least - int64(below(mix(f.h+key), span)) }
	if s.Ago[1] == 0 {
		at = func(_ *worker, f *frame) int64 { return f.at }
	}
	n := timeNode(s.Format, timeLimits(), at)
	n.timed = true
	if s.Ago[1] == 0 && s.Format == "epoch_ms" {
		n.inline = &inline{kind: stepTime}
	}
	return n
}

func (b *builder) date(s *scenario.Date, key uint64) *node {
	const day = 86_400_000
	u := uniform{low: s.Low.UnixMilli() / day, key: key}
	u.size = uint64(s.High.UnixMilli()/day-u.low) + 1
	return timeNode(s.Format, limits{u.low * day, (u.low + int64(u.size) - 1) * day}, func(_ *worker, f *frame) int64 { return u.draw(f.h) * day })
}
