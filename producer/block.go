package producer

// A block is several records of a stream that are rendered side by side: each step
// writes its piece of all of them before the next step does. So no function values are
// called, and while one record waits for its random number or for the address of its
// next piece, the processor works on the next record. The size of each step must be
// bounded; other streams are rendered record by record.
type block struct {
	size   int // the number of records
	buf    []byte
	end    [blockRecords]int    // of what is written of them, in buf
	keyEnd [blockRecords]int    // of the keys in them
	h      [blockRecords]uint64 // their random keys
	n, at  [blockRecords]int64  // their numbers and event times
	draws  [blockRecords]int64
	rows   [blockRecords]uint64
	tally  [maxTotals + 1][blockRecords]int64
	items  items
	opened [mostSized][blockRecords]int // where what has a length begins, in buf
}

// items are the elements of the lists of all records, one record after another.
type items struct {
	of   [blockRecords*mostItems + mostItems]uint8 // the record
	h    [blockRecords*mostItems + mostItems]uint64
	rows [blockRecords*mostItems + mostItems]uint64
}

const (
	// More records would not fit in the processor's first-level cache.
	blockRecords = 32
	// mostItems is the largest length of a list in a block.
	mostItems = 8
	// mostWidth bounds the width of a record in a block, in bytes.
	mostWidth = 1024
)

// overshoot bounds how many bytes beyond its end a step may write.
const overshoot = 64

// width returns the largest number of bytes that the program writes, including those
// beyond its end; false if it is not bounded.
func (p *program) width() (total int, ok bool) {
	total = overshoot
	for i := range p.steps {
		s := &p.steps[i]
		total += s.before.size
		switch s.kind {
		case stepLiteral:
		case stepNumber, stepTime, stepTotal:
			total += len("-9223372036854775808") + len("0.")
		case stepBinaryNumber, stepBinaryTime, stepBinaryInt, stepBinaryTotal:
			total += mostBinary
		case stepInt:
			total += max(len(appendInt(nil, s.low)), len(appendInt(nil, s.low+int64(s.size-1))))
		case stepRow:
			total += s.draw.longest()
		case stepList:
			if s.list.most < 0 || s.list.most > mostItems {
				return 0, false
			}
			total += s.list.most*s.list.longest() + 1
		default:
			return 0, false
		}
	}
	return total, true
}

func (d *draw) longest() (size int) {
	for i := range d.rows {
		size = max(size, d.rows[i].size)
	}
	return size
}

// room returns where record i continues.
func (b *block) room(i int) *[stepRoom]byte { return (*[stepRoom]byte)(b.buf[b.end[i]:]) }

// column writes a step's piece of all records.
func (s *step) column(w *worker, b *block) {
	if s.opens > 0 {
		for i, end := range b.end[:b.size] {
			b.opened[s.slot][i] = end + int(s.opens)
		}
	}
	s.write(w, b)
	if s.ends {
		b.keyEnd = b.end
	}
	if s.closes.slot > 0 {
		for i, at := range b.opened[s.closes.slot-1][:b.size] {
			b.buf[at-1] = byte(b.end[i]-at) << s.closes.shift
		}
	}
}

func (s *step) write(w *worker, b *block) {
	switch s.kind {
	case stepLiteral:
		b.literals(&s.before)
	case stepRow:
		s.draw.column(b)
	case stepList:
		b.literals(&s.before)
		s.list.column(b)
	case stepNumber:
		b.counted(s, &w.number, b.n[:b.size])
	case stepTime:
		b.counted(s, &w.epoch, b.at[:b.size])
	case stepInt:
		for i, h := range b.h[:b.size] {
			b.draws[i] = s.uniform.draw(h)
		}
		b.ints(&s.before, b.draws[:b.size])
	case stepTotal:
		of := b.tally[s.total.slot][:b.size]
		if round := s.total.round; round != nil {
			for i, v := range of {
				of[i] = round(v)
			}
		}
		b.decimals(&s.before, of, s.total.dec)
	case stepBinaryNumber:
		for i, n := range b.n[:b.size] {
			b.draws[i] = s.low + n
		}
		b.binaries(s, b.draws[:b.size])
	case stepBinaryTime:
		b.times(s, b.at[:b.size])
	case stepBinaryInt:
		for i, h := range b.h[:b.size] {
			b.draws[i] = s.uniform.draw(h)
		}
		b.binaries(s, b.draws[:b.size])
	case stepBinaryTotal:
		of := b.tally[s.total.slot][:b.size]
		if round := s.total.round; round != nil {
			for i, v := range of {
				of[i] = round(v)
			}
		}
		b.binaries(s, of)
	}
}

