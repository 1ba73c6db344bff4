package forward

import (
	"cmp"
	"slices"
	"time"
)

// Bounds of groups.
const (
	maxCutRecords = 1000
	maxCutBytes   = 1 << 20
	// maxQuiet is how many groups that have nothing to send are remembered, for `every`.
	maxQuiet = 100_000
)

// groups collects records into cuts. One goroutine uses it.
//
// A cut takes a prefix of what it has of each partition, so [from, upto) per partition says
// which of a group's records are in the cut under way, which were sent before, and which
// are new. That is what the notes of the offsets keep (see intent.go), and all that is
// needed to collect the same cut again.
//
// The records of a cut are in an order that doesn't depend on how partitions were fetched:
// by time between partitions, and by offset within one, also where times go back.
type groups struct {
	sink        string
	wait, every time.Duration
	room        int // bytes of a partition's note at most
	maxRecords  int // of a cut
	maxBytes    int // of a cut, but for a single record

	parts  map[partitionKey]*part
	byName map[groupName]*group
	byHash map[groupHash]*group // all groups; those of a note have no name until a record comes
	byCut  map[string]*group    // cuts under way that were handed out
	quiet  quietGroups
	again  int // groups whose cut is collected again
	// flushing: nothing waits for more records.
	flushing bool
}

// groupName is a group. Replays that are for one recipient don't mix with other records.
type groupName struct{ value, recipient string }

type partitionKey struct {
	topic     string
	partition int32
}

// part is a partition.
type part struct {
	partitionKey
	watermark int64 // first unfinished offset, as of the last notes
	position  int64 // records before it were taken
	known     int64 // before it, the groups are those of the notes, which have room
	shares    map[*group]*share
	// blocked are records whose groups have no room in the note yet, and those behind them.
	blocked []blocked
}

// share is a group's part of a partition. The records before from were sent, those from
// from to upto are in the cut under way, others wait.
type share struct {
	from, upto int64
	unfinished int // records that wait or are under way
}

type group struct {
	name    groupName
	named   bool
	hash    groupHash
	shares  map[*part]*share
	waiting []waiting
	bytes   int   // of waiting
	last    int64 // when the last cut was, epoch milliseconds; 0: not known
	// cut is the one under way. While it is collected again after a restart, again is set
	// and has the records so far.
	cut   *Cut
	inCut map[*share]int // records of cut
	again bool
	found []*Record
}

type waiting struct {
	r    *Record
	size int
	at   time.Time // of arrival
}

type blocked struct {
	waiting
	name groupName
}

// newGrouper returns a grouper of the sink with that consumer group. room is how many bytes
// the value of a note may have. every is at least wait.
func newGrouper(sink string, wait, every time.Duration, room int) *groups {
	g := &groups{sink: sink, wait: wait, every: max(wait, every), room: room, maxRecords: maxCutRecords, maxBytes: maxCutBytes}
	g.reset()
	return g
}

func (g *groups) reset() {
	g.parts = map[partitionKey]*part{}
	g.byName = map[groupName]*group{}
	g.byHash = map[groupHash]*group{}
	g.byCut = map[string]*group{}
	g.quiet = quietGroups{}
	g.again, g.flushing = 0, false
}

// revoked forgets a partition, and all groups with the last one. A cut under way that has
// records of it goes on.
func (g *groups) revoked(at Place) {
	p := g.parts[partitionKey{at.Topic, at.Partition}]
	if p == nil {
		return
	}
	delete(g.parts, p.partitionKey)
	if len(g.parts) == 0 {
		g.reset()
		return
	}
	of := func(r *Record) bool { return r.At.Topic == p.topic && r.At.Partition == p.partition }
	for o := range p.shares {
		delete(o.shares, p)
		o.found = slices.DeleteFunc(o.found, of)
		o.waiting = slices.DeleteFunc(o.waiting, func(w waiting) bool { return of(w.r) })
		o.bytes = 0
		for _, w := range o.waiting {
			o.bytes += w.size
		}
		if len(o.shares) == 0 && o.again {
			o.again = false
			g.again--
		}
		g.forget(o)
	}
}

// assigned begins a partition at a committed offset, with the value of its note. All
// partitions that a cut may be in are assigned before the first record is read.
func (g *groups) assigned(at Place, cuts string, now time.Time) error {
	notes, err := decodeCuts(cuts, at.Offset)
	if err != nil {
		return err
	}
	g.revoked(at)
	key := partitionKey{at.Topic, at.Partition}
	p := &part{partitionKey: key, watermark: at.Offset, position: at.Offset, known: at.Offset, shares: map[*group]*share{}}
	g.parts[key] = p
	for _, n := range notes {
		// A clock that was set back doesn't hold a group longer than `every`.
		last := min(n.last, now.UnixMilli())
		if n.upto <= at.Offset {
			g.quiet.add(n.group, last, now.Add(-g.every))
			continue
		}
		o := g.byHash[n.group]
		if o == nil {
			o = &group{hash: n.group, shares: map[*part]*share{}}
			g.byHash[n.group] = o
		}
		o.last = max(o.last, last)
		s := &share{from: n.from, upto: n.upto}
		p.shares[o], o.shares[p] = s, s
		p.known = max(p.known, n.upto)
		if n.from < n.upto && !o.again {
			o.again = true
			g.again++
		}
	}
	return nil
}

