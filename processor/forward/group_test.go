package forward

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const testRoom = 3000

var start = time.Unix(1_800_000_000, 0)

func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func assigned(t *testing.T, g *groups, notes map[int32]string, partitions ...int32) {
	t.Helper()
	for _, p := range partitions {
		if err := g.assigned(Place{"t", p, 0}, notes[p], start); err != nil {
			t.Fatal(err)
		}
	}
}

func record(partition int32, offset int64) *Record {
	return &Record{Topic: "t", Partition: partition, Offset: offset, At: Place{"t", partition, offset}, Time: offset}
}

// offsets writes a cut as PARTITION.OFFSET ….
func offsets(c *Cut) string {
	if c == nil {
		return ""
	}
	var s []string
	for _, r := range c.Records {
		s = append(s, fmt.Sprintf("%d.%d", r.At.Partition, r.At.Offset))
	}
	return c.Group + ": " + strings.Join(s, " ")
}

func checkCut(t *testing.T, c *Cut, want string) {
	t.Helper()
	if got := offsets(c); got != want {
		t.Errorf("the cut is %q, want %q", got, want)
	}
}

// TestGroupTimes has a group's records and cuts on a clock of seconds, with wait 10 s and
// every 60 s.
func TestGroupTimes(t *testing.T) {
	tests := []struct {
		name     string
		arrivals []float64
		cuts     []float64 // each is delivered at once
	}{
		{"one", []float64{0}, []float64{10}},
		{"the first one counts", []float64{0, 9}, []float64{10}},
		{"within every", []float64{0, 11}, []float64{10, 70}},
		{"at the end of every", []float64{0, 69}, []float64{10, 70}},
		{"after every", []float64{0, 71}, []float64{10, 81}},
		{"three", []float64{0, 11, 71}, []float64{10, 70, 130}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newGrouper("s", 10*time.Second, time.Minute, testRoom)
			assigned(t, g, nil, 0)
			var cuts []float64
			arrivals := test.arrivals
			for s := 0.0; s < 200; s += 0.5 {
				for len(arrivals) > 0 && arrivals[0] == s {
					arrivals = arrivals[1:]
					g.read(record(0, int64(s*2)), "a", 1, after(s))
				}
				due := g.due()
				c := g.cut(after(s))
				if isDue := !due.IsZero() && !due.After(after(s)); isDue != (c != nil) {
					t.Fatalf("at %v, cut is %v and due %v", s, c, due)
				}
				if c != nil {
					cuts = append(cuts, s)
					g.delivered(c, after(s))
				}
			}
			if !slices.Equal(cuts, test.cuts) {
				t.Errorf("cut at %v, want %v", cuts, test.cuts)
			}
		})
	}
}

func TestGroupBounds(t *testing.T) {
	tests := []struct {
		name          string
		records, size int
		want          []int
	}{
		{"fewer", maxCutRecords - 1, 1, nil},
		{"records", maxCutRecords + 1, 1, []int{maxCutRecords}},
		{"bytes", 5, maxCutBytes / 2, []int{2, 2}},
		{"large", 2, 2 * maxCutBytes, []int{1, 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newGrouper("s", time.Minute, time.Minute, testRoom)
			assigned(t, g, nil, 0)
			for i := range test.records {
				g.read(record(0, int64(i)), "a", test.size, start)
			}
			var got []int
			for c := g.cut(start); c != nil; c = g.cut(start) {
				got = append(got, len(c.Records))
				if again := g.cut(start); again != nil {
					t.Fatal("a group has two cuts under way")
				}
				g.delivered(c, start)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("cuts of %v records, want %v", got, test.want)
			}
		})
	}
}

// TestGroupFlush cuts all at the end of a drain, and what is read after that.
func TestGroupFlush(t *testing.T) {
	g := newGrouper("s", time.Hour, time.Hour, testRoom)
	assigned(t, g, nil, 0)
	g.read(record(0, 0), "a", 1, start)
	checkCut(t, g.cut(start), "")
	g.flush()
	checkCut(t, g.cut(start), "a: 0.0")
	g.read(record(0, 1), "b", 1, start)
	checkCut(t, g.cut(start), "b: 0.1")
}

