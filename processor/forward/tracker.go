package forward

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tracker is what is unfinished of a partition: the records from its watermark, which is
// the first offset that is not finished, to the last one that was read. It is pure.
//
// A record that has become a dead letter stops the watermark until its letter is written,
// in one transaction with the offset behind it; so each has one letter, whatever is
// repeated after a restart.
type tracker struct {
	next    int64 // behind the last record or marker that was read
	entries []entry
	head    int // of entries
	open    int // records that are not finished
	bytes   int // of records from the watermark on
}

type entry struct {
	offset  int64
	size    int
	done    bool
	letters []*kgo.Record
}

// newTracker begins at an offset.
func newTracker(next int64) *tracker { return &tracker{next: next} }

// read adds a record. Its offset is at least that of the last one plus one: gaps are
// those of markers, and of records that were compacted.
func (t *tracker) read(offset int64, size int) {
	t.entries = append(t.entries, entry{offset: offset, size: size})
	t.next = offset + 1
	t.open++
	t.bytes += size
}

// passed says that nothing is below an offset but what was read.
func (t *tracker) passed(next int64) { t.next = max(t.next, next) }

// finish ends a record, with its dead letters. An unknown offset is ignored.
func (t *tracker) finish(offset int64, letters ...*kgo.Record) {
	e := t.find(offset)
	if e == nil || e.done {
		return
	}
	e.done, e.letters = true, letters
	t.open--
	t.advance()
}

func (t *tracker) find(offset int64) *entry {
	live := t.entries[t.head:]
	i := sort.Search(len(live), func(i int) bool { return live[i].offset >= offset })
	if i == len(live) || live[i].offset != offset {
		return nil
	}
	return &live[i]
}

// advance forgets finished records at the front.
func (t *tracker) advance() {
	for t.head < len(t.entries) && t.entries[t.head].done && len(t.entries[t.head].letters) == 0 {
		t.bytes -= t.entries[t.head].size
		t.entries[t.head] = entry{}
		t.head++
	}
	if t.head == len(t.entries) {
		t.entries, t.head = t.entries[:0], 0
	} else if t.head > 1024 && t.head > len(t.entries)/2 {
		n := copy(t.entries, t.entries[t.head:])
		clear(t.entries[n:])
		t.entries, t.head = t.entries[:n], 0
	}
}

// dead returns the dead letters at the watermark, about so many at most, and where the
// watermark is once they are written: the first offset that is not finished.
func (t *tracker) dead(limit int) (letters []*kgo.Record, next int64) {
	for _, e := range t.entries[t.head:] {
		if !e.done || len(letters) >= limit {
			return letters, e.offset
		}
		letters = append(letters, e.letters...)
	}
	return letters, t.next
}

// letterWaits reports whether dead has letters.
func (t *tracker) letterWaits() bool {
	return t.head < len(t.entries) && len(t.entries[t.head].letters) > 0 && t.entries[t.head].done
}

// written says that the letters of dead, with the offset that it returned, are written.
func (t *tracker) written(next int64) {
	for i := t.head; i < len(t.entries) && t.entries[i].offset < next; i++ {
		t.entries[i].letters = nil
	}
	t.advance()
}

// unfinished returns how many records wait for the watermark.
func (t *tracker) unfinished() int { return len(t.entries) - t.head }
