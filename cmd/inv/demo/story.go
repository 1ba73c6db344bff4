package demo

import (
	"time"

	"inv/internal/scenario"
	"inv/producer"
)

// story is the pace of the orders, unless a rate is given: slow, then faster than
// the stock lasts, then slow again, so that the shelves run low, reorders and alerts
// follow, and receipts fill them. The times are those of a run of 30 s; others are
// scaled.
func story(length time.Duration) (scenario.Rate, *scenario.Ramp) {
	const whole = 30 * time.Second
	scaled := func(d time.Duration) time.Duration {
		return max(1, time.Duration(float64(d)*float64(length)/float64(whole)))
	}
	perSecond := func(tenths int64) scenario.Rate {
		return scenario.Rate{Count: scenario.Number{Units: tenths, Decimals: 1}, Per: time.Second}
	}
	return perSecond(35), &scenario.Ramp{From: perSecond(4), Up: scaled(8 * time.Second), Hold: scaled(6 * time.Second), Down: scaled(3 * time.Second)}
}

// act is a part of the story, which begins after a share of the run.
type act struct {
	after float64
	text  string
}

// acts returns the parts of the story.
func acts() []act {
	return []act{
		{0, "Quiet: an order now and then."},
		{0.2, "A rush: more is ordered than is left. Stock runs low, so reorders (yellow: low, red: nearly gone) and alerts follow."},
		{0.57, "Recovery: orders slow down, and receipts fill the shelves again."},
	}
}

// pace returns the options for the orders.
func (o *Options) pace() producer.Options {
	if o.Rate != nil {
		return producer.Options{Rate: o.Rate, For: o.For}
	}
	rate, ramp := story(o.For)
	options := producer.Options{Rate: &rate, For: o.For}
	options.Pace.Ramp = ramp
	return options
}