// TestGroupRecipient keeps a replay to one recipient out of what all get.
func TestGroupRecipient(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, testRoom)
	assigned(t, g, nil, 0)
	replay := record(0, 1)
	replay.Recipient = "x"
	g.read(record(0, 0), "a", 1, start)
	g.read(replay, "a", 1, start)
	g.read(record(0, 2), "a", 1, start)
	var got []string
	for c := g.cut(after(1)); c != nil; c = g.cut(after(1)) {
		got = append(got, offsets(c))
	}
	slices.Sort(got)
	if want := []string{"a: 0.0 0.2", "a: 0.1"}; !slices.Equal(got, want) {
		t.Errorf("cuts are %q, want %q", got, want)
	}
}

// TestCutOrder is by time between partitions, and by offset in one.
func TestCutOrder(t *testing.T) {
	at := func(partition int32, offset, time int64) *Record {
		r := record(partition, offset)
		r.Time = time
		return r
	}
	records := []*Record{
		at(1, 1, 30), at(1, 2, 10), at(1, 3, 40), // the second one goes back
		at(0, 7, 30), at(0, 8, 35), at(0, 9, 50),
	}
	const want = "0.7 1.1 1.2 0.8 1.3 0.9"
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		inOrder(records)
		if got := strings.TrimPrefix(offsets(&Cut{Records: records}), ": "); got != want {
			t.Fatalf("the order is %s, want %s", got, want)
		}
	}
}

// restarted returns the grouper of another process that goes on from offset 0, by the notes
// that the first one has now.
func restarted(t *testing.T, g *groups, now time.Time, partitions ...int32) *groups {
	t.Helper()
	next := newGrouper(g.sink, g.wait, g.every, g.room)
	var at []Place
	for _, p := range partitions {
		at = append(at, Place{"t", p, 0})
	}
	for i, note := range g.notes(at, now) {
		if err := next.assigned(at[i], note, now); err != nil {
			t.Fatal(err)
		}
	}
	return next
}

// TestCutAgain collects a cut again, from partitions that are read in another order, and
// with records that were not there before.
func TestCutAgain(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, testRoom)
	assigned(t, g, nil, 0, 1, 2)
	g.read(record(0, 0), "b", 1, start) // holds the watermark
	g.read(record(1, 0), "a", 1, start)
	g.read(record(0, 3), "a", 1, start)
	g.read(record(1, 5), "a", 1, start)
	var first *Cut
	for c := g.cut(after(1)); c != nil; c = g.cut(after(1)) {
		if c.Group == "a" {
			first = c
		}
	}
	checkCut(t, first, "a: 1.0 0.3 1.5")

	g = restarted(t, g, after(1), 0, 1, 2)
	g.read(record(2, 0), "a", 1, after(2))
	g.read(record(1, 0), "a", 1, after(2))
	if got, want := g.awaited(), []Place{{"t", 0, 4}, {"t", 1, 6}}; !equalPlaces(got, want) {
		t.Errorf("awaited are %v, want %v", got, want)
	}
	g.read(record(1, 5), "a", 1, after(2))
	g.read(record(1, 6), "a", 1, after(2))
	checkCut(t, g.cut(after(100)), "")
	g.read(record(0, 0), "b", 1, after(2))
	checkCut(t, g.cut(start), "b: 0.0") // at once, whatever the clock says
	g.read(record(0, 3), "a", 1, after(2))
	if due := g.due(); due.IsZero() || due.After(start) {
		t.Errorf("due at %v, want at once", due)
	}
	again := g.cut(start)
	checkCut(t, again, "a: 1.0 0.3 1.5")
	if again.ID != first.ID {
		t.Errorf("the id is %s, want %s", again.ID, first.ID)
	}
	g.delivered(again, after(3))
	c := g.cut(after(100))
	checkCut(t, c, "a: 2.0 1.6")
	if c.ID == first.ID {
		t.Error("another cut has the same id")
	}
}

func equalPlaces(got, want []Place) bool {
	slices.SortFunc(got, comparePlaces)
	return slices.Equal(got, want)
}

// TestCutAgainWithoutRecords has records of a cut under way that are compacted away: the
// others have its id, and reading past a place is enough.
func TestCutAgainWithoutRecords(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, testRoom)
	assigned(t, g, nil, 0)
	for i := range int64(3) {
		g.read(record(0, i), "a", 1, start)
		g.read(record(0, i+10), "b", 1, start)
	}
	a, b := g.cut(after(1)), g.cut(after(1))
	if a.Group == "b" {
		a, b = b, a
	}
	checkCut(t, a, "a: 0.0 0.1 0.2")
	checkCut(t, b, "b: 0.10 0.11 0.12")
	g = restarted(t, g, after(1), 0)
	g.read(record(0, 1), "a", 1, after(1))
	g.passed(Place{"t", 0, 2})
	checkCut(t, g.cut(after(1)), "")
	g.passed(Place{"t", 0, 13})
	again := g.cut(after(1))
	checkCut(t, again, "a: 0.1")
	if again.ID != a.ID {
		t.Errorf("the id is %s, want %s", again.ID, a.ID)
	}
	checkCut(t, g.cut(after(1)), "") // nothing is left of b
	if len(g.awaited()) > 0 {
		t.Errorf("%v are awaited", g.awaited())
	}
}

