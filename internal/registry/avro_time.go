package registry

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// timeParser parses dates, times of day and timestamps: whole numbers of their unit, or
// text that is not finer than it.
func timeParser(t *avroType) avroParser {
	want := t.String()
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if t.kind == "int" {
		low, high = math.MinInt32, math.MaxInt32
	}
	var read func(text []byte) (v int64, wrong string)
	logical, local := strings.CutPrefix(t.logical, "local-")
	switch logical {
	case "date":
		read = readDate
	case "time-millis":
		low, high = 0, dayOf(time.Millisecond)-1
		read = func(text []byte) (int64, string) { return readClock(text, time.Millisecond) }
	case "time-micros":
		low, high = 0, dayOf(time.Microsecond)-1
		read = func(text []byte) (int64, string) { return readClock(text, time.Microsecond) }
	default:
		unit := timestampUnit(logical)
		read = func(text []byte) (int64, string) { return readTimestamp(text, unit, local) }
	}
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		if at < len(e.text) && e.text[at] == '"' {
			text, end, err := e.string(at, want)
			if err != nil {
				return nil, 0, err
			}
			v, wrong := read(text)
			if wrong != "" {
				return nil, 0, e.refuse(e.text[at:end], wrong, "")
			}
			return appendLongValue(dst, v), end, nil
		}
		v, end, err := e.long(at, low, high, want)
		if err != nil {
			return nil, 0, err
		}
		return appendLongValue(dst, v), end, nil
	}
}

// dayOf returns how many units a day has.
func dayOf(unit time.Duration) int64 { return int64(24 * time.Hour / unit) }

// timestampUnit returns the unit of a timestamp's logical type, without local-; 0: it is
// no timestamp.
func timestampUnit(logical string) time.Duration {
	switch logical {
	case "timestamp-millis":
		return time.Millisecond
	case "timestamp-micros":
		return time.Microsecond
	case "timestamp-nanos":
		return time.Nanosecond
	}
	return 0
}

const (
	notDate   = "is not a date such as 2026-05-01"
	notClock  = "is not a time of day such as 15:04:05.000"
	notTime   = "is not a time such as 2026-05-01T15:04:05Z (RFC 3339)"
	notLocal  = "is not a time without a zone, such as 2026-05-01T15:04:05"
	tooFine   = "is finer than the unit that the schema wants"
	notInUnit = "is out of the range of the unit that the schema wants"
	notSpan   = "is not a duration such as P1M2DT3.004S (ISO 8601)"
)

// readDate reads a date, also of a year before 0 or after 9999.
func readDate(text []byte) (days int64, wrong string) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	digits := 0
	for digits < len(text) && text[digits]-'0' < 10 {
		digits++
	}
	if digits < 4 || digits > 8 || len(text) != digits+6 || text[digits] != '-' || text[digits+3] != '-' {
		return 0, notDate
	}
	year, _ := readDigits(text[:digits])
	month, ok := readDigits(text[digits+1 : digits+3])
	day, ok2 := readDigits(text[digits+4:])
	if negative {
		year = -year
	}
	at := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if !ok || !ok2 || int64(at.Month()) != month || int64(at.Day()) != day {
		return 0, notDate
	}
	const second = 24 * 60 * 60
	days = at.Unix() / second
	if days < math.MinInt32 || days > math.MaxInt32 {
		return 0, notInUnit
	}
	return days, ""
}

// readDigits returns the number of a few digits.
func readDigits(b []byte) (v int64, ok bool) {
	for _, c := range b {
		if c-'0' >= 10 {
			return 0, false
		}
		v = 10*v + int64(c-'0')
	}
	return v, len(b) > 0 && len(b) <= 18
}

// readClock reads a time of day.
func readClock(text []byte, unit time.Duration) (v int64, wrong string) {
	if len(text) < 8 || text[2] != ':' || text[5] != ':' {
		return 0, notClock
	}
	hour, ok := readDigits(text[:2])
	minute, ok2 := readDigits(text[3:5])
	second, ok3 := readDigits(text[6:8])
	if !ok || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, notClock
	}
	fraction, wrong := readFraction(text[8:], unit)
	if wrong == notSpan {
		wrong = notClock
	}
	return (hour*3600+minute*60+second)*int64(time.Second/unit) + fraction, wrong
}

