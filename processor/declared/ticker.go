package declared

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/internal/event"
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
	t.latest, t.at = parseClock(note)
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
	t.next = t.active + t.idle
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

// elapse makes the latest time what it is now, if no record came since. It reports whether
// that is worth telling: a partition without any time is told once.
func (t *ticker) elapse(now time.Time) bool {
	ms := now.UnixMilli()
	t.next = ms - ms%t.idle + t.idle // all silent partitions at once, in one transaction
	if t.latest == noTime {
		return t.untold()
	}
	t.latest = min(t.latest+max(ms-t.at, 0), event.MaxTime)
	t.at = ms
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
	t.saved.latest, t.saved.at = t.latest, t.at
	copy(t.saved.told, t.told)
}

func (t *ticker) rollback() {
	t.latest, t.at, t.fresh = t.saved.latest, t.saved.at, false
	copy(t.told, t.saved.told)
}

// noteClock is the note of an offset with the latest event time of its partition and the
// clock's time at which it was that, in epoch ms: @clock=1732881600123.1732881600500. With
// it, time goes on across restarts.
const noteClock = "@clock"

// note returns the ticker's, "" without a time.
func (t *ticker) note() string {
	if t.latest == noTime {
		return ""
	}
	return fmt.Sprintf("%s=%d.%d", noteClock, t.latest, t.at)
}

// parseClock reads the value of a note.
func parseClock(note string) (latest, at int64) {
	first, second, _ := strings.Cut(note, ".")
	latest, err := strconv.ParseInt(first, 10, 64)
	at, err2 := strconv.ParseInt(second, 10, 64)
	if err != nil || err2 != nil || !validTime(latest) {
		return noTime, 0
	}
	return latest, at
}
