package declared

import "cmp"

// held are the lines of `order: time` that wait for the stage time. What a transaction has
// released is kept until its end. It holds no pointer for each line: there may be many, and
// the garbage collector has nothing to follow.
type held struct {
	queue[heldPlace]
	clock *clock
	texts heldTexts

	released    []heldPlace // by the transaction
	transaction uint32      // its number

	// records are the log records of the lines, from the first that may still have one; it
	// is number dropped. Numbers wrap.
	records []heldRecord
	dropped uint32
}

// heldPlace is where a line is in the texts, and its time.
type heldPlace struct {
	time         int64
	chunk, start int32
}

type heldRecord struct {
	offset int64
	lines  int // that are held
}

// newHeld returns a held whose lines' sources are those of a clock.
func newHeld(c *clock) *held {
	h := &held{clock: c}
	h.before = func(a, b *heldPlace) bool {
		if a.time != b.time {
			return a.time < b.time
		}
		return h.compare(h.texts.of(*a), h.texts.of(*b)) < 0
	}
	return h
}

// compare orders lines of one time by source topic, source partition, offset and element.
func (h *held) compare(a, b heldText) int {
	if x, y := a.source(), b.source(); x != y {
		return h.clock.compare(x, y)
	}
	return cmp.Or(cmp.Compare(a.offset(), b.offset()), cmp.Compare(a.index(), b.index()))
}

// add holds a line of a log record, of a source of the clock. It copies the texts.
func (h *held) add(l *Line, source int, logOffset int64) {
	n := len(h.records)
	if n == 0 || h.records[n-1].offset != logOffset {
		h.records = append(h.records, heldRecord{offset: logOffset})
		n++
	}
	h.records[n-1].lines++
	h.push(h.texts.add(l, source, h.dropped+uint32(n-1), h.transaction))
}

// first returns the time of the first line, if there is one.
func (h *held) first() (time int64, ok bool) {
	if len(h.items) == 0 {
		return 0, false
	}
	return h.items[0].time, true
}

// release takes the first line. Its texts are valid until commit.
func (h *held) release(l *Line) {
	p := h.pop()
	h.released = append(h.released, p)
	text := h.texts.of(p)
	h.record(text).lines--
	s := &h.clock.sources[text.source()]
	*l = Line{Time: p.time, Topic: s.text, Partition: s.partition}
	text.parse(l)
}

// record returns the log record of a line.
func (h *held) record(text heldText) *heldRecord { return &h.records[text.record()-h.dropped] }

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
		h.texts.drop(p)
	}
	h.released = h.released[:0]
	h.texts.recycle()
	n := 0
	for n < len(h.records) && h.records[n].lines == 0 {
		n++
	}
	h.dropped += uint32(n)
	h.records = append(h.records[:0], h.records[n:]...)
}

// rollback holds again what the transaction has released, and forgets the lines that it
// has added. Their log records are the last ones.
func (h *held) rollback() {
	for _, p := range h.released {
		h.record(h.texts.of(p)).lines++
	}
	all := append(h.items, h.released...)
	h.items, h.released = all[:0], h.released[:0]
	for _, p := range all {
		if text := h.texts.of(p); text.transaction() == h.transaction {
			h.record(text).lines--
			h.texts.drop(p)
			continue
		}
		h.items = append(h.items, p)
	}
	n := len(h.records)
	for n > 0 && h.records[n-1].lines == 0 {
		n--
	}
	h.records = h.records[:n]
	h.order()
	h.texts.recycle()
}
