package declared

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/internal/event"
	"inv/processor/stage"
)

// tickEvery is how much newer than what a log partition was told last the time of a source
// may get before the log partition is told again, in ms.
const tickEvery = 1000

// ticker keeps the time of a source partition, and what each log partition was told of it.
type ticker struct {
	idle int64 // ms
	tickerState
	saved tickerState

	active int64 // when a record was read last, or the ownership began; clock, ms
	next   int64 // when silence is looked at; clock, ms
}

// tickerState is the part of a ticker that a transaction changes.
type tickerState struct {
	latest int64   // event time, epoch ms; noTime: there was none
	at     int64   // when latest was the time, clock in ms
	fresh  bool    // latest is of a record of the transaction in progress
	silent bool    // no record came since the last tick of elapse
	told   []int64 // by log partition; untold: nothing in this ownership
}

const (
	noTime = -1
	untold = -2
)

// newTicker returns the ticker of an ownership that begins at a time of the clock. note is
// what an earlier one has noted, "" for nothing.
func newTicker(idle time.Duration, partitions int, note string, now time.Time) *ticker {
	t := &ticker{idle: max(idle.Milliseconds(), 1), active: now.UnixMilli()}
	clock := parseClock(note)
	t.latest, t.at = clock.latest, clock.at
	t.told = make([]int64, partitions)
	for p := range t.told {
		t.told[p] = untold
	}
	t.saved = tickerState{latest: t.latest, at: t.at, told: append([]int64(nil), t.told...)}
	t.next = t.active + t.idle
	return t
}

// read counts a record of a transaction that began now. It may have no time.
func (t *ticker) read(ms int64, timed bool, now time.Time) {
	t.active = now.UnixMilli()
	t.next, t.silent = t.active+t.idle, false
	if timed && ms > t.latest {
		t.latest, t.at, t.fresh = ms, t.active, true
	}
}

// settle makes the latest time that of now if it is of one of the transaction's records:
// their time goes on when they have been read.
func (t *ticker) settle(now time.Time) {
	if t.fresh {
		t.at, t.fresh = now.UnixMilli(), false
	}
}

// line counts a line of an event time in a log partition.
func (t *ticker) line(to int, ms int64) {
	if t.told[to] != untold { // the first tick is always written
		t.told[to] = max(t.told[to], ms)
	}
}

// elapse makes the latest time what it is now, if no record came since: it has gone on
// with the clock, and is at least what othersTime gives. It reports whether that is worth telling: a partition without any time is told
// once.
func (t *ticker) elapse(now time.Time, others int64) bool {
	ms := now.UnixMilli()
	t.next = ms - ms%t.idle + t.idle // all silent partitions at once, in one transaction
	if t.latest == noTime {
		return t.untold()
	}
	t.latest = max(min(t.latest+max(ms-t.at, 0), event.MaxTime), others)
	t.at, t.silent = ms, true
	return true
}

// wait puts off the look at a partition that turned out not to be silent.
func (t *ticker) wait(now time.Time) { t.next = now.UnixMilli() + min(t.idle, tickEvery) }

// due returns when the partition has been silent for long enough to be looked at; never
// if that changes nothing.
func (t *ticker) due() (time.Time, bool) {
	if t.latest == noTime && !t.untold() {
		return time.Time{}, false
	}
	return time.UnixMilli(t.next), true
}

func (t *ticker) untold() bool {
	for _, told := range t.told {
		if told == untold {
			return true
		}
	}
	return false
}

// tell calls tick for each log partition that is to be told the latest time: all of them,
// or those that were not told for a while.
func (t *ticker) tell(all bool, tick func(to int) error) error {
	for to, told := range t.told {
		if !all && told != untold && (told == t.latest || told != noTime && t.latest-told <= tickEvery) {
			continue
		}
		if err := tick(to); err != nil {
			return err
		}
		t.told[to] = t.latest
	}
	return nil
}

func (t *ticker) commit() {
	t.saved.latest, t.saved.at, t.saved.silent = t.latest, t.at, t.silent
	copy(t.saved.told, t.told)
}

func (t *ticker) rollback() {
	t.latest, t.at, t.silent, t.fresh = t.saved.latest, t.saved.at, t.saved.silent, false
	copy(t.told, t.saved.told)
}

// noteClock is the note of an offset with the latest event time of its partition and the
// clock's time at which it was that, in epoch ms: @clock=1732881600123.1732881600500, with
// ".silent" behind it if it is of a tick of a silent partition. With it, time goes on
// across restarts, and the partitions of other processes are known.
const noteClock = "@clock"

const silentMark = "silent"

// note returns the ticker's, "" without a time.
func (t *ticker) note() string {
	switch {
	case t.latest == noTime:
		return ""
	case t.silent:
		return fmt.Sprintf("%s=%d.%d.%s", noteClock, t.latest, t.at, silentMark)
	}
	return fmt.Sprintf("%s=%d.%d", noteClock, t.latest, t.at)
}

// clockNote is the value of a note.
type clockNote struct {
	latest, at int64
	silent     bool
}

// parseClock reads the value of a note; without one, there is no time.
func parseClock(note string) (c clockNote) {
	parts := strings.SplitN(note, ".", 3)
	if len(parts) < 2 {
		return clockNote{latest: noTime}
	}
	latest, err := strconv.ParseInt(parts[0], 10, 64)
	at, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || err2 != nil || !validTime(latest) {
		return clockNote{latest: noTime}
	}
	return clockNote{latest, at, len(parts) == 3 && parts[2] == silentMark}
}

// othersTime returns how far a silent partition may follow the other ones, by their notes:
// to the least time of those that had a record less than idle ago or, if all are silent,
// to the greatest time that any of them has come to since. Then nothing is on its way that
// could be late, and what waits for its time need not wait for the distance between the
// partitions to pass on the clock. It is noTime if the others have none.
func othersTime(notes map[stage.Source]string, but stage.Source, now time.Time, idle time.Duration) int64 {
	active, silent := int64(noTime), int64(noTime)
	for source, note := range notes {
		c := parseClock(note)
		elapsed := now.UnixMilli() - c.at
		switch {
		case source == but || c.latest == noTime:
		case c.silent || elapsed > idle.Milliseconds():
			silent = max(silent, min(c.latest+max(elapsed, 0), event.MaxTime))
		case active == noTime || c.latest < active:
			active = c.latest
		}
	}
	if active != noTime {
		return active
	}
	return silent
}
