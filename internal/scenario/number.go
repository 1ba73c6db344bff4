package scenario

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"inv/internal/when"
)

// Number is a decimal number, exactly as written: Units / 10^Decimals.
type Number struct {
	Units    int64
	Decimals int
}

// MaxDecimals and MaxWhole bound the decimals and the absolute value of a number.
const (
	MaxDecimals = 9
	MaxWhole    = 1_000_000_000_000
)

// ParseNumber parses a decimal number, also with an exponent: 1e3 is 1000.
func ParseNumber(text string) (Number, bool) {
	if mantissa, exponent, ok := cutExponent(text); ok {
		n, ok := ParseNumber(mantissa)
		return n.shifted(exponent, ok)
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	w, wholeErr := strconv.ParseUint(whole, 10, 63)
	units, err := strconv.ParseUint(whole+fraction, 10, 63)
	if wholeErr != nil || err != nil || w > MaxWhole || point && fraction == "" || len(fraction) > MaxDecimals {
		return Number{}, false
	}
	if negative {
		return Number{-int64(units), len(fraction)}, true
	}
	return Number{int64(units), len(fraction)}, true
}

// cutExponent splits 1.5e3 into 1.5 and 3.
func cutExponent(text string) (mantissa string, exponent int, ok bool) {
	at := strings.IndexAny(text, "eE")
	if at < 1 {
		return "", 0, false
	}
	exponent, err := strconv.Atoi(text[at+1:])
	return text[:at], exponent, err == nil
}

// shifted returns the number times 10^exponent.
func (n Number) shifted(exponent int, ok bool) (Number, bool) {
	if !ok || exponent > 2*MaxDecimals || exponent < -MaxDecimals {
		return Number{}, false
	}
	n.Decimals -= exponent
	for ; n.Decimals < 0; n.Decimals++ {
		if n.Units *= 10; n.Units > MaxWhole || n.Units < -MaxWhole {
			return Number{}, false
		}
	}
	return n, n.Decimals <= MaxDecimals
}

// Whole returns the number as an integer, and reports whether it is one.
func (n Number) Whole() (int64, bool) {
	unit := int64(math.Pow10(n.Decimals))
	return n.Units / unit, n.Units%unit == 0
}

// Float returns the number as a float.
func (n Number) Float() float64 { return float64(n.Units) / math.Pow10(n.Decimals) }

// plus returns the sum, with the decimals of the longer one; for few small numbers.
func (n Number) plus(m Number) Number {
	decimals := max(n.Decimals, m.Decimals)
	a, _ := n.Scaled(decimals)
	b, _ := m.Scaled(decimals)
	return Number{a + b, decimals}
}

// Compare compares two numbers as floats, as [cmp.Compare] does.
func (n Number) Compare(m Number) int { return cmp.Compare(n.Float(), m.Float()) }

// Scaled returns the number in units of 10^-decimals, rounded half away from zero,
// and reports whether it fits.
func (n Number) Scaled(decimals int) (int64, bool) {
	v := n.Units
	for d := n.Decimals; d < decimals; d++ {
		if v > math.MaxInt64/10 || v < math.MinInt64/10 {
			return 0, false
		}
		v *= 10
	}
	if n.Decimals > decimals {
		unit := int64(math.Pow10(n.Decimals - decimals))
		half := unit / 2
		if v < 0 {
			half = -half
		}
		v = (v + half) / unit
	}
	return v, true
}

// Share is a fraction of the records, from 0 to 1.
type Share float64

// ParseShare parses a share such as 5%, 0.5% or 0.05.
func ParseShare(text string) (Share, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, ok := ParseNumber(strings.TrimSpace(digits))
	if !ok {
		return 0, fmt.Errorf("a share is a percentage such as 2.5%%, or a number from 0 to 1, not %q", text)
	}
	v := n.Float()
	if percent {
		v /= 100
	}
	if !percent && v > 1 && v <= 100 {
		return 0, fmt.Errorf("a share is from 0%% to 100%% (0 to 1), not %s; did you mean %s%%?", text, text)
	}
	if v < 0 || v > 1 {
		return 0, fmt.Errorf("a share is from 0%% to 100%% (0 to 1), not %s", text)
	}
	return Share(v), nil
}

// Rate is Count records per Per. The zero value is as fast as possible.
type Rate struct {
	Count Number
	Per   time.Duration
}

// Max reports whether the rate is unlimited.
func (r Rate) Max() bool { return r.Per == 0 }

// PerSecond returns the rate in records per second, 0 if it is unlimited.
func (r Rate) PerSecond() float64 {
	if r.Max() {
		return 0
	}
	return r.Count.Float() / r.Per.Seconds()
}

func (r Rate) String() string {
	switch {
	case r.Max():
		return "max"
	case r.Count == Number{1, 0}:
		return when.FormatDuration(r.Per)
	}
	return strconv.FormatFloat(r.Count.Float(), 'f', -1, 64) + "/" + map[time.Duration]string{
		time.Second: "s", time.Minute: "m", time.Hour: "h", when.Day: "d"}[r.Per]
}

// maxRate bounds rates, in records per second, so that no schedule overflows.
const maxRate = 1e9

// ParseRate parses a rate such as 1s (one per second), 500/s, 0.5/s, 10/m, 3/h, 100/d or
// max.
func ParseRate(text string) (Rate, error) {
	const forms = "a rate is a time between records (1s, 250ms), records per time (500/s, 0.5/s, 10/m, 3/h, 100/d) or max"
	if text == "max" {
		return Rate{}, nil
	}
	count, per, slash := strings.Cut(text, "/")
	if !slash {
		if m := perSecond.FindStringSubmatch(text); m != nil {
			return Rate{}, fmt.Errorf("%q is not a rate; did you mean %q?", text, m[1]+"/s")
		}
		if _, ok := ParseNumber(text); ok && text != "0" {
			return Rate{}, fmt.Errorf("a rate of %s has no unit of time; write %s/s for %s records a second", text, text, text)
		}
		every, err := when.ParseDuration(text)
		if err != nil {
			return Rate{}, fmt.Errorf("%s, not %q", forms, text)
		}
		if every <= 0 {
			return Rate{}, fmt.Errorf("a rate must be above 0, not %q; %s", text, forms)
		}
		return Rate{Number{1, 0}, every}, nil
	}
	unit, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": when.Day}[per]
	n, isNumber := ParseNumber(count)
	if !ok || !isNumber {
		if near := nearRate(count, per); near != "" {
			return Rate{}, fmt.Errorf("%q is not a rate; did you mean %q?", text, near)
		}
		return Rate{}, fmt.Errorf("%s, not %q", forms, text)
	}
	if n.Units <= 0 {
		return Rate{}, fmt.Errorf("a rate must be above 0, not %q; %s", text, forms)
	}
	r := Rate{n, unit}
	if r.PerSecond() > maxRate {
		return Rate{}, fmt.Errorf("a rate is at most 1,000,000,000/s, not %q; use max", text)
	}
	return r, nil
}

// perSecond matches a rate as other tools write it, such as 100rps.
var perSecond = regexp.MustCompile(`^(\d+(?:\.\d{1,9})?) ?(?i:rps|tps|qps|mps|eps|hz)$`)

// nearRate returns the rate that is meant by a count per a unit in other words, such as
// 500 / sec; "" if it is none.
func nearRate(count, per string) string {
	count, per = strings.TrimSpace(count), strings.ToLower(strings.TrimSpace(per))
	unit := when.Unit(per)
	if _, ok := ParseNumber(count); !ok || unit == "" || !strings.Contains("smhd", unit) {
		return ""
	}
	return count + "/" + unit
}

// Pace describes how a rate changes over time.
type Pace struct {
	Poisson bool // exponential gaps between records, instead of equal ones
	Bursts  *Bursts
	Ramp    *Ramp
	Daily   []TimeOfDay // in order; empty: the rate doesn't follow the day
}

// TimeOfDay is the rate at a time of the day, in UTC. Between two of them, the last and
// the first of the next day included, it changes linearly.
type TimeOfDay struct {
	At   time.Duration // since midnight
	Rate Rate
}

// Bursts changes the rate to Rate for a time of For, once every Every.
type Bursts struct {
	Every, For time.Duration
	Rate       Rate
}

// Ramp rises from From to the producer's rate in a time of Up, holds it for Hold and
// falls back to From in Down; then it stays there. Without Hold and Down, it holds the
// rate forever.
type Ramp struct {
	From           Rate
	Up, Hold, Down time.Duration
}
