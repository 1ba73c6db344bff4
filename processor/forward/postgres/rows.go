package postgres

import (
	"bytes"
	"io"
	"slices"

	"inv/processor/forward"
)

// rows are encoded rows, in the order of their records.
type rows struct {
	buf  []byte
	list []rowOf
	from int // where the first one begins in buf
}

// rowOf is a row in the buffer, which begins where the one before it ends.
type rowOf struct {
	table  *table
	record *forward.Record
	end    int
}

func (b *rows) len() int { return len(b.list) }

func (b *rows) size() int { return len(b.buf) - b.from }

// drop removes the first n rows.
func (b *rows) drop(n int) {
	if n == len(b.list) {
		b.clear()
		return
	}
	b.from = b.start(n)
	b.list = slices.Delete(b.list, 0, n)
}

func (b *rows) clear() {
	clear(b.list) // so that the records can go
	b.buf, b.list, b.from = b.buf[:0], b.list[:0], 0
}

func (b *rows) start(i int) int {
	if i == 0 {
		return b.from
	}
	return b.list[i-1].end
}

// tables returns the tables of the first n rows.
func (b *rows) tables(n int) []*table {
	var list []*table
	for i := range b.list[:n] {
		if t := b.list[i].table; (len(list) == 0 || list[len(list)-1] != t) && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// tombstones reports whether the first n rows have one of an upsert table.
func (b *rows) tombstones(n int, t *table) bool {
	return t.upsert && slices.ContainsFunc(b.list[:n], func(r rowOf) bool { return r.table == t && r.record.Value == nil })
}

// reader returns the first n rows, those of t, as COPY takes them.
func (b *rows) reader(n int, t *table) io.Reader {
	parts := []io.Reader{bytes.NewReader(copyHeader)}
	for i := 0; i < n; {
		if b.list[i].table != t {
			i++
			continue
		}
		start := b.start(i)
		for i < n && b.list[i].table == t {
			i++
		}
		parts = append(parts, bytes.NewReader(b.buf[start:b.list[i-1].end]))
	}
	return io.MultiReader(append(parts, bytes.NewReader(copyTrailer))...)
}

// index returns which of the rows is the line-th one of t, or -1. Lines begin at 1.
func (b *rows) index(t *table, line int) int {
	for i := range b.list {
		if b.list[i].table == t {
			if line--; line == 0 {
				return i
			}
		}
	}
	return -1
}
