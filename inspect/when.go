package inspect

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeForms describes what ParseTime accepts.
const timeForms = `15m, 2h30m or 3d ago; 2026-11-23, "2026-11-23 14:02:11" or 14:02, ` +
	`each followed by a zone such as UTC or Europe/Berlin; 2026-11-23T14:02:11Z; or epoch ms`

// timeLayouts are in the local zone, or one that follows.
var timeLayouts = []string{
	"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05",
}

var (
	agoForm  = regexp.MustCompile(`^(?:(\d+)w)?(?:(\d+)d)?((?:\d+(?:\.\d+)?(?:h|m|s|ms))*)$`)
	zoneForm = regexp.MustCompile(`^(.*\d) ([A-Z][A-Za-z_+-]*(?:/[A-Za-z_+-]+)*)$`)
)

// ParseTime parses a point in time: a duration before now, a date, a time of today,
// RFC 3339, or epoch ms.
func ParseTime(text string, now time.Time, local *time.Location) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if m := agoForm.FindStringSubmatch(text); m != nil && text != "" {
		return before(now, m)
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		if ms < 100_000_000_000 {
			return time.Time{}, fmt.Errorf("%d as epoch ms is in 1973 or before; to give seconds, add three digits", ms)
		}
		return time.UnixMilli(ms), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	zone := local
	if m := zoneForm.FindStringSubmatch(text); m != nil {
		z, err := time.LoadLocation(m[2])
		if err != nil {
			return time.Time{}, fmt.Errorf("no time zone %q; give a name such as Europe/Berlin", m[2])
		}
		text, zone = m[1], z
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	today := now.In(zone).Format("2006-01-02 ")
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, today+text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; it takes %s", text, timeForms)
}

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

// ParsePartitions parses a list such as 0,2,4-6.
func ParsePartitions(text string) ([]int32, error) {
	var out []int32
	for _, item := range strings.Split(text, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(item), "-")
		from, err := strconv.ParseInt(low, 10, 32)
		to := from
		if ranged && err == nil {
			to, err = strconv.ParseInt(high, 10, 32)
		}
		if err != nil || from > to || to-from > 100_000 {
			return nil, fmt.Errorf("%q is not a list of partitions; it takes numbers and ranges such as 0,2,4-6", text)
		}
		for p := from; p <= to; p++ {
			out = append(out, int32(p))
		}
	}
	return out, nil
}

// ParseOffset parses start, end, N, or -N from the end.
func ParseOffset(text string) (*Begin, error) {
	switch text {
	case "start":
		return &Begin{Place: AtStart}, nil
	case "end":
		return &Begin{Place: AtEnd}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not an offset; it takes start, end, a number, or a number from the end such as -100", text)
	case strings.HasPrefix(text, "-"): // also -0
		return &Begin{Place: Back, Offset: -n}, nil
	}
	return &Begin{Place: AtOffset, Offset: n}, nil
}
