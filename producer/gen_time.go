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

// The first and the last second of the years that RFC 3339 can write.
const firstSecond, lastSecond = -62_135_596_800, 253_402_300_799

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
		second = min(max(second, firstSecond), lastSecond)
		time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05.")
		c.second, c.known = second, true
	}
	milli := ms - floorDiv(ms, 1000)*1000
	d := (eight(uint64(milli)) | zeros) >> 40
	return append(append(dst, c.text[:]...), byte(d), byte(d>>8), byte(d>>16), 'Z')
}

const msPerDay = 86_400_000

// timeLimits returns the times that can also be given in nanoseconds: from 1677 to 2262.
func timeLimits() limits { return limits{math.MinInt64 / 1_000_000, math.MaxInt64 / 1_000_000} }

// timeNode returns the node of a time, given in epoch milliseconds, in a format.
func timeNode(format scenario.TimeFormat, l limits, at numFunc) *node {
	n := &node{kind: kindString, safe: true}
	switch {
	case format.Name == "epoch_s":
		n = number(0, limits{floorDiv(l.low, 1000), floorDiv(l.high, 1000)}, func(w *worker, f *frame) int64 { return floorDiv(at(w, f), 1000) })
	case format.Name == "epoch_us":
		n = number(0, limits{inRange(l.low) * 1000, inRange(l.high) * 1000}, func(w *worker, f *frame) int64 { return inRange(at(w, f)) * 1000 })
	case format.Name == "epoch_ns":
		n = number(0, limits{inRange(l.low) * 1_000_000, inRange(l.high) * 1_000_000}, func(w *worker, f *frame) int64 { return inRange(at(w, f)) * 1_000_000 })
	case format.Name == "rfc3339" && format.Zone == nil:
		n.text = func(w *worker, f *frame, dst []byte) []byte { return w.clock.append(dst, at(w, f)) }
	case format.Name == "date" && format.Zone == nil:
		n.text = func(w *worker, f *frame, dst []byte) []byte {
			return w.clock.append(dst, at(w, f))[:len(dst)+len("2006-01-02")]
		}
	case format.Name == "epoch_ms":
		n.kind, n.num, n.limits = kindNumber, at, l
		n.text = func(w *worker, f *frame, dst []byte) []byte { return w.epoch.append(dst, at(w, f)) }
	default:
		n.text, n.safe = layoutText(format, at)
	}
	n.instant, n.unit, n.date = at, unitOf(format), format.Name == "date"
	n.day = n.date && format.Zone == nil
	return leaf(n)
}

// The times, in epoch ms, whose nanoseconds fit 64 bits: the years 1678 to 2261.
const firstNano, lastNano = -9_214_560_000_000, 9_214_646_399_999

func inRange(ms int64) int64 { return min(max(ms, firstNano), lastNano) }

// time returns the record's time, or one before or after it or the time in a field.
func (b *builder) time(s *scenario.Time, key uint64) *node {
	low, high := -s.Ago[1].Milliseconds(), -s.Ago[0].Milliseconds()
	away := func(f *frame, span uint64) int64 { return -s.Ago[0].Milliseconds() - int64(below(mix(f.h+key), span)) }
	if s.In[1] > 0 {
		low, high = s.In[0].Milliseconds(), s.In[1].Milliseconds()
		away = func(f *frame, span uint64) int64 { return low + int64(below(mix(f.h+key), span)) }
	}
	span := uint64(high-low) + 1
	from, of := b.instant(s.Of)
	if from == nil {
		return broken()
	}
	at := from
	if low != 0 || high != 0 {
		at = func(w *worker, f *frame) int64 { return from(w, f) + away(f, span) }
	}
	n := timeNode(s.Format, timeLimits(), at)
	n.timed = true
	if of != nil {
		n.timed, n.cost, n.null = of.timed, of.cost+1, of.missing()
	} else if low == 0 && high == 0 && s.Format.Name == "epoch_ms" {
		n.inline = &inline{kind: stepTime}
	}
	if s.Format.Name == "epoch_ns" || s.Format.Name == "epoch_us" {
		b.c.fine(low, high)
	}
	return n
}

// instant returns the time in a field, in epoch ms, and its node; without a name the
// record's time.
func (b *builder) instant(name scenario.Name) (at numFunc, of *node) {
	if name.Text == "" {
		return func(_ *worker, f *frame) int64 { return f.at }, nil
	}
	of, climb := b.lookup(name.Text, name.Pos, "of")
	if of == nil {
		return nil, nil
	}
	of = of.climbed(climb)
	if of.instant != nil {
		return of.instant, of
	}
	if of.kind != kindNumber {
		b.c.problem(name.Pos, "of: %q is %s; it must be a time, or a number of epoch milliseconds", name.Text, kindNames[of.kind])
		return nil, nil
	}
	return b.c.whole(of, name.Pos, "epoch milliseconds"), of
}

func (b *builder) date(s *scenario.Date, pos scenario.Position, key uint64) *node {
	const day = msPerDay
	u := uniform{low: s.Low.UnixMilli() / day, key: key}
	u.size = uint64(s.High.UnixMilli()/day-u.low) + 1
	if name := s.Format.Name; (name == "epoch_ns" || name == "epoch_us") && (s.Low.UnixMilli() < firstNano || s.High.UnixMilli() > lastNano) {
		b.c.problem(pos, "date: %s is for the years 1678 to 2261", name)
	}
	return timeNode(s.Format, limits{u.low * day, (u.low + int64(u.size) - 1) * day}, func(_ *worker, f *frame) int64 { return u.draw(f.h) * day })
}
