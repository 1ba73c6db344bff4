package declared

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestDueIsBoundedByWhatHolds(t *testing.T) {
	d := newDue(bytes.Compare)
	holding := map[string]int64{} // key → time
	for i := range 200_000 {
		key := fmt.Sprint("key-", i%500)
		holding[key] = int64(i + 1000)
		d.add(holding[key], dueTimer, 0, []byte(key)) // the earlier ones are stale
		if i%50 == 0 {
			d.commit(func(e *dueEntry, key []byte) (int64, bool) { return e.time, holding[string(key)] == e.time })
		}
	}
	room := 0
	for _, c := range d.keys.chunks {
		room += cap(c)
	}
	if len(d.items) > 4*dueEntriesLimit || room > 2*dueKeysLimit {
		t.Errorf("%d entries and %d bytes for 500 keys", len(d.items), room)
	}
	seen, last := 0, int64(0)
	for {
		e, key, ok := d.next(never)
		if !ok {
			break
		}
		if e.time < last {
			t.Fatalf("%d comes after %d", e.time, last)
		}
		if last = e.time; holding[string(key)] == e.time {
			seen++
		}
	}
	if seen != 500 {
		t.Errorf("%d keys, want 500", seen)
	}
}

const never = 1 << 62

func TestDueRollback(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	d := newDue(bytes.Compare)
	d.add(5, dueExpiry, 0, bytes.Repeat([]byte("long"), 100_000))
	for i := range 300 {
		d.add(rng.Int64N(20), dueKind(rng.IntN(3)), rng.IntN(3), fmt.Appendf(nil, "k%d", i%7))
	}
	take := func(until int64) (all []string) {
		for {
			e, key, ok := d.next(until)
			if !ok {
				return all
			}
			all = append(all, fmt.Sprintf("%d %d %.9s %d", e.time, e.kind, key, e.timer))
		}
	}
	first := take(10)
	d.rollback()
	want(t, take(10), first...)
	d.rollback()
	rest := append(first, take(3)...)[:0]
	rest = append(rest, take(20)...)
	for i := 1; i < len(rest); i++ {
		if rest[i] == rest[i-1] {
			t.Errorf("%s comes twice", rest[i])
		}
	}
}

// Timers that are started and stopped all the time, and keys that come and go, leave
// nothing behind.
func TestFlappingKeysLeaveNothingBehind(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {on: .on}}}
		ttl: 1h
		timers: {long: {while: $s.on, after: 1h}}
		until: .gone
		emit: [{to: x, when: long, fields: {t: $t}}]
		`)
	for n := range 2000 {
		var lines []byte
		for i := range 4 {
			lines = append(lines, r.lineOf("a/0", fmt.Sprint("k", i), int64(n), fmt.Sprintf(`{"on":%t,"gone":%t}`, n%2 == 0, n%3 == 0))...)
		}
		r.log = append(r.log, lines)
		var e effects
		if err := r.machine.Apply(int64(n), lines, &e); err != nil {
			t.Fatal(err)
		}
		if err := r.machine.Seal(func(_, _ []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		r.machine.Commit()
	}
	if n := len(r.machine.due.items); n > 2*dueEntriesLimit {
		t.Errorf("%d entries for four keys", n)
	}
}
