package scenario

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
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

// ParseNumber parses a decimal number.
func ParseNumber(text string) (Number, bool) {
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

// Float returns the number as a float.
func (n Number) Float() float64 { return float64(n.Units) / math.Pow10(n.Decimals) }

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
		return r.Per.String()
	}
	return strconv.FormatFloat(r.Count.Float(), 'f', -1, 64) + "/" + map[time.Duration]string{
		time.Second: "s", time.Minute: "m", time.Hour: "h"}[r.Per]
}

// maxRate bounds rates, in records per second, so that no schedule overflows.
const maxRate = 1e9

// ParseRate parses a rate such as 1s (one per second), 500/s, 0.5/s, 10/m, 3/h or max.
func ParseRate(text string) (Rate, error) {
	const forms = "a rate is a time between records (1s, 250ms), records per time (500/s, 0.5/s, 10/m, 3/h) or max"
	if text == "max" {
		return Rate{}, nil
	}
	count, per, slash := strings.Cut(text, "/")
	if !slash {
		every, err := time.ParseDuration(text)
		if err != nil {
			return Rate{}, fmt.Errorf("%s, not %q", forms, text)
		}
		if every <= 0 {
			return Rate{}, fmt.Errorf("a rate must be above 0, not %q; %s", text, forms)
		}
		return Rate{Number{1, 0}, every}, nil
	}
	unit, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[per]
	n, isNumber := ParseNumber(count)
	if !ok || !isNumber {
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
