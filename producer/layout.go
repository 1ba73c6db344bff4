package producer

import (
	"time"

	"inv/internal/scenario"
)

// layoutPart appends a part of a time.
type layoutPart func(dst []byte, t time.Time) []byte

// layoutText returns a function that writes a time, in epoch ms, in a pattern, and
// whether the text never needs escaping.
func layoutText(f scenario.TimeFormat, at numFunc) (text appendFunc, safe bool) {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	parts, safe := make([]layoutPart, 0, len(f.Layout)), true
	switch f.Name {
	case "rfc3339":
		parts = append(parts, func(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00") })
	case "date":
		parts = append(parts, func(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, time.DateOnly) })
	}
	for _, p := range f.Layout {
		if p.Verb == "" {
			safe = safe && plain([]byte(p.Text))
			parts = append(parts, func(dst []byte, _ time.Time) []byte { return append(dst, p.Text...) })
			continue
		}
		parts = append(parts, layoutPartOf(p.Verb))
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		ms := at(w, f)
		second := floorDiv(ms, 1000)
		milli := ms - second*1000
		t := time.Unix(min(max(second, firstSecond), lastSecond), milli*1_000_000).In(zone)
		for _, p := range parts {
			dst = p(dst, t)
		}
		return dst
	}, safe
}

// layoutPartOf returns a verb's function.
func layoutPartOf(verb string) layoutPart {
	digits := func(width int, value func(t time.Time) int) layoutPart {
		return func(dst []byte, t time.Time) []byte { return appendPadded(dst, int64(value(t)), width) }
	}
	// In the notation of package time, whose AppendFormat writes it.
	if layout, ok := map[string]string{"Y": "2006", "y": "06", "m": "01", "d": "02", "e": "_2", "j": "002", "H": "15", "I": "03", "M": "04",
		"S": "05", "p": "PM", "a": "Mon", "A": "Monday", "b": "Jan", "B": "January", "z": "-0700", ":z": "-07:00", "Z": "MST"}[verb]; ok {
		return func(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, layout) }
	}
	switch verb {
	case "L":
		return digits(3, func(t time.Time) int { return t.Nanosecond() / 1_000_000 })
	case "f":
		return digits(6, func(t time.Time) int { return t.Nanosecond() / 1000 })
	case "N":
		return digits(9, time.Time.Nanosecond)
	case "u":
		return digits(1, func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 })
	default: // s
		return digits(1, func(t time.Time) int { return int(t.Unix()) })
	}
}
