package forward

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// take cuts a group.
func (g *groups) take(o *group, now time.Time) *Cut {
	n, bytes := 0, 0
	for n < len(o.waiting) && n < g.maxRecords && (n == 0 || bytes+o.waiting[n].size <= g.maxBytes) {
		bytes += o.waiting[n].size
		n++
	}
	records := make([]*Record, n)
	for i, w := range o.waiting[:n] {
		records[i] = w.r
		s := o.shares[g.parts[partitionKey{w.r.At.Topic, w.r.At.Partition}]]
		if s.from == s.upto {
			s.from = w.r.At.Offset
		}
		s.upto = w.r.At.Offset + 1
	}
	clear(o.waiting[:n])
	if o.waiting = o.waiting[n:]; len(o.waiting) == 0 {
		o.waiting = nil
	}
	o.bytes -= bytes
	o.last = now.UnixMilli()
	return g.begin(o, records)
}

// begin makes the cut of a group whose shares are those of the cut.
func (g *groups) begin(o *group, records []*Record) *Cut {
	inOrder(records)
	o.inCut = map[*share]int{}
	for _, r := range records {
		o.inCut[o.shares[g.parts[partitionKey{r.At.Topic, r.At.Partition}]]]++
	}
	o.cut = &Cut{ID: g.cutID(o), Group: o.name.value, Grouped: true, Records: records}
	g.byCut[o.cut.ID] = o
	return o.cut
}

// collected returns a cut that was under way at a restart, if all its records are there.
func (g *groups) collected() *Cut {
	if g.again == 0 {
		return nil
	}
	var first *group
	for _, o := range g.byHash {
		if o.again && g.complete(o) && (first == nil || slices.Compare(o.hash[:], first.hash[:]) < 0) {
			first = o
		}
	}
	if first == nil {
		return nil
	}
	records := first.found
	first.again, first.found = false, nil
	g.again--
	if len(records) == 0 { // retention or compaction removed them all
		g.end(first)
		return g.collected()
	}
	return g.begin(first, records)
}

// complete reports whether all records of a cut that is collected again were read.
func (g *groups) complete(o *group) bool {
	for p, s := range o.shares {
		if s.from < s.upto && p.position < s.upto {
			return false
		}
	}
	return true
}

// awaited returns the places up to which partitions must be read before cuts that were
// under way at a restart can be sent. They are not to be paused, and where nothing is left
// to be read before such a place, passed is to be called with it.
func (g *groups) awaited() (places []Place) {
	if g.again == 0 {
		return nil
	}
	for _, p := range g.parts {
		upto := p.position
		for o, s := range p.shares {
			if o.again && s.from < s.upto {
				upto = max(upto, s.upto)
			}
		}
		if upto > p.position {
			places = append(places, Place{p.topic, p.partition, upto})
		}
	}
	return places
}

// underWay reports whether a cut is under way: it is not that of an assignment before.
func (g *groups) underWay(c *Cut) bool {
	o := g.byCut[c.ID]
	return o != nil && o.cut == c
}

// delivered ends a cut: it was delivered, or its records are dead letters.
func (g *groups) delivered(c *Cut, now time.Time) {
	if !g.underWay(c) {
		return
	}
	o := g.byCut[c.ID]
	for s, n := range o.inCut {
		s.unfinished -= n
	}
	delete(g.byCut, c.ID)
	o.cut, o.inCut = nil, nil
	g.quiet.expire(now.Add(-g.every))
	g.end(o)
}

// end makes the records of a cut sent ones.
func (g *groups) end(o *group) {
	parts := slices.Collect(maps.Keys(o.shares))
	for _, p := range parts {
		o.shares[p].from = o.shares[p].upto
		g.drop(p, o)
	}
	g.forget(o)
	for _, p := range parts {
		g.unblock(p)
	}
}

// inOrder sorts the records of a cut, see [groups].
func inOrder(records []*Record) {
	slices.SortFunc(records, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.At.Topic, b.At.Topic), cmp.Compare(a.At.Partition, b.At.Partition), cmp.Compare(a.At.Offset, b.At.Offset))
	})
	// A record counts as late as the latest one before it in its partition, so that
	// sorting by time keeps the order within partitions.
	type timed struct {
		r    *Record
		time int64
	}
	all := make([]timed, len(records))
	for i, r := range records {
		all[i] = timed{r, r.Time}
		if i > 0 && r.At.Topic == records[i-1].At.Topic && r.At.Partition == records[i-1].At.Partition {
			all[i].time = max(r.Time, all[i-1].time)
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.time, b.time) })
	for i, t := range all {
		records[i] = t.r
	}
}
