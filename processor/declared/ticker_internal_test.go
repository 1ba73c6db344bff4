package declared

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"inv/processor/stage"
)

// A log partition is told the time of a source when that is more than a second newer than
// its last line or tick of the source; the first tick of an ownership is always written.
func TestTicksFollowTheRecords(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	k := newTicker(5*time.Second, 3, "", at)
	tell := func(all bool) (told []string) {
		if err := k.tell(all, func(to int) error { told = append(told, fmt.Sprintf("%d:%d", to, k.latest)); return nil }); err != nil {
			t.Fatal(err)
		}
		return told
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: ticks %v, want %v", what, got, want)
		}
	}
	k.read(500, true, at)
	k.line(1, 500)
	want("the first", tell(false), "0:500", "1:500", "2:500")
	k.read(1500, true, at)
	want("a second later", tell(false))
	k.read(1501, true, at)
	k.line(2, 1501)
	want("more than a second", tell(false), "0:1501", "1:1501")
	k.commit()
	k.read(90, true, at)
	k.read(0, false, at)
	want("older, and without a time", tell(false))
	k.read(9000, true, at)
	k.line(0, 9000)
	want("in a transaction", tell(false), "1:9000", "2:9000")
	k.rollback()
	want("rolled back", tell(false))
	k.read(9000, true, at)
	k.line(0, 9000)
	want("once more", tell(false), "1:9000", "2:9000")
}

// A silent partition's time goes on at the clock's pace, and never back.
func TestTicksOfASilentPartition(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	after := func(s float64) time.Time { return at.Add(time.Duration(s * 1e9)) }
	k := newTicker(5*time.Second, 2, "", at)
	due := func(want float64) {
		t.Helper()
		if got, ok := k.due(); !ok || !got.Equal(after(want)) {
			t.Errorf("due at %s, %t, want %s", got, ok, after(want))
		}
	}
	due(5)
	k.read(70_000, true, after(2))
	due(7)
	if !k.elapse(after(7), noTime) || k.latest != 75_000 {
		t.Errorf("five seconds later it is %d", k.latest)
	}
	k.read(80_000, true, after(8))
	k.settle(after(9))
	if k.elapse(after(10), noTime); k.latest != 81_000 {
		t.Errorf("a second after it was read it is %d", k.latest)
	}
	due(15) // from now on with all others
	k.read(71_000, true, after(12))
	k.settle(after(12))
	if k.latest != 81_000 {
		t.Errorf("a late record sets the time back to %d", k.latest)
	}
	due(17)
	k.elapse(after(17), noTime)
	if k.latest != 88_000 {
		t.Errorf("the clock's pace is lost: %d", k.latest)
	}
	k.elapse(after(3), noTime) // the clock was set back
	if k.latest != 88_000 {
		t.Errorf("the time went back to %d", k.latest)
	}
	if k.note() != "@clock=88000.1003000.silent" {
		t.Errorf("the note is %s", k.note())
	}
}

// Time goes on across a restart.
func TestTicksAfterARestart(t *testing.T) {
	for note, want := range map[string]int64{"81000.1003000": 81_000 + 97_000, "81000.1003000.silent": 81_000 + 97_000, "81000.2000000": 81_000, "": noTime, "x.1": noTime, "5": noTime, "-1.5": noTime, "9999999999999999.5": noTime} {
		k := newTicker(5*time.Second, 2, note, time.UnixMilli(1_095_000))
		if k.elapse(time.UnixMilli(1_100_000), noTime); k.latest != want {
			t.Errorf("with the note %q it is %d, want %d", note, k.latest, want)
		}
	}
}

// A partition without a record is told once, and then nothing is due.
func TestTicksOfAnEmptyPartition(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	k := newTicker(5*time.Second, 2, "", at)
	if !k.elapse(at.Add(5*time.Second), noTime) {
		t.Fatal("it is not worth telling")
	}
	told := 0
	_ = k.tell(true, func(int) error { told++; return nil })
	k.commit()
	if _, ok := k.due(); ok || told != 2 || k.elapse(at.Add(10*time.Second), noTime) {
		t.Errorf("told %d times; something is due: %t", told, ok)
	}
	if k.note() != "" {
		t.Errorf("the note is %s", k.note())
	}
	k.read(5, true, at.Add(20*time.Second))
	if due, ok := k.due(); !ok || !due.Equal(at.Add(25*time.Second)) {
		t.Errorf("after a record something is due at %s, %t", due, ok)
	}
}

// A silent partition does not hold back those that are active: its time is at least the
// least of theirs.
func TestSilentPartitionsFollowTheActiveOnes(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	note := func(partition int32) stage.Source { return stage.Source{Topic: "t", Partition: partition} }
	notes := map[stage.Source]string{
		note(0): "9000000.1000000",        // this one
		note(1): "500000.999000",          // active
		note(2): "600000.998000",          // active, and further
		note(3): "700000.999900.silent",   // silent itself
		note(4): "100.900000",             // without a record for a while
		note(5): "what a later one notes", // not known
	}
	least := othersTime(notes, note(0), at, 5*time.Second)
	if least != 500_000 {
		t.Errorf("the least of the active ones is %d", least)
	}
	k := newTicker(5*time.Second, 1, "2000.999000", at)
	if k.elapse(at, least); k.latest != 500_000 {
		t.Errorf("it has come to %d", k.latest)
	}
	if k.elapse(at.Add(time.Second), 400_000); k.latest != 501_000 {
		t.Errorf("it has come to %d, after 500000", k.latest)
	}
	if got := othersTime(nil, note(0), at, 5*time.Second); got != noTime {
		t.Errorf("of none it is %d", got)
	}
}

// If all are silent, they come to the time of the one that is furthest, whatever the
// distance between them is.
func TestSilentPartitionsComeToOneTime(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	note := func(partition int32) stage.Source { return stage.Source{Topic: "t", Partition: partition} }
	notes := map[stage.Source]string{
		note(0): "2000.990000",           // this one
		note(1): "500000.990000",         // silent for ten seconds
		note(2): "505000.998000.silent",  // has ticked since, and is behind
		note(3): "100.900000",            // far behind
		note(4): "what a later one says", // not known
	}
	if got := othersTime(notes, note(0), at, 5*time.Second); got != 510_000 {
		t.Errorf("they have come to %d", got)
	}
	notes[note(5)] = "300.999000" // active
	if got := othersTime(notes, note(0), at, 5*time.Second); got != 300 {
		t.Errorf("with an active one they may come to %d", got)
	}
}
