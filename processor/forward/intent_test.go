package forward

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestCutsRoundTrip decodes what was encoded, of the largest numbers, too, and measures
// that an entry is never larger than room is reserved for.
func TestCutsRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(18, 18))
	for range 2000 {
		offset := rnd.Int64N(1 << 50)
		base := 1 + rnd.Int64N(1<<49-1)
		var want []cutNote
		for i := range 1 + rnd.IntN(100) {
			n := cutNote{group: groupName{value: fmt.Sprint(i)}.hash(), from: offset + rnd.Int64N(1<<rnd.IntN(29)), last: max(0, base-rnd.Int64N(1<<rnd.IntN(36))%(maxAge+1))}
			n.upto = n.from + rnd.Int64N(maxSpan-(n.from-offset)+1)
			if rnd.IntN(4) == 0 {
				n.last = 0
			}
			want = append(want, n)
		}
		value := encodeCuts(want, offset)
		if !hasRoom(len(want), max(len(value), base64.RawURLEncoding.EncodedLen(headSize+len(want)*entrySize))) || len(value) > base64.RawURLEncoding.EncodedLen(headSize+len(want)*entrySize) {
			t.Fatalf("%d groups take %d bytes", len(want), len(value))
		}
		got, err := decodeCuts(value, offset)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	}
}

