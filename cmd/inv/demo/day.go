package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"inv/internal/scenario"
	"inv/producer"
)

// A run of all topologies plays a day and a bit, since some of them wait for a day, and
// others need to know what customers usually do.
const (
	day         = 26 * time.Hour
	dayProducts = 100 // so that some are overstocked all day
)

// dayRates are the producers of such a run and how often, in the time that is played,
// their records come: with those rates stock is short now and then.
func dayRates() map[string]scenario.Rate {
	per := func(n int64, d time.Duration) scenario.Rate {
		return scenario.Rate{Count: scenario.Number{Units: n}, Per: d}
	}
	return map[string]scenario.Rate{"shoppers": per(2, time.Minute), "rivals": per(60, time.Hour)}
}

// lapse is a clock that runs faster than the one it goes by.
type lapse struct {
	now          func() time.Time
	began, start time.Time // the same moment, by that clock and by this one
	speed        float64
}

// newLapse returns a clock that comes to the present in the time that a run takes.
func newLapse(now func() time.Time, length time.Duration) *lapse {
	began := now()
	return &lapse{now: now, began: began, start: began.Add(length - day), speed: float64(day) / float64(length)}
}

// Now implements [producer.Clock].
func (l *lapse) Now() time.Time {
	return l.start.Add(time.Duration(float64(l.now().Sub(l.began)) * l.speed))
}

// Sleep implements [producer.Clock].
func (l *lapse) Sleep(ctx context.Context, until time.Time, wake <-chan struct{}) {
	wait := time.Duration(float64(until.Sub(l.Now())) / l.speed)
	producer.WallClock{}.Sleep(ctx, time.Now().Add(wait), wake)
}

// dayActs returns the parts of the story.
func dayActs(length time.Duration) []act {
	return []act{
		{0, fmt.Sprintf("A day, %.0f times as fast: customers order, some of them frauds, and competitors change their prices.", float64(day)/float64(length))},
		{float64(24*time.Hour) / float64(day), "A day has passed: what has been overstocked since it began is promoted."},
	}
}

// produceDay sends the catalogue, then what happens in the day.
func (d *demo) produceDay(ctx context.Context) error {
	clock := newLapse(d.Now, d.For)
	if err := d.run(ctx, "catalog", producer.Options{Clock: clock}); err != nil {
		return err
	}
	began := d.Now()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var parts sync.WaitGroup
	for name, rate := range dayRates() {
		parts.Go(func() {
			if err := d.run(ctx, name, producer.Options{Clock: clock, Rate: &rate, For: day}); err != nil && ctx.Err() == nil {
				fail(err)
			}
		})
	}
	parts.Wait()
	d.took = d.Now().Sub(began)
	return context.Cause(ctx)
}