// read takes the next record of a partition; value is its group's value, and size its
// bytes. It reports whether the record was sent before a restart, and is finished.
func (g *groups) read(r *Record, value string, size int, now time.Time) (sent bool) {
	p := g.parts[partitionKey{r.At.Topic, r.At.Partition}]
	if p == nil {
		return false
	}
	b := blocked{waiting: waiting{r: r, size: size, at: now}, name: groupName{value, r.Recipient}}
	if len(p.blocked) > 0 {
		p.blocked = append(p.blocked, b)
		return false
	}
	ok, sent := g.admit(p, b)
	if !ok {
		p.blocked = append(p.blocked, b)
		return false
	}
	p.position = r.At.Offset + 1
	return sent
}

// passed says that records of a partition before an offset were read, or don't exist.
func (g *groups) passed(at Place) {
	if p := g.parts[partitionKey{at.Topic, at.Partition}]; p != nil && len(p.blocked) == 0 {
		p.position = max(p.position, at.Offset)
	}
}

// admit gives a record to its group, unless the partition's note has no room for it.
func (g *groups) admit(p *part, b blocked) (ok, sent bool) {
	offset := b.r.At.Offset
	o := g.group(b.name)
	s := o.shares[p]
	switch {
	case s != nil && offset < s.from:
		return true, true
	case s != nil && offset < s.upto:
		o.found = append(o.found, b.r)
		s.unfinished++
		return true, false
	case offset >= p.known && (offset-p.watermark >= maxSpan || s == nil && len(p.shares) > 0 && !hasRoom(len(p.shares)+1, g.room)):
		g.forget(o)
		return false, false
	case s == nil:
		s = &share{}
		p.shares[o], o.shares[p] = s, s
	}
	s.unfinished++
	o.waiting = append(o.waiting, b.waiting)
	o.bytes += b.size
	return true, false
}

// group returns the group of a name, and makes it if it is new.
func (g *groups) group(name groupName) *group {
	o := g.byName[name]
	if o != nil {
		return o
	}
	hash := name.hash()
	if o = g.byHash[hash]; o == nil {
		o = &group{hash: hash, shares: map[*part]*share{}, last: g.quiet.take(hash)}
		g.byHash[hash] = o
	}
	o.name, o.named = name, true
	g.byName[name] = o
	return o
}

// forget drops a group that has nothing.
func (g *groups) forget(o *group) {
	if len(o.shares) > 0 || o.cut != nil {
		return
	}
	delete(g.byHash, o.hash)
	if o.named {
		delete(g.byName, o.name)
	}
	g.quiet.add(o.hash, o.last, time.Time{})
}

// cut returns a cut that is to be sent now, nil if none is due. It is under way until it is
// delivered; a group has at most one under way. Of several, the one due first comes first.
func (g *groups) cut(now time.Time) *Cut {
	if c := g.collected(); c != nil {
		return c
	}
	var first *group
	var when time.Time
	for _, o := range g.byHash {
		at := g.dueAt(o)
		if at.IsZero() || at.After(now) {
			continue
		}
		if first == nil || cmp.Or(at.Compare(when), slices.Compare(o.hash[:], first.hash[:])) < 0 {
			first, when = o, at
		}
	}
	if first == nil {
		return nil
	}
	return g.take(first, now)
}

// due returns when cut should be asked again; the zero time: nothing waits, or only for
// records or a delivery. A time in the past means at once.
func (g *groups) due() (due time.Time) {
	for _, o := range g.byHash {
		if at := g.dueAt(o); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
		if o.again && g.complete(o) {
			return time.Unix(0, 0)
		}
	}
	return due
}

// flush makes due whatever waits or is still read, for the end of a drain.
func (g *groups) flush() { g.flushing = true }

// dueAt returns when a group is to be cut; the zero time: it isn't.
func (g *groups) dueAt(o *group) time.Time {
	if len(o.waiting) == 0 || o.cut != nil || o.again {
		return time.Time{}
	}
	first := o.waiting[0].at
	if len(o.waiting) >= g.maxRecords || o.bytes >= g.maxBytes || g.flushing || g.early(o) {
		return time.Unix(0, 0)
	}
	if next := time.UnixMilli(o.last).Add(g.every); o.last != 0 && first.Before(next) {
		return next
	}
	return first.Add(g.wait)
}

// early reports whether a group is cut before its time, because it waits in a partition
// whose note is full: all of these are, oldest first, since only then does the watermark
// pass them, and the note becomes empty.
func (g *groups) early(o *group) bool {
	for p, s := range o.shares {
		if len(p.blocked) > 0 && s.unfinished > 0 {
			return true
		}
	}
	return false
}

// drop drops a share that neither the note nor a record needs.
func (g *groups) drop(p *part, o *group) {
	if s := p.shares[o]; s.unfinished == 0 && s.from == s.upto && s.upto <= p.watermark {
		delete(p.shares, o)
		delete(o.shares, p)
	}
}

// advance sets a partition's watermark.
func (g *groups) advance(p *part, watermark int64) {
	if watermark > p.watermark {
		p.watermark = watermark
		for o := range p.shares {
			g.drop(p, o)
			g.forget(o)
		}
	}
	g.unblock(p)
}

// unblock takes records for which there is room now.
func (g *groups) unblock(p *part) {
	for len(p.blocked) > 0 {
		b := p.blocked[0]
		if ok, _ := g.admit(p, b); !ok {
			return
		}
		p.position = b.r.At.Offset + 1
		p.blocked[0] = blocked{}
		p.blocked = p.blocked[1:]
	}
	p.blocked = nil
}
