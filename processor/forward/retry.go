package forward

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Ceilings of the pause between two tries.
const (
	firstCeiling = 250 * time.Millisecond
	lastCeiling  = 30 * time.Second
)

// poisonous is how many failures that count make a message poison.
const poisonous = 5

// ceiling returns the longest pause after so many failures, at least one.
func ceiling(failures int) time.Duration {
	if failures > 7 { // 250 ms doubled seven times is more
		return lastCeiling
	}
	return min(firstCeiling<<(failures-1), lastCeiling)
}

// pauseAfter returns how long to wait after a failure, the failures-th in a row: what the
// error says, or full jitter; random is in [0, 1).
func pauseAfter(err error, failures int, random float64) time.Duration {
	var retry *RetryError
	if errors.As(err, &retry) {
		return max(retry.After, 0)
	}
	return time.Duration(math.Ceil(random * float64(ceiling(failures))))
}

// failing is the record of a message that fails.
type failing struct {
	failures  int
	counted   int   // of them, those during which others were delivered
	successes int64 // of the sink, at the last failure
}

// failed counts a failure, given how many messages the sink has delivered so far. It
// reports whether the message is poison: others were delivered between its failures, five
// times. Without successes nothing is counted, so an outage makes nothing poison.
func (f *failing) failed(successes int64) (poison bool) {
	if f.failures > 0 && successes > f.successes {
		f.counted++
	}
	f.failures++
	f.successes = successes
	return f.counted >= poisonous
}

// sayEvery is how often a sink says that it is held.
const sayEvery = time.Minute

// holding is the state of a sink in which no delivery succeeds. It is pure.
type holding struct {
	held Held
	said time.Time
	why  error
}

// failed says that a try failed while no delivery succeeds, and when the next one is.
func (h *holding) failed(err error, now, next time.Time) {
	if h.held.Since.IsZero() {
		h.held = Held{Since: now}
		h.said = time.Time{}
	}
	h.held.Tries++
	h.held.Reason, h.held.Next, h.why = err.Error(), next, err
}

// succeeded ends it. It returns what is to be logged, "" if it was not held or has not
// said so.
func (h *holding) succeeded(now time.Time) (line string) {
	if !h.said.IsZero() {
		line = fmt.Sprintf("goes on after %s and %d failed tries", now.Sub(h.held.Since).Round(time.Second), h.held.Tries)
	}
	h.held, h.said, h.why = Held{}, time.Time{}, nil
	return line
}

// say reports whether it is time to log that the sink is held: at the beginning, and once
// a minute.
func (h *holding) say(now time.Time) bool {
	if h.held.Since.IsZero() || !h.said.IsZero() && now.Sub(h.said) < sayEvery {
		return false
	}
	h.said = now
	return true
}
