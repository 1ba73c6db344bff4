package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/producer"
)

// progressLine shows the progress of `inv produce`: a line that is rewritten on a
// terminal, a line every ten seconds elsewhere.
type progressLine struct {
	s     *streams
	last  time.Time
	shown bool

	acknowledged int64
	moved        time.Time // when that last changed, or nothing was in flight
}

const lineEvery = 10 * time.Second

// silence is the time without acknowledgements after which the line reports it.
const silence = 2 * time.Second

func newProgressLine(s *streams) *progressLine {
	return &progressLine{s: s, last: s.now(), moved: s.now()}
}

func (l *progressLine) show(p producer.Progress) {
	now := l.s.now()
	if p.Acknowledged != l.acknowledged || inFlight(p) == 0 {
		l.acknowledged, l.moved = p.Acknowledged, now
	}
	text := progressText(p, now.Sub(l.moved))
	if l.s.errTerminal {
		// A line that wraps can't be rewritten.
		fmt.Fprint(l.s.live(), eraseLine+fit(text, cmp.Or(l.s.width(), 80)))
		l.shown = true
		return
	}
	if now.Sub(l.last) >= lineEvery {
		l.last = now
		l.s.errf("%s\n", text)
	}
}

// inFlight returns the number of records sent but neither acknowledged nor failed.
func inFlight(p producer.Progress) int64 { return p.Sent - p.Acknowledged - p.Failed }

// end erases the terminal's line.
func (l *progressLine) end() {
	if l.shown {
		fmt.Fprint(l.s.live(), eraseLine)
	}
}

// progressText returns a line of progress, problems first. silent is the time since
// the last acknowledgement.
func progressText(p producer.Progress, silent time.Duration) string {
	parts := []string{records(p.Acknowledged), perSecond(p) + "/s"}
	if p.Failed > 0 {
		parts = append(parts, records(p.Failed)+" failed")
	}
	if silent >= silence {
		parts = append(parts, fmt.Sprintf("NO ANSWER for %s to %s", silent.Round(time.Second), grouped(inFlight(p))))
	}
	if p.Behind > time.Second {
		parts = append(parts, "BEHIND by "+p.Behind.Round(100*time.Millisecond).String())
	}
	parts = append(parts, bytesText(p.Bytes))
	if p.Left > 0 {
		parts = append(parts, grouped(p.Left)+" to come")
	}
	if p.Rest > 0 {
		parts = append(parts, p.Rest.Round(time.Second).String()+" left")
	}
	return strings.Join(parts, ", ")
}

func perSecond(p producer.Progress) string {
	if p.Elapsed <= 0 {
		return "0"
	}
	rate := float64(p.Acknowledged) / p.Elapsed.Seconds()
	if rate < 100 {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return grouped(int64(rate + 0.5))
}

// summarize prints the outcome of a run.
func summarize(s *streams, sum producer.Summary, where string) {
	s.errf("produced %s (%s) to %s in %s, %s/s\n",
		records(sum.Acknowledged), bytesText(sum.Bytes), where, elapsedText(sum.Elapsed), perSecond(sum.Progress))
	if !sum.Event[0].IsZero() {
		s.errf("event time from %s to %s\n", sum.Event[0].UTC().Format(time.RFC3339), sum.Event[1].UTC().Format(time.RFC3339))
	}
	if lost := sum.Sent - sum.Acknowledged; lost > 0 {
		s.errf("sent but not acknowledged: %s\n", records(lost))
	}
	if sum.Refused > 0 {
		s.errf("not sent, since they do not fit their schema: %s\n", records(sum.Refused))
	}
	if unsent := sum.Made - sum.Sent - sum.Refused; unsent > 0 {
		s.errf("made but not sent: %s\n", records(unsent))
	}
	if sum.Behind > time.Second {
		s.errf("%s behind the requested rate at the end\n", sum.Behind.Round(100*time.Millisecond))
	}
	for _, name := range slices.Sorted(maps.Keys(sum.Faults)) {
		s.errf("fault %s: %s\n", name, records(sum.Faults[name]))
	}
}

// elapsedText rounds to milliseconds, or to microseconds below one.
func elapsedText(d time.Duration) string {
	return cmp.Or(d.Round(time.Millisecond), d.Round(time.Microsecond)).String()
}

func records(n int64) string { return many(n, "record") }

// many returns a number with a noun, in the plural unless the number is 1.
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// grouped returns a number with thousands separated by commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func bytesText(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1000_000:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 1, 64) + " kB"
	case n < 1000_000_000:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 2, 64) + " GB"
}
