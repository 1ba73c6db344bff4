package inspect

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// clock formats times of day fast: it looks up the zone's offset once for each quarter
// of an hour of the data (no zone changes its offset within one), and the date once
// for each day.
type clock struct {
	form     TimeForm
	now      func() time.Time // for Relative
	location *time.Location
	today    int64 // days since 1970 in the location
	dated    bool  // a time was on another day: all have dates from then on

	quarter, offset int64 // the zone's offset in that quarter of an hour, in ms
	day             int64
	date            string // "01-02 " or "2006-01-02 "
}

const (
	msPerDay     = 24 * 60 * 60 * 1000
	msPerQuarter = 15 * 60 * 1000
)

// TimeForm is a format of times.
type TimeForm uint8

// The formats.
const (
	TimeOfDay TimeForm = iota // 14:02:11.123, with the date where it isn't today's
	Relative                  // 3.2s ago
	EpochMs                   // 1625097600000
)

// newClock returns a clock for a zone, which omits the date of now.
func newClock(location *time.Location, now time.Time) clock {
	c := clock{location: location, quarter: math.MinInt64, day: math.MinInt64}
	c.today = floorDiv(c.local(now.UnixMilli()), msPerDay)
	return c
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// local returns epoch ms plus the zone's offset.
func (c *clock) local(ms int64) int64 {
	if q := floorDiv(ms, msPerQuarter); q != c.quarter {
		_, offset := time.UnixMilli(ms).In(c.location).Zone()
		c.quarter, c.offset = q, int64(offset)*1000
	}
	return ms + c.offset
}

// Times out of range are mistakes, or hostile: they are shown as numbers. Those below
// zero are before 1970.
const (
	noTime  = -1              // as in Kafka
	minTime = -62135596800000 // the start of the year 1
	maxTime = 253402300799999 // the end of 9999
)

// appendTime appends 15:04:05.000, after the date if that is needed.
func (c *clock) appendTime(dst []byte, ms int64) []byte {
	switch {
	case ms == noTime:
		return append(dst, "--:--:--.---"...)
	case c.form == EpochMs || ms < minTime || ms > maxTime:
		return strconv.AppendInt(dst, ms, 10)
	case c.form == Relative && c.now != nil:
		return appendAgo(dst, c.now().UnixMilli()-ms)
	}
	local := c.local(ms)
	day := floorDiv(local, msPerDay)
	if day != c.today {
		c.dated = true
	}
	if c.dated {
		if day != c.day {
			c.day, c.date = day, c.dateOf(day)
		}
		dst = append(dst, c.date...)
	}
	t := int(local - day*msPerDay)
	h, m, s, f := t/3600000, t/60000%60, t/1000%60, t%1000
	return append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':',
		byte('0'+s/10), byte('0'+s%10), '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}

// dateOf returns the date of a day, without the current year.
func (c *clock) dateOf(day int64) string {
	date, today := time.UnixMilli(day*msPerDay).UTC(), time.UnixMilli(c.today*msPerDay).UTC()
	if date.Year() == today.Year() {
		return date.Format("01-02 ")
	}
	return date.Format("2006-01-02 ")
}

// appendAgo appends the age of something, in ten columns or more.
func appendAgo(dst []byte, ms int64) []byte {
	word := " ago"
	if ms < 0 {
		ms, word = -ms, " on "
	}
	start := len(dst)
	switch {
	case ms < 60_000:
		dst = strconv.AppendInt(dst, ms/1000, 10)
		dst = append(dst, '.', byte('0'+ms/100%10), 's')
	case ms < 3_600_000:
		dst = strconv.AppendInt(dst, ms/60_000, 10)
		dst = append(dst, 'm', byte('0'+ms/10_000%6), byte('0'+ms/1000%10), 's')
	case ms < msPerDay:
		dst = strconv.AppendInt(dst, ms/3_600_000, 10)
		dst = append(dst, 'h', byte('0'+ms/600_000%6), byte('0'+ms/60_000%10), 'm')
	default:
		dst = strconv.AppendInt(dst, ms/msPerDay, 10)
		dst = append(dst, 'd')
	}
	for len(dst)-start < 6 {
		dst = slices.Insert(dst, start, ' ')
	}
	return append(dst, word...)
}
