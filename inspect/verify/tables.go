package verify

import "slices"

// table holds a T for each data record of a partition.
type table[T any] struct {
	offsets []int64 // ascending
	rows    []T
}

// add makes room for an offset, which grows from call to call, and returns it.
func (t *table[T]) add(offset int64) *T {
	var zero T
	t.offsets = append(t.offsets, offset)
	t.rows = append(t.rows, zero)
	return &t.rows[len(t.rows)-1]
}

// at returns what an offset holds, nil if there is no data record.
func (t *table[T]) at(offset int64) *T {
	if t == nil {
		return nil
	}
	if i, ok := slices.BinarySearch(t.offsets, offset); ok {
		return &t.rows[i]
	}
	return nil
}

func tableOf[T any](tables map[int32]*T, partition int32) *T {
	t := tables[partition]
	if t == nil {
		t = new(T)
		tables[partition] = t
	}
	return t
}

// orderTable is a partition of the orders, indexed by offset: nearly every offset has
// an order.
type orderTable struct {
	start int64
	rows  []orderRecord
	facts []orderFacts // of the rows
	pages [][]line
}

type orderRecord struct {
	first uint32 // of its lines: page and place
	count uint16 // of its lines; many if manyLines
	marks marks
}

// line is one line of an order that may be applied.
type line struct {
	price    int64 // event.Money
	product  uint32
	quantity uint32 // with lineClaimed
}

const (
	lineClaimed = 1 << 31 // quantities are at most 10^9
	// manyLines is set if the first line's quantity is the number of those behind it.
	manyLines = 1<<16 - 1
	pageBits  = 12
	pageLines = 1 << pageBits // but for a page of one order that has more
)

// add makes room up to an offset, which grows from call to call, and returns it.
func (t *orderTable) add(offset int64) *orderRecord {
	if len(t.rows) == 0 {
		t.start = offset
	}
	for int64(len(t.rows)) <= offset-t.start {
		t.rows = append(t.rows, orderRecord{})
	}
	return &t.rows[offset-t.start]
}

// orderFacts is what updates repeat of an order.
type orderFacts struct {
	id   uint64 // its hash
	time int64  // of the event, epoch ms
}

// describe sets the facts of the order at an offset that was added.
func (t *orderTable) describe(offset int64, f orderFacts) {
	for int64(len(t.facts)) <= offset-t.start {
		t.facts = append(t.facts, orderFacts{})
	}
	t.facts[offset-t.start] = f
}

// at returns the record at an offset, nil if there is no data record.
func (t *orderTable) at(offset int64) *orderRecord {
	if t == nil || offset < t.start || offset-t.start >= int64(len(t.rows)) {
		return nil
	}
	if o := &t.rows[offset-t.start]; o.marks.any(present) {
		return o
	}
	return nil
}

// keep makes room for the lines of an order.
func (t *orderTable) keep(o *orderRecord, n int) []line {
	o.count = uint16(min(n, manyLines))
	all := n
	if o.count == manyLines {
		all++
	}
	last := len(t.pages) - 1
	if last < 0 || len(t.pages[last])+all > cap(t.pages[last]) {
		t.pages = append(t.pages, make([]line, 0, max(pageLines, all)))
		last++
	}
	page := t.pages[last]
	o.first = uint32(last)<<pageBits | uint32(len(page))
	t.pages[last] = page[:len(page)+all]
	room := t.pages[last][len(page):]
	if o.count == manyLines {
		room[0].quantity = uint32(n)
		return room[1:]
	}
	return room
}

// lines returns the lines of an order.
func (t *orderTable) lines(o *orderRecord) []line {
	if o.count == 0 {
		return nil
	}
	page := t.pages[o.first>>pageBits][o.first&(pageLines-1):]
	if o.count < manyLines {
		return page[:o.count]
	}
	return page[1 : 1+page[0].quantity]
}
