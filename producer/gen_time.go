package producer

import (
	"time"

	"inv/internal/scenario"
)

// appendTime writes a time of epoch milliseconds.
type appendTime func(w *worker, dst []byte, ms int64) []byte

func timeFormat(name string) (write appendTime, isText bool) {
	switch name {
	case "epoch_s":
		return func(_ *worker, dst []byte, ms int64) []byte { return appendInt(dst, floorDiv(ms, 1000)) }, false
	case "rfc3339":
		return func(w *worker, dst []byte, ms int64) []byte { return w.clock.append(dst, ms) }, true
	case "date":
		return func(w *worker, dst []byte, ms int64) []byte {
			return w.clock.append(dst, ms)[:len(dst)+len("2006-01-02")]
		}, true
	}
	return func(w *worker, dst []byte, ms int64) []byte { return w.epoch.append(dst, ms) }, false
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// clockText writes RFC 3339 in UTC with milliseconds and remembers the second,
// since one record after another has the same.
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

func timeNode(format string, at numFunc, timed bool) *node {
	write, isText := timeFormat(format)
	n := &node{kind: kindNumber, safe: true, num: at, timed: timed}
	if isText {
		n.kind, n.num = kindString, nil
	}
	if format == "epoch_s" {
		n.num = func(w *worker, f *frame) int64 { return floorDiv(at(w, f), 1000) }
	}
	n.text = func(w *worker, f *frame, dst []byte) []byte { return write(w, dst, at(w, f)) }
	return leaf(n)
}

func (b *builder) time(s *scenario.Time, key uint64) *node {
	least, span := s.Ago[0].Milliseconds(), uint64(s.Ago[1].Milliseconds()-s.Ago[0].Milliseconds())+1
	if s.Ago[1] == 0 {
		n := timeNode(s.Format, func(_ *worker, f *frame) int64 { return f.at }, true)
		if s.Format == "epoch_ms" {
			n.short = &short{kind: theTime}
		}
		return n
	}
	return timeNode(s.Format, func(_ *worker, f *frame) int64 {
		return f.at - least - int64(below(mix(f.h+key), span))
	}, true)
}

func (b *builder) date(s *scenario.Date, key uint64) *node {
	const day = 86_400_000
	low := s.Low.UnixMilli() / day
	size := uint64(s.High.UnixMilli()/day-low) + 1
	return timeNode(s.Format, func(_ *worker, f *frame) int64 {
		return (low + int64(below(mix(f.h+key), size))) * day
	}, false)
}