// TestNotesRoom fills notes with groups that are quiet.
func TestNotesRoom(t *testing.T) {
	for _, room := range []int{0, 10, 40, 100, 3500} {
		g := newGrouper("s", 0, time.Hour, room)
		for i := range 1000 {
			g.quiet.add(groupName{value: fmt.Sprint(i)}.hash(), start.UnixMilli()+int64(i), time.Time{})
		}
		assigned(t, g, nil, 0, 1)
		for i, note := range g.notes([]Place{{"t", 0, 0}, {"t", 1, 0}}, after(5)) {
			if len(note) > room || room >= 100 && len(note) < room/3 {
				t.Errorf("note %d has %d bytes, and room is %d", i, len(note), room)
			}
			notes, err := decodeCuts(note, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(notes) > 0 && i == 0 && notes[0].last != start.UnixMilli()+999 {
				t.Errorf("the latest cut is at %d", notes[0].last-start.UnixMilli())
			}
		}
	}
}

func TestQuietGroupsBound(t *testing.T) {
	var q quietGroups
	for i := range int64(maxQuiet + 100) {
		q.add(groupName{value: fmt.Sprint(i)}.hash(), 1+i, time.Time{})
	}
	if len(q.last) != maxQuiet || len(q.order) != maxQuiet {
		t.Errorf("%d groups are remembered, %d in order", len(q.last), len(q.order))
	}
	if got := q.take(groupName{value: "99"}.hash()); got != 0 {
		t.Error("the oldest group is remembered")
	}
	if got := q.take(groupName{value: "100"}.hash()); got != 101 {
		t.Errorf("the group was cut at %d", got)
	}
	q.expire(time.UnixMilli(2 * maxQuiet))
	if len(q.last) != 0 || len(q.order) != 0 {
		t.Errorf("%d groups are remembered, %d in order", len(q.last), len(q.order))
	}
}

func TestCutsOfAnotherVersion(t *testing.T) {
	g := newGrouper("s", 0, 0, testRoom)
	for _, value := range []string{"!", "Ag", "AQ", "AQFh", base64.RawURLEncoding.EncodeToString([]byte{2, 0})} {
		if err := g.assigned(Place{"t", 0, 0}, value, start); !errors.Is(err, errCuts) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// TestCutIDs are those that are on receivers' sides: they don't change with versions.
func TestCutIDs(t *testing.T) {
	g := newGrouper("app-forward-mail", 0, 0, testRoom)
	assigned(t, g, nil, 0, 1)
	g.read(record(1, 3), "wh-east-1", 1, start)
	g.read(record(0, 5), "wh-east-1", 1, start)
	if got, want := g.cut(start).ID, "f2afdc603dc58004c5df69b299757fa7"; got != want {
		t.Errorf("the id is %s, want %s", got, want)
	}
}

// TestNoteFull cuts all that waits in a partition whose note is full, and takes further
// groups only when they are delivered.
func TestNoteFull(t *testing.T) {
	room := base64.RawURLEncoding.EncodedLen(headSize + 3*entrySize)
	g := newGrouper("s", time.Hour, time.Hour, room)
	assigned(t, g, nil, 0, 1)
	g.read(record(1, 0), "elsewhere", 1, start)
	for i := range int64(10) {
		g.read(record(0, i), fmt.Sprint("g", i%5), 1, after(float64(i)))
	}
	var cuts []*Cut
	for c := g.cut(after(10)); c != nil; c = g.cut(after(10)) {
		cuts = append(cuts, c)
	}
	if len(cuts) != 3 { // the fourth group is blocked, and all behind it
		t.Fatalf("there are %d cuts", len(cuts))
	}
	for _, c := range cuts {
		g.delivered(c, after(10))
	}
	notes := g.notes([]Place{{"t", 0, 3}, {"t", 1, 0}}, after(10))
	if len(notes[0]) > room {
		t.Errorf("the note has %d bytes, of %d", len(notes[0]), room)
	}
	var got []string
	for c := g.cut(after(10)); c != nil; c = g.cut(after(10)) {
		got = append(got, offsets(c))
	}
	slices.Sort(got)
	if want := []string{"g0: 0.5", "g3: 0.3", "g4: 0.4"}; !slices.Equal(got, want) {
		t.Errorf("the cuts are %q, want %q", got, want)
	}
}

// TestNoteOfMoreRoom goes on from a note that is larger than notes may be now.
func TestNoteOfMoreRoom(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, testRoom)
	assigned(t, g, nil, 0)
	for i := range int64(20) {
		g.read(record(0, i), fmt.Sprint("g", i%10), 1, start)
	}
	ids := map[string]bool{}
	for c := g.cut(after(1)); c != nil; c = g.cut(after(1)) {
		ids[c.ID] = true
	}
	note := g.notes([]Place{{"t", 0, 0}}, after(1))[0]
	g = newGrouper("s", time.Second, time.Second, 100)
	if err := g.assigned(Place{"t", 0, 0}, note, after(1)); err != nil {
		t.Fatal(err)
	}
	for i := range int64(20) {
		g.read(record(0, i), fmt.Sprint("g", i%10), 1, start)
	}
	for range 10 {
		if c := g.cut(after(1)); c == nil || !ids[c.ID] || len(c.Records) != 2 {
			t.Fatalf("the cut is %v", c)
		}
	}
}

// TestNoteWithoutRoom has metadata that is full of other things: a group at a time.
func TestNoteWithoutRoom(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, 0)
	assigned(t, g, nil, 0)
	g.read(record(0, 0), "a", 1, start)
	g.read(record(0, 1), "b", 1, start)
	checkCut(t, g.cut(start), "a: 0.0")
	checkCut(t, g.cut(start), "")
}

func FuzzDecodeCuts(f *testing.F) {
	g := newGrouper("s", time.Second, time.Minute, testRoom)
	if err := g.assigned(Place{"t", 0, 0}, "", start); err != nil {
		f.Fatal(err)
	}
	g.read(record(0, 0), "a", 1, start)
	g.read(record(0, 1), "b", 1, start)
	g.cut(after(1))
	f.Add(g.notes([]Place{{"t", 0, 0}}, start)[0])
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, value string) {
		const offset = 1 << 40
		notes, err := decodeCuts(value, offset)
		if err != nil {
			return
		}
		if len(notes) > len(value) {
			t.Fatalf("%d groups in %d bytes", len(notes), len(value))
		}
		for _, n := range notes {
			if n.from < offset || n.upto < n.from || n.last < 0 {
				t.Fatalf("%+v", n)
			}
		}
		g := newGrouper("s", time.Second, time.Minute, testRoom)
		if err := g.assigned(Place{"t", 0, offset}, value, start); err != nil {
			t.Fatal(err)
		}
		r := record(0, offset)
		g.read(r, "a", 1, start)
		g.passed(Place{"t", 0, 1 << 62})
		for c := g.cut(after(100)); c != nil; c = g.cut(after(100)) {
			g.delivered(c, after(100))
		}
	})
}
