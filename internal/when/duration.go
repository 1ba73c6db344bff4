package when

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DurationForms is what ParseDuration accepts, for messages.
const DurationForms = "250ms, 10s, 2h30m or 7d"

// Day is the duration of 1d in [ParseDuration], also where clocks change on that day.
const Day = 24 * time.Hour

const longestDays = int64((1<<63 - 1) / Day)

var (
	durationPart = regexp.MustCompile(`^(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+)`)
	unitWords    = regexp.MustCompile(`^(\d+(?:\.\d+)?) *([A-Za-zµμ]+)$`)
	goUnits      = regexp.MustCompile(`^[-+]?(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h))+$`)
	onlyNumber   = regexp.MustCompile(`^-?\d{1,12}(\.\d{1,9})?$`)
)

// ParseDuration reads a duration as [time.ParseDuration] does, and also days, d, and
// weeks, w. The error names what is meant, for units in other words and without a unit.
func ParseDuration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	days, small := 0.0, "" // small is what time.ParseDuration knows
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, notADuration(text)
		}
		rest = rest[len(m[0]):]
		n, err := strconv.ParseFloat(m[1], 64)
		switch {
		case m[2] == "w" && err == nil:
			days += 7 * n
		case m[2] == "d" && err == nil:
			days += n
		default:
			small += m[0]
		}
	}
	d, err := time.ParseDuration(cmp.Or(small, "0"))
	if err != nil || strings.TrimLeft(text, "+-") == "" {
		return 0, notADuration(text)
	}
	if days*float64(Day)+float64(d) > float64(longestDays)*float64(Day) {
		return 0, fmt.Errorf("%q is too long; the longest is %dd", text, longestDays)
	}
	d += time.Duration(days * float64(Day))
	if negative {
		d = -d
	}
	return d, nil
}

// FormatDuration returns a duration as [ParseDuration] reads it, without the units that
// are zero: 2h instead of 2h0m0s, and whole days as 7d.
func FormatDuration(d time.Duration) string {
	if d != 0 && d%Day == 0 {
		return strconv.FormatInt(int64(d/Day), 10) + "d"
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// units returns other words for the units, without a plural's s.
func units() map[string]string {
	return map[string]string{
		"msec": "ms", "milli": "ms", "millisecond": "ms", "millisec": "ms",
		"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "hr": "h", "day": "d", "week": "w", "wk": "w",
		"ms": "ms", "m": "m", "h": "h", "d": "d", "w": "w", "s": "s", "u": "us", "usec": "us", "microsecond": "us",
		"month": "month", "year": "year", "yr": "year", "y": "year", "mon": "month", "mo": "month",
	}
}

// Unit returns the unit of a duration that a word such as minutes or sec means, month or
// year for these, and otherwise "".
func Unit(word string) string {
	word = strings.ToLower(word)
	return cmp.Or(units()[word], units()[strings.TrimSuffix(word, "s")])
}

func notADuration(text string) error {
	const form = "%q is not a duration"
	if goUnits.MatchString(text) {
		return fmt.Errorf("%q is too long; the longest is %dd", text, longestDays)
	}
	if onlyNumber.MatchString(text) {
		return fmt.Errorf("%q has no unit; write %ss, %sm, %sh or %sd", text, text, text, text, text)
	}
	if m := unitWords.FindStringSubmatch(text); m != nil {
		switch unit := Unit(m[2]); unit {
		case "":
		case "month", "year":
			return fmt.Errorf(form+"; the longest unit is w, a week: 1 year is 365d", text)
		default:
			return fmt.Errorf(form+"; did you mean %q?", text, m[1]+unit)
		}
	}
	return fmt.Errorf(form+" such as "+DurationForms, text)
}
