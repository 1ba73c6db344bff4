// Package when reads points in time and positions in a partition as users write
// them: one set of words for every command. It reads no clock; now is passed in.
package when

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Forms is what Parse accepts, for messages.
const Forms = `now, today or yesterday; 15m, 2h30m or 3d, also with "ago"; 2026-11-23, "2026-11-23 14:02:11" or 14:02, ` +
	`each also with a zone such as UTC or Europe/Berlin after it; 2026-11-23T14:02:11Z; or epoch seconds, ms or µs`

var errNotATime = errors.New("is not a time")

var (
	agoForm  = regexp.MustCompile(`^(?:(\d{1,6})w)?(?:(\d{1,6})d)?((?:\d{1,9}(?:\.\d{1,9})?(?:h|m|s|ms))*)(?: +ago)?$`)
	zoneForm = regexp.MustCompile(`^(.*\d|today|yesterday) +([A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)$`)
)

// Parse reads a point in time. A text without a zone is in the given one. The note
// is "", or how a text that could mean something else was read: the unit of an epoch,
// or which of two equal local times, when clocks are set back. A local time that does
// not exist, when clocks are set forward, is an error.
// Times before 1970 are an error, except for the day before, which is 1970 in some
// zone: no record has one.
func Parse(text string, now time.Time, zone *time.Location) (t time.Time, note string, err error) {
	t, note, err = parse(strings.TrimSpace(text), now, zone)
	if err == nil && t.Before(time.Unix(0, 0).AddDate(0, 0, -1)) {
		return time.Time{}, "", beforeEpoch(t)
	}
	return t, note, err
}

func beforeEpoch(t time.Time) error {
	return fmt.Errorf("%s is before 1970", t.UTC().Format(time.DateOnly))
}

func parse(text string, now time.Time, zone *time.Location) (t time.Time, note string, err error) {
	if t, ok := dayWord(text, now, zone); ok {
		return t, "", nil
	}
	if m := agoForm.FindStringSubmatch(text); m != nil && m[1]+m[2]+m[3] != "" {
		t, err := before(now, m)
		return t, "", err
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return epoch(n)
	}
	if meant := meantAgo(text); meant != "" {
		return time.Time{}, "", fmt.Errorf("%q is not a time; did you mean %q?", text, meant)
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, "", nil
	}
	wall := text
	if m := zoneForm.FindStringSubmatch(text); m != nil {
		z, err := time.LoadLocation(m[2])
		if err != nil {
			return time.Time{}, "", fmt.Errorf("no time zone %q; they are named as in Europe/Berlin", m[2])
		}
		wall, zone = m[1], z
		if t, ok := dayWord(wall, now, zone); ok {
			return t, "", nil
		}
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		for _, day := range []string{"", now.In(zone).Format("2006-01-02 ")} { // seconds may have decimals
			if t, err := time.Parse(layout, day+wall); err == nil {
				return local(t, zone)
			}
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, wall, zone); err == nil {
		return t, "", nil
	}
	return time.Time{}, "", fmt.Errorf("%q %w; it takes %s", text, errNotATime, Forms)
}

// meantAgo returns the right form of a duration in other words, such as 5 minutes ago.
func meantAgo(text string) string {
	before, _ := strings.CutSuffix(text, " ago")
	m := unitWords.FindStringSubmatch(strings.TrimSpace(before))
	if m == nil {
		return ""
	}
	switch unit := Unit(m[2]); unit {
	case "", "month", "year", "us", "ns":
		return ""
	default:
		return m[1] + unit
	}
}

func dayWord(text string, now time.Time, zone *time.Location) (t time.Time, ok bool) {
	year, month, day := now.In(zone).Date()
	switch text {
	case "now":
		return now, true
	case "today":
		return time.Date(year, month, day, 0, 0, 0, 0, zone), true
	case "yesterday":
		return time.Date(year, month, day-1, 0, 0, 0, 0, zone), true
	}
	return time.Time{}, false
}

// before returns the time that is m's weeks, days and duration before now.
func before(now time.Time, m []string) (time.Time, error) {
	days := 0
	for i, unit := range []int{7, 1} {
		if n, err := strconv.Atoi(m[i+1]); err == nil {
			days += n * unit
		}
	}
	var d time.Duration
	if m[3] != "" {
		var err error
		if d, err = time.ParseDuration(m[3]); err != nil {
			return time.Time{}, fmt.Errorf("%q is not a duration: %w", m[3], err)
		}
	}
	return now.AddDate(0, 0, -days).Add(-d), nil
}

// Epochs up to the year 5138 in seconds are below this number, and epochs from March
// 1973 on in milliseconds are not; likewise a thousand times that, twice.
const (
	belowMillis = 100_000_000_000
	belowMicros = 1000 * belowMillis
	belowNanos  = 1000 * belowMicros
	// firstEpoch is September 2001 in seconds: a smaller number is hardly meant as one.
	firstEpoch = 1_000_000_000
)

// epoch reads the unit of an epoch from its magnitude.
func epoch(n int64) (t time.Time, note string, err error) {
	unit := "nanoseconds"
	switch {
	case n < firstEpoch:
		if n >= 0 {
			return time.Time{}, "", fmt.Errorf("%d is not a time: %ds, %dm, %dh and %dd are so long ago, and epoch seconds have 10 digits, milliseconds 13, microseconds 16", n, n, n, n, n)
		}
		return time.Time{}, "", fmt.Errorf("%d is not a time: epoch seconds have 10 digits, milliseconds 13, microseconds 16", n)
	case n < belowMillis:
		t, unit = time.Unix(n, 0), "seconds"
	case n < belowMicros:
		t, unit = time.UnixMilli(n), "milliseconds"
	case n < belowNanos:
		t, unit = time.UnixMicro(n), "microseconds"
	default:
		t = time.Unix(0, n)
	}
	return t, fmt.Sprintf("%d is read as epoch %s: %s", n, unit, t.UTC().Format(time.RFC3339)), nil
}

// local returns the instant at which clocks in a zone show what wall shows in UTC.
func local(wall time.Time, zone *time.Location) (t time.Time, note string, err error) {
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, at := t.Zone(); at == offset && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	shown := wall.Format("2006-01-02 15:04:05")
	switch len(found) {
	case 0:
		return time.Time{}, "", fmt.Errorf("%s does not exist in %s, where clocks are set forward then", shown, zone)
	case 1:
		return found[0], "", nil
	}
	return found[0], fmt.Sprintf("%s comes twice in %s, where clocks are set back then; it is read as the first, %s, not %s",
		shown, zone, found[0].Format(time.RFC3339), found[1].Format(time.RFC3339)), nil
}
