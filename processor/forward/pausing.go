package forward

import "time"

// Bounds of what a sink has unfinished in a process.
const (
	maxUnfinished      = 10_000
	maxUnfinishedBytes = 32 << 20
)

// stalledFor is how long nothing may be read before the partitions that are to blame wait.
const stalledFor = time.Second

// load is what a partition, or several of them, have unfinished.
type load struct{ records, bytes int }

func (l load) plus(m load) load { return load{l.records + m.records, l.bytes + m.bytes} }

// pausing bounds what is unfinished. It is pure.
//
// Nothing is read while half of the bound is unfinished, but for partitions that wait. That
// passes in a moment if all get on. If it does not, partitions wait that have more than
// their share of the other half, until they have half of that, and the others go on. As long
// as one waits, so does each that has its share. So one whose watermark stands still doesn't
// stop the others.
type pausing struct {
	bound  load
	closed time.Time // since when nothing is read, the zero time: it is
}

// reads reports whether something is to be read, given what partitions that don't wait have
// unfinished.
func (p *pausing) reads(flowing load, now time.Time) bool {
	if !p.reaches(flowing, 2) {
		p.closed = time.Time{}
		return true
	}
	if p.closed.IsZero() {
		p.closed = now
	}
	return false
}

// pause reports whether one of so many partitions has to wait; stalled says that another
// one does.
func (p *pausing) pause(own load, parts int, stalled bool, now time.Time) bool {
	stalled = stalled || !p.closed.IsZero() && now.Sub(p.closed) >= stalledFor
	return stalled && p.reaches(own, 2*parts)
}

// resume reports whether one that waits goes on.
func (p *pausing) resume(own load, parts int) bool { return !p.reaches(own, 4*parts) }

// reaches reports whether a load is at least a part of the bound.
func (p *pausing) reaches(l load, part int) bool {
	return l.records >= max(p.bound.records/part, 1) || l.bytes >= max(p.bound.bytes/part, 1)
}