// TestEveryAfterRestart has a group that was delivered, and one that waits again: both
// are remembered for `every`, and no longer.
func TestEveryAfterRestart(t *testing.T) {
	g := newGrouper("s", time.Second, time.Minute, testRoom)
	assigned(t, g, nil, 0, 1)
	g.read(record(0, 0), "a", 1, start)
	g.read(record(1, 0), "b", 1, start)
	g.delivered(g.cut(after(1)), after(1))
	g.delivered(g.cut(after(1)), after(1))
	g.notes([]Place{{"t", 0, 1}, {"t", 1, 1}}, after(2))
	g.read(record(1, 1), "b", 1, after(2))

	g = restarted(t, g, after(30), 0, 1)
	g = restarted(t, g, after(31), 0, 1) // also twice
	g.read(record(0, 1), "a", 1, after(32))
	g.read(record(1, 1), "b", 1, after(32))
	checkCut(t, g.cut(after(60.5)), "")
	got := []string{offsets(g.cut(after(61))), offsets(g.cut(after(61)))}
	slices.Sort(got)
	if want := []string{"a: 0.1", "b: 1.1"}; !slices.Equal(got, want) {
		t.Errorf("cuts are %q, want %q", got, want)
	}

	g = newGrouper("s", time.Second, time.Minute, testRoom)
	assigned(t, g, nil, 0)
	g.read(record(0, 0), "a", 1, start)
	g.delivered(g.cut(after(1)), after(1))
	if notes := g.notes([]Place{{"t", 0, 1}}, after(61)); notes[0] != "" {
		t.Errorf("the note is %q, and nothing needs it any more", notes[0])
	}
}

// TestEveryClockSetBack doesn't hold a group for longer than `every`.
func TestEveryClockSetBack(t *testing.T) {
	g := newGrouper("s", time.Second, time.Minute, testRoom)
	assigned(t, g, nil, 0)
	g.read(record(0, 0), "a", 1, after(100_000))
	g.delivered(g.cut(after(100_001)), after(100_001))
	note := g.notes([]Place{{"t", 0, 1}}, after(100_001))[0]
	g = newGrouper("s", time.Second, time.Minute, testRoom)
	if err := g.assigned(Place{"t", 0, 1}, note, start); err != nil {
		t.Fatal(err)
	}
	g.read(record(0, 1), "a", 1, after(1))
	checkCut(t, g.cut(after(60)), "a: 0.1")
}

// TestRevoked forgets one partition of two: what waits there, and what is collected again.
// A cut that is under way goes on.
func TestRevoked(t *testing.T) {
	g := newGrouper("s", time.Second, time.Second, testRoom)
	assigned(t, g, nil, 0, 1)
	g.read(record(0, 0), "a", 1, start)
	g.read(record(1, 0), "a", 1, start)
	g.read(record(1, 1), "b", 1, start)
	a := g.cut(after(1))
	if a.Group == "b" {
		g.delivered(a, after(1))
		a = g.cut(after(1))
	}
	checkCut(t, a, "a: 0.0 1.0")
	g.read(record(0, 1), "a", 1, after(1))
	g.read(record(1, 2), "a", 1, after(1))
	again := restarted(t, g, after(1), 0, 1)

	g.revoked(Place{"t", 1, 0})
	if !g.underWay(a) {
		t.Error("the cut has ended")
	}
	g.delivered(a, after(2))
	checkCut(t, g.cut(after(10)), "a: 0.1")
	if g.revoked(Place{"t", 0, 0}); g.underWay(a) || len(g.byHash) > 0 {
		t.Error("something is left")
	}

	again.read(record(1, 0), "a", 1, after(2))
	again.revoked(Place{"t", 1, 0})
	again.read(record(0, 0), "a", 1, after(2))
	c := again.cut(after(2))
	checkCut(t, c, "a: 0.0")
	assigned(t, again, nil, 1)
	again.read(record(1, 0), "a", 1, after(2))
	again.delivered(c, after(3))
	checkCut(t, again.cut(after(10)), "a: 1.0")
}
