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

	parts  map[partitionKey]*part
	byName map[groupName]*group
	byHash map[groupHash]*group // all groups; those of a note have no name until a record comes
	byCut  map[string]*group    // cuts under way that were handed out
	quiet  quietGroups
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
	g := &groups{sink: sink, wait: wait, every: max(wait, every), room: room}
	g.revoked()
	return g
}

// revoked forgets all partitions.
func (g *groups) revoked() {
	g.parts = map[partitionKey]*part{}
	g.byName = map[groupName]*group{}
	g.byHash = map[groupHash]*group{}
	g.byCut = map[string]*group{}
	g.quiet = quietGroups{}
	g.flushing = false
}

// assigned begins a partition at a committed offset, with the value of its note. All
// partitions that a cut may be in are assigned before the first record is read.
func (g *groups) assigned(at Place, cuts string, now time.Time) error {
	notes, err := decodeCuts(cuts, at.Offset)
	if err != nil {
		return err
	}
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
		o.again = o.again || n.from < n.upto
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
	case offset >= p.known && (offset-p.watermark >= maxSpan || s == nil && !hasRoom(len(p.shares)+1, g.room)):
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
	if len(o.shares) > 0 {
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
	if len(o.waiting) >= maxCutRecords || o.bytes >= maxCutBytes || g.flushing || g.early(o) {
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

// take cuts a group.
func (g *groups) take(o *group, now time.Time) *Cut {
	n, bytes := 0, 0
	for n < len(o.waiting) && n < maxCutRecords && (n == 0 || bytes+o.waiting[n].size <= maxCutBytes) {
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
	o.cut = &Cut{ID: g.cutID(o), Group: o.name.value, Grouped: true, Records: records}
	g.byCut[o.cut.ID] = o
	return o.cut
}

// collected returns a cut that was under way at a restart, if all its records are there.
func (g *groups) collected() *Cut {
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

// delivered ends a cut: it was delivered, or its records are dead letters.
func (g *groups) delivered(c *Cut, now time.Time) {
	o := g.byCut[c.ID]
	if o == nil || o.cut != c {
		return
	}
	for _, r := range c.Records {
		o.shares[g.parts[partitionKey{r.At.Topic, r.At.Partition}]].unfinished--
	}
	delete(g.byCut, c.ID)
	o.cut = nil
	g.quiet.expire(now.Add(-g.every))
	g.end(o)
}

// end makes the records of a cut sent ones.
func (g *groups) end(o *group) {
	for p, s := range o.shares {
		s.from = s.upto
		g.drop(p, o)
	}
	g.forget(o)
}

// drop drops a share that neither the note nor a record needs.
func (g *groups) drop(p *part, o *group) {
	if s := p.shares[o]; s.unfinished == 0 && s.upto <= p.watermark && !o.again {
		delete(p.shares, o)
		delete(o.shares, p)
	}
}

// advance sets a partition's watermark, and takes records for which there is room now.
func (g *groups) advance(p *part, watermark int64) {
	if watermark <= p.watermark {
		return
	}
	p.watermark = watermark
	for o := range p.shares {
		g.drop(p, o)
		g.forget(o)
	}
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
