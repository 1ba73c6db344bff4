package declared

import (
	"context"
	"fmt"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// joinedTable is all versions of a table's rows.
type joinedTable struct {
	alias    string
	versions map[string][]version // by key, the oldest first
	next     map[int32]int64      // the offset after the last record, by partition
	gaps     bool                 // some records are gone
	vanished int64                // rows in lines that are none of the versions
	last     map[lookup]int       // the version that the last record with the key had; -1: it had none
}

// lookup is a key of a table as it is looked up for the records of one partition, in
// which time doesn't go back.
type lookup struct {
	source string // topic/partition
	key    string
}

func (a *audit) readTables(ctx context.Context) error {
	for _, in := range a.t.From {
		for _, j := range in.Join {
			if a.table(j.Table) != nil {
				continue
			}
			t := &joinedTable{alias: j.Table, versions: map[string][]version{}, next: map[int32]int64{}, last: map[lookup]int{}}
			a.rows = append(a.rows, t)
			if _, trimmed := a.trimmed(a.topic(j.Table)); trimmed {
				t.gaps = true
			}
			if err := a.records.Each(ctx, a.topic(j.Table), func(r *kgo.Record) { t.add(a.decode(r, false)) }); err != nil {
				return err
			}
		}
	}
	return a.away
}

func (a *audit) table(alias string) *joinedTable {
	for _, t := range a.rows {
		if t.alias == alias {
			return t
		}
	}
	return nil
}

func (t *joinedTable) add(r decoded) {
	if r.Offset != t.next[r.Partition] {
		t.gaps = true // or a marker of a transaction
	}
	t.next[r.Partition] = r.Offset + 1
	if r.Key == nil || r.badKey != nil {
		return // it is of no row
	}
	var v version
	if r.Value != nil && r.badValue == nil {
		var err error
		if v.row, err = decode(r.Value); err == nil {
			v.there = true
		}
	}
	t.versions[string(r.Key)] = append(t.versions[string(r.Key)], v)
}

// choices returns the versions of a row that a record may have been joined with, the
// oldest first: those from the one that an earlier record of its partition had. Number -1
// is that there was none yet.
func (t *joinedTable) choices(source, key string) (numbers []int) {
	from, ok := t.last[lookup{source, key}]
	if !ok {
		from = -1
	}
	for n := from; n < len(t.versions[key]); n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// version is a row at one time.
type version struct {
	row   any
	there bool // false: a tombstone, or a value that is not JSON
}

// version returns a version of a row.
func (t *joinedTable) version(key string, n int) version {
	if n < 0 {
		return version{}
	}
	return t.versions[key][n]
}

// found checks the row that a record was joined with: it must be a version of the key's,
// and not an older one than an earlier record of the same partition had.
func (a *audit) found(src event.Place, j *scenario.Join, key string, row any, at string) {
	t := a.table(j.Table)
	a.checks[checkRows].Checked++
	source := partitionOf(src)
	text := canonical(row)
	from, known := t.last[lookup{source, key}]
	if !known {
		from = -1
	}
	older := false
	for n := -1; n < len(t.versions[key]); n++ {
		if canonical(t.version(key, n).row) != text {
			continue
		}
		if n < from {
			older = true
			continue
		}
		t.last[lookup{source, key}] = n
		return
	}
	switch {
	case older:
		a.note(checkRows, verify.Finding{Key: key, Where: at, Expected: fmt.Sprintf("no older row of table %s than an earlier record of %s had", j.Table, source), Seen: text})
	case t.gaps:
		t.vanished++
	default:
		a.note(checkRows, verify.Finding{Key: key, Where: at, Expected: fmt.Sprintf("a row that table %s had for the key", j.Table), Seen: text})
	}
}
