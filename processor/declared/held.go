package declared

import (
	"cmp"
	"slices"
)

// held are the lines of `order: time` that wait for the stage time. What a transaction has
// released is kept until its end.
type held struct {
	queue[heldLine]

	released    []heldLine // by the transaction
	transaction uint64     // its number
	chunks      []*heldChunk
	spare       []*heldChunk

	// records are the log records of the lines, from the first that may still have one; it
	// is number dropped.
	records []heldRecord
	dropped int
}

// heldLine is a line and its place in the order.
type heldLine struct {
	time      int64
	source    int // of the clock
	offset    int64
	index     int
	record    int // number of its log record
	text      []byte
	chunk     *heldChunk
	logOffset int64

	transaction uint64 // that has added it
}

type heldRecord struct {
	offset int64
	lines  int // that are held
}

// heldChunk is memory of lines. It is used again when all of them are released.
type heldChunk struct {
	text  []byte
	lines int
}

// heldChunkBytes is the size of a chunk: smaller lines share one.
const heldChunkBytes = 64 << 10

// newHeld returns a held whose lines' sources are those of a clock.
func newHeld(c *clock) *held {
	return &held{queue: queue[heldLine]{before: func(a, b *heldLine) bool { return a.before(b, c) }}}
}

// before orders lines by time, source topic, source partition, offset and element.
func (a *heldLine) before(b *heldLine, c *clock) bool {
	if a.time != b.time {
		return a.time < b.time
	}
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
	chunk := h.chunk(len(text))
	start := len(chunk.text)
	chunk.text = append(chunk.text, text...)
	chunk.lines++
	h.push(heldLine{time: l.Time, source: source, offset: l.Offset, index: l.Index,
		record: h.dropped + n - 1, text: chunk.text[start:len(chunk.text):len(chunk.text)], chunk: chunk, logOffset: logOffset, transaction: h.transaction})
}

// chunk returns a chunk with room.
func (h *held) chunk(size int) *heldChunk {
	if n := len(h.chunks); n > 0 {
		if c := h.chunks[n-1]; cap(c.text)-len(c.text) >= size {
			return c
		}
	}
	var c *heldChunk
	if n := len(h.spare); n > 0 && size <= heldChunkBytes {
		c, h.spare = h.spare[n-1], h.spare[:n-1]
	} else {
		c = &heldChunk{text: make([]byte, 0, max(size, heldChunkBytes))}
	}
	h.chunks = append(h.chunks, c)
	return c
}

// first returns the time of the first line, if there is one.
func (h *held) first() (time int64, ok bool) {
	if len(h.items) == 0 {
		return 0, false
	}
	return h.items[0].time, true
}

// release takes the first line. Its text is valid until commit.
func (h *held) release() *heldLine {
	l := h.pop()
	h.records[l.record-h.dropped].lines--
	h.released = append(h.released, l)
	return &h.released[len(h.released)-1]
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
	for i := range h.released {
		h.released[i].chunk.lines--
	}
	clear(h.released)
	h.released = h.released[:0]
	h.recycle()
	n := 0
	for n < len(h.records) && h.records[n].lines == 0 {
		n++
	}
	h.dropped += n
	h.records = append(h.records[:0], h.records[n:]...)
}

// spareChunks is how many chunks without lines are kept.
const spareChunks = 64

// recycle finds the chunks that no line is in any more.
func (h *held) recycle() {
	live := h.chunks[:0]
	for _, c := range h.chunks {
		switch {
		case c.lines > 0:
			live = append(live, c)
		case cap(c.text) == heldChunkBytes && len(h.spare) < spareChunks:
			c.text = c.text[:0]
			h.spare = append(h.spare, c)
		}
	}
	clear(h.chunks[len(live):])
	h.chunks = live
}

// rollback holds again what the transaction has released, and forgets the lines that it
// has added.
func (h *held) rollback() {
	lines := append(h.items, h.released...)
	h.items = lines[:0]
	clear(h.released)
	h.released, h.records, h.dropped = h.released[:0], h.records[:0], 0
	offsets := map[int64]int{}
	for _, l := range lines {
		if l.transaction == h.transaction {
			l.chunk.lines--
			continue
		}
		offsets[l.logOffset]++
		h.items = append(h.items, l)
	}
	clear(lines[len(h.items):])
	h.number(offsets)
	h.order()
	h.recycle()
}

// number rebuilds the list of log records for the lines that are held.
func (h *held) number(lines map[int64]int) {
	for offset, n := range lines {
		h.records = append(h.records, heldRecord{offset, n})
	}
	slices.SortFunc(h.records, func(a, b heldRecord) int { return cmp.Compare(a.offset, b.offset) })
	for i := range h.items {
		l := &h.items[i]
		l.record, _ = slices.BinarySearchFunc(h.records, l.logOffset, func(r heldRecord, offset int64) int { return cmp.Compare(r.offset, offset) })
	}
}