// readFraction reads the decimals of a second, with the point before them, as a number of
// a unit. Nothing is 0.
func readFraction(text []byte, unit time.Duration) (v int64, wrong string) {
	if len(text) == 0 {
		return 0, ""
	}
	if text[0] != '.' || len(text) == 1 {
		return 0, notSpan
	}
	scale := int64(time.Second / unit)
	for _, c := range text[1:] {
		if c-'0' >= 10 {
			return 0, notSpan
		}
		if scale /= 10; scale == 0 && c != '0' {
			return 0, tooFine
		}
		v += int64(c-'0') * scale
	}
	return v, ""
}

// readTimestamp reads a time as a number of its unit since 1970.
func readTimestamp(text []byte, unit time.Duration, local bool) (v int64, wrong string) {
	layout, wrong := time.RFC3339, notTime
	if local {
		layout, wrong = "2006-01-02T15:04:05", notLocal
	}
	at, err := time.Parse(layout, string(text))
	if err != nil || strings.IndexByte(string(text), ',') >= 0 {
		return 0, wrong
	}
	if at.Nanosecond()%int(unit) != 0 || fine(text) {
		return 0, tooFine
	}
	switch unit {
	case time.Millisecond:
		return at.UnixMilli(), ""
	case time.Microsecond:
		return at.UnixMicro(), ""
	}
	if v = at.UnixNano(); !time.Unix(0, v).Equal(at) {
		return 0, notInUnit
	}
	return v, ""
}

// fine reports whether a time has decimals beyond nanoseconds, which are not 0.
func fine(text []byte) bool {
	point := strings.IndexByte(string(text), '.')
	for i := point + 1; point >= 0 && i < len(text) && text[i]-'0' < 10; i++ {
		if i > point+9 && text[i] != '0' {
			return true
		}
	}
	return false
}

// appendISODuration appends months, days and milliseconds. A year is 12 months, a week 7
// days.
func appendISODuration(dst, text []byte) (out []byte, wrong string) {
	rest, ok := bytes.CutPrefix(text, []byte("P"))
	if !ok || len(rest) == 0 {
		return dst, notSpan
	}
	var parts [3]int64 // months, days, milliseconds
	units, clock := "YMWD", false
	for len(rest) > 0 {
		if rest[0] == 'T' && !clock && len(rest) > 1 {
			units, clock, rest = "HMS", true, rest[1:]
			continue
		}
		end := bytes.IndexAny(rest, "YMWDHST")
		if end < 0 {
			return dst, notSpan
		}
		order := strings.IndexByte(units, rest[end])
		whole, decimals := rest[:end], rest[end:end]
		if point := bytes.IndexByte(whole, '.'); point >= 0 && rest[end] == 'S' {
			whole, decimals = whole[:point], whole[point:]
		}
		value, ok := readDigits(whole)
		if order < 0 || !ok || len(whole) > 10 {
			return dst, notSpan
		}
		fraction, wrong := readFraction(decimals, time.Millisecond)
		if wrong != "" {
			return dst, wrong
		}
		part, factor := spanUnit(rest[end], clock)
		if parts[part] += value*factor + fraction; parts[part] > math.MaxUint32 {
			return dst, notInUnit
		}
		units, rest = units[order+1:], rest[end+1:]
	}
	for _, v := range parts {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return dst, ""
}

// spanUnit returns which part of a duration a unit counts, and how many of it.
func spanUnit(unit byte, clock bool) (part int, factor int64) {
	switch unit {
	case 'Y':
		return 0, 12
	case 'M':
		if clock {
			return 2, 60_000
		}
		return 0, 1
	case 'W':
		return 1, 7
	case 'D':
		return 1, 1
	case 'H':
		return 2, 3600_000
	}
	return 2, 1000
}
