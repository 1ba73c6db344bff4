package inspect

import (
	"context"
	"fmt"

	"inv/internal/kafka/fetch"
)

// Bounds of the records that Latest keeps. Up to twice as many are kept before the
// oldest are dropped.
const (
	latestKeys  = 100_000
	latestBytes = 64 << 20
)

// latest is the last record of each key of each topic.
type latest struct {
	keys, bytes int // bounds
	records     map[latestKey]*Record
	size        int   // bytes of the records
	dropped     bool  // there are more keys
	keyless     int64 // records without a key
}

type latestKey struct{ topic, key string }

func newLatest(keys, bytes int) *latest {
	return &latest{keys: keys, bytes: bytes, records: map[latestKey]*Record{}}
}

// add takes a record, which comes after those of its partition that were added before.
// In different partitions, the later time wins.
func (l *latest) add(r *Record) {
	if r.Key == nil {
		l.keyless++
		return
	}
	id := latestKey{r.Topic, string(r.Key)}
	old := l.records[id]
	if old != nil && old.Partition != r.Partition && old.Timestamp > r.Timestamp {
		return
	}
	if old != nil {
		l.size -= weight(old)
	}
	l.records[id] = r.Clone()
	l.size += weight(r)
	if len(l.records) > 2*l.keys || l.size > 2*l.bytes && len(l.records) > 1 {
		l.trim()
	}
}

// weight is about how much memory a record takes.
func weight(r *Record) int { return len(r.Key) + len(r.Value) + 256 }

// trim keeps the newest records within the bounds. A dropped key that comes again is
// newer than it was, so what is kept is always the last record of its key.
func (l *latest) trim() {
	kept := l.newest()
	l.records, l.size = map[latestKey]*Record{}, 0
	for _, r := range kept {
		l.records[latestKey{r.Topic, string(r.Key)}] = r
		l.size += weight(r)
	}
}

// newest returns the newest records within the bounds, at least one, in the order of
// newest.
func (l *latest) newest() []*Record {
	s := &span{}
	for _, r := range l.records {
		s.found = append(s.found, r)
	}
	all := newest([]*span{s}, l.keys)
	size, first := 0, len(all)
	for first > 0 && (size < l.bytes || first == len(all)) {
		first--
		size += weight(all[first])
	}
	l.dropped = l.dropped || first > 0 || len(all) < len(s.found)
	return all[first:]
}

// latest returns the last record of each key that passes the filter: a key whose last
// record does not pass has none, whatever came before.
func (t *tail) latest(ctx context.Context, spans []*span) ([]*Record, error) {
	l := newLatest(latestKeys, latestBytes)
	parts := make([]fetch.Span, len(spans))
	for i, s := range spans {
		parts[i] = s.Span
	}
	options := fetch.ReadOptions{Decoder: t.decoder, Notice: t.notice, Damaged: t.unreadable}
	options.Known = t.known
	err := t.cluster.Read(ctx, parts, options, func(r *Record) bool {
		key, value := r.Key, r.Value
		byKey, possible := t.take(r)
		selected := possible && t.filter.selects(r, byKey)
		if t.o.Undecoded {
			r.Key, r.Value = key, value
		}
		if selected {
			l.add(r)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var passed []*Record
	for _, r := range l.newest() {
		decoded := r
		if t.o.Undecoded {
			again := *r
			decoded = &again
			t.decode(decoded)
		}
		if t.filter.match(decoded, true) {
			passed = append(passed, r)
		}
	}
	if l.dropped {
		t.notice(fmt.Sprintf("there are more keys than fit (%d, or %d MiB): only the most recently written are considered", latestKeys, latestBytes>>20))
	}
	if l.keyless > 0 {
		t.notice(fmt.Sprintf("%d without a key left out", l.keyless))
	}
	return passed, nil
}
