package declared

import (
	"cmp"
	"slices"
)

// held are the lines of `order: time` that wait for the stage time. What a transaction has
// released is kept until its end. Lines hold no pointers: there may be many, and the garbage
// collector has nothing to follow.
type held struct {
	queue[heldPlace]
	lines []heldLine // in no order; some are free
	free  []int32    // places in lines

	released    []heldPlace // by the transaction
	transaction uint64      // its number
	texts       heldTexts

	// records are the log records of the lines, from the first that may still have one; it
	// is number dropped.
	records []heldRecord
	dropped int
}

// heldPlace is where a line is in lines. Heaps move what they have in them, so it is small.
type heldPlace struct {
	time int64 // of the line
	line int32
}

// heldLine is a line and what orders it.
type heldLine struct {
	source    int // of the clock
	offset    int64
	index     int
	record    int // number of its log record
	text      heldText
	logOffset int64

	transaction uint64 // that has added it
}

type heldRecord struct {
	offset int64
	lines  int // that are held
}

// newHeld returns a held whose lines' sources are those of a clock.
func newHeld(c *clock) *held {
	h := &held{}
	h.before = func(a, b *heldPlace) bool {
		if a.time != b.time {
			return a.time < b.time
		}
		return h.lines[a.line].before(&h.lines[b.line], c)
	}
	return h
}

// before orders lines of one time by source topic, source partition, offset and element.
func (a *heldLine) before(b *heldLine, c *clock) bool {
	if a.source != b.source {
		return c.compare(a.source, b.source) < 0
	}
	return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.index, b.index)) < 0
}

// add holds a line of a log record. It copies the text.
func (h *held) add(l *Line, source int, logOffset int64, text []byte) {
	n := len(h.records)
	if n == 0 || h.records[n-1].offset != logOffset {
		h.records = append(h.records, heldRecord{offset: logOffset})
		n++
	}
	h.records[n-1].lines++
	h.put(l.Time, heldLine{source: source, offset: l.Offset, index: l.Index,
		record: h.dropped + n - 1, text: h.texts.add(text), logOffset: logOffset, transaction: h.transaction})
}

// put queues a line.
func (h *held) put(time int64, l heldLine) {
	at := int32(len(h.lines))
	if n := len(h.free); n > 0 {
		at, h.free = h.free[n-1], h.free[:n-1]
		h.lines[at] = l
	} else {
		h.lines = append(h.lines, l)
	}
	h.push(heldPlace{time, at})
}

// first returns the time of the first line, if there is one.
func (h *held) first() (time int64, ok bool) {
	if len(h.items) == 0 {
		return 0, false
	}
	return h.items[0].time, true
}

// release takes the first line, and returns its text, which is valid until commit.
func (h *held) release() []byte {
	p := h.pop()
	l := &h.lines[p.line]
	h.records[l.record-h.dropped].lines--
	h.released = append(h.released, p)
	return h.texts.of(l.text)
}

// lowest returns the lowest log offset of a line that is held, if there is one.
func (h *held) lowest() (offset int64, ok bool) {
	for _, r := range h.records {
		if r.lines > 0 && (!ok || r.offset < offset) {
			offset, ok = r.offset, true
		}
	}
	return offset, ok
}

// commit lets go of the lines that the transaction has released.
func (h *held) commit() {
	h.transaction++
	for _, p := range h.released {
		h.drop(p)
	}
	h.released = h.released[:0]
	h.texts.recycle()
	n := 0
	for n < len(h.records) && h.records[n].lines == 0 {
		n++
	}
	h.dropped += n
	h.records = append(h.records[:0], h.records[n:]...)
}

// drop frees the place of a line.
func (h *held) drop(p heldPlace) {
	l := &h.lines[p.line]
	h.texts.drop(l.text)
	*l = heldLine{}
	h.free = append(h.free, p.line)
}

// rollback holds again what the transaction has released, and forgets the lines that it
// has added.
func (h *held) rollback() {
	all := append(h.items, h.released...)
	h.items = all[:0]
	h.released, h.records, h.dropped = h.released[:0], h.records[:0], 0
	offsets := map[int64]int{}
	for _, p := range all {
		l := &h.lines[p.line]
		if l.transaction == h.transaction {
			h.drop(p)
			continue
		}
		offsets[l.logOffset]++
		h.items = append(h.items, p)
	}
	h.number(offsets)
	h.order()
	h.texts.recycle()
}

// number rebuilds the list of log records for the lines that are held.
func (h *held) number(lines map[int64]int) {
	for offset, n := range lines {
		h.records = append(h.records, heldRecord{offset, n})
	}
	slices.SortFunc(h.records, func(a, b heldRecord) int { return cmp.Compare(a.offset, b.offset) })
	for _, p := range h.items {
		l := &h.lines[p.line]
		l.record, _ = slices.BinarySearchFunc(h.records, l.logOffset, func(r heldRecord, offset int64) int { return cmp.Compare(r.offset, offset) })
	}
}