func (b *block) literals(l *literal) {
	for i := range b.size {
		l.put(b.room(i))
		b.end[i] += l.size
	}
}

// counted writes numbers that increase in small steps.
func (b *block) counted(s *step, t *thousands, of []int64) {
	for i, v := range of {
		room := b.room(i)
		s.before.put(room)
		b.end[i] += s.before.size + t.put((*[digitsRoom]byte)(room[s.before.size:]), v+s.low)
	}
}

func (b *block) ints(before *literal, of []int64) {
	for i, v := range of {
		room := b.room(i)
		before.put(room)
		b.end[i] += before.size + putInt((*[digitsRoom]byte)(room[before.size:]), v)
	}
}

func (b *block) decimals(before *literal, of []int64, dec int) {
	for i, v := range of {
		room := b.room(i)
		before.put(room)
		b.end[i] += before.size + putDecimal((*[digitsRoom]byte)(room[before.size:]), v, dec)
	}
}

func (b *block) binaries(s *step, of []int64) {
	for i, v := range of {
		room := b.room(i)
		s.before.put(room)
		b.end[i] += s.before.size + s.binary.put((*[digitsRoom]byte)(room[s.before.size:]), v)
	}
}

// times writes numbers of which many are equal to the one before.
func (b *block) times(s *step, of []int64) {
	var text [digitsRoom]byte
	size := 0
	for i, v := range of {
		if i == 0 || v != of[i-1] {
			size = s.binary.put(&text, v)
		}
		room := b.room(i)
		s.before.put(room)
		*(*[digitsRoom]byte)(room[s.before.size:]) = text
		b.end[i] += s.before.size + size
	}
}

// numbers draws the rows of all random keys, pick by pick.
func (d *draw) numbers(rows, h []uint64) {
	clear(rows)
	rows = rows[:len(h)]
	for i := range d.picks {
		p := &d.picks[i]
		key, size := p.key, p.size
		if p.draw != nil || len(p.apart) > 0 {
			for j, h := range h {
				rows[j] = rows[j]*size + uint64(p.row(h))
			}
			continue
		}
		for j, h := range h {
			rows[j] = rows[j]*size + below(mix(h+key), size)
		}
	}
}

func (d *draw) column(b *block) {
	d.numbers(b.rows[:b.size], b.h[:b.size])
	for i, at := range b.rows[:b.size] {
		row := &d.rows[at]
		row.put(b.room(i))
		b.end[i] += row.size
	}
}

// column writes the lists of all records. Their elements are put in one array first,
// since the processor would mispredict the end of a loop over each list.
func (l *rowList) column(b *block) {
	for i, h := range b.h[:b.size] {
		b.draws[i] = l.lengths.draw(h)
	}
	items, size := &b.items, 0
	for i, h := range b.h[:b.size] {
		h += l.key
		for j := range l.most {
			h += golden
			items.of[size+j], items.h[size+j] = uint8(i), h
		}
		size += int(b.draws[i])
	}
	for j, h := range items.h[:size] {
		items.h[j] = mix(h)
	}
	l.numbers(items.rows[:size], items.h[:size])
	if l.form == listCounted {
		for i, n := range b.draws[:b.size] {
			b.buf[b.end[i]] = byte(2 * n)
			b.end[i] += int(min(n, 1))
		}
	}
	tally := &b.tally[l.slot]
	clear(tally[:b.size])
	for j, at := range items.rows[:size] {
		row, i := &l.rows[at], items.of[j]%blockRecords
		row.put(b.room(int(i)))
		b.end[i] += row.size
		tally[i] += row.tally
	}
	if l.form != listCommas {
		return
	}
	for i, n := range b.draws[:b.size] {
		if n > 0 {
			b.end[i]--
		}
	}
}
