package declared

import (
	"bytes"
	"fmt"
	"testing"
)

// What holds outlives the dropping of what does not, once each, and comes in its order.
func TestDueManyEntries(t *testing.T) {
	const keys = 5 * dueEntriesLimit
	d := newDue(bytes.Compare)
	holds := func(e *dueEntry, key []byte) (int64, bool) { return e.time, e.kind != dueTimer }
	for i := range keys {
		key := fmt.Appendf(nil, "key-%05d", i*7919%keys)
		for range 2 { // it was forgotten and came back
			d.add(int64(i/2), dueExpiry, 0, key)
		}
		d.add(int64(i/2), dueTimer, 1, key) // it was stopped
		if i%100 == 0 {
			d.commit(holds)
		}
	}
	d.entriesLimit = 0
	d.commit(holds)
	if len(d.items) != keys {
		t.Fatalf("%d entries of %d are left", len(d.items), keys)
	}
	var before dueEntry
	var name []byte
	seen := map[string]bool{}
	for range keys {
		e, key, ok := d.next(keys)
		if !ok || e.kind != dueExpiry || seen[string(key)] {
			t.Fatalf("%+v %s %v", e, key, ok)
		}
		if e.time < before.time || e.time == before.time && bytes.Compare(key, name) < 0 {
			t.Fatalf("%+v %s after %+v %s", e, key, before, name)
		}
		before, name, seen[string(key)] = e, key, true
	}
	if _, key, ok := d.next(keys); ok {
		t.Errorf("%s is due once more", key)
	}
}
