package producer

import (
	"context"
	"math"
	"testing"
	"time"

	"inv/internal/scenario"
)

func rateOf(t testing.TB, text string) scenario.Rate {
	t.Helper()
	r, err := scenario.ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSteadyIsExact(t *testing.T) {
	tests := []struct {
		rate string
		n    int64
		due  time.Duration
	}{
		{"1s", 7, 7 * time.Second},
		{"500/s", 500, time.Second},
		{"3/s", 3, time.Second},
		{"3/s", 1, time.Second / 3},
		{"0.5/s", 3, 6 * time.Second},
		{"10/m", 10, time.Minute},
		{"20000/s", 200_000_000_000, 10_000_000 * time.Second},
	}
	for _, tt := range tests {
		if got := newArrivals(rateOf(t, tt.rate), scenario.Pace{}, 1, testStart).due(tt.n); got != tt.due {
			t.Errorf("%s: record %d is due after %v, want %v", tt.rate, tt.n, got, tt.due)
		}
	}
}

// countUntil returns how many records are due before a time.
func countUntil(a arrivals, until time.Duration) (n int64) {
	for ; a.due(n) < until; n++ {
	}
	return n
}

func TestChangingRates(t *testing.T) {
	ramp := scenario.Pace{Ramp: &scenario.Ramp{From: rateOf(t, "10/s"), Up: 10 * time.Second, Hold: 20 * time.Second, Down: 10 * time.Second}}
	bursts := scenario.Pace{Bursts: &scenario.Bursts{Every: 10 * time.Second, For: 2 * time.Second, Rate: rateOf(t, "100/s")}}
	tests := []struct {
		name  string
		pace  scenario.Pace
		until time.Duration
		want  float64
	}{
		{"up", ramp, 10 * time.Second, 10 * (10 + 50) / 2},
		{"half way up", ramp, 5 * time.Second, 5 * (10 + 30) / 2},
		{"hold", ramp, 30 * time.Second, 300 + 20*50},
		{"down", ramp, 40 * time.Second, 300 + 1000 + 300},
		{"behind", ramp, 50 * time.Second, 1600 + 10*10},
		{"calm", bursts, 8 * time.Second, 8 * 50},
		{"burst", bursts, 10 * time.Second, 400 + 200},
		{"many bursts", bursts, 100 * time.Second, 6000},
		{"poisson", scenario.Pace{Poisson: true}, 1000 * time.Second, 50_000},
	}
	for _, tt := range tests {
		got := float64(countUntil(newArrivals(rateOf(t, "50/s"), tt.pace, 1, testStart), tt.until))
		if math.Abs(got-tt.want) > 1.5 && tt.name != "poisson" || math.Abs(got-tt.want) > 0.005*tt.want+2 {
			t.Errorf("%s: %g records in %v, want %g", tt.name, got, tt.until, tt.want)
		}
	}
}

// The gaps between independent callers are exponential: their mean equals their standard
// deviation.
func TestPoissonGaps(t *testing.T) {
	a := newArrivals(rateOf(t, "100/s"), scenario.Pace{Poisson: true}, 7, testStart)
	var gaps []float64
	last := a.due(0)
	for n := int64(1); n < 20_000; n++ {
		due := a.due(n)
		if due < last {
			t.Fatalf("record %d is due before its predecessor", n)
		}
		gaps = append(gaps, (due - last).Seconds())
		last = due
	}
	mean, sd := meanAndSD(gaps)
	if math.Abs(mean-0.01) > 0.0002 || math.Abs(sd-0.01) > 0.0005 {
		t.Errorf("gaps have mean %g and standard deviation %g, want 0.01 both", mean, sd)
	}
	if again := newArrivals(rateOf(t, "100/s"), scenario.Pace{Poisson: true}, 7, testStart); again.due(19_999) != last {
		t.Error("the last record is due at another time if it is computed on its own")
	}
}

// At 1,000/s and 20,000/s on a clock that advances by itself, the rate over 10 s is
// within 0.5 %.
func TestRateOnAFakeClock(t *testing.T) {
	for _, rate := range []string{"1000/s", "20000/s"} {
		r := rateOf(t, rate)
		clock := &fakeClock{now: testStart, step: 3 * time.Microsecond}
		sink := &collect{}
		s, err := Run(context.Background(), compiled(t, shipped(t, "inventory"), "orders"), Options{Rate: &r, For: 10 * time.Second, Clock: clock}, sink)
		if err != nil {
			t.Fatal(err)
		}
		want := r.PerSecond() * 10
		if got := float64(s.Acknowledged); math.Abs(got-want) > 0.005*want {
			t.Errorf("%s: %g records in 10 s, want %g", rate, got, want)
		}
		if s.Behind > 10*time.Millisecond {
			t.Errorf("%s: behind by %v", rate, s.Behind)
		}
	}
}

// A run that can't keep up reports that.
func TestBehindIsReported(t *testing.T) {
	r := rateOf(t, "1000/s")
	clock := &fakeClock{now: testStart, step: 2 * time.Second} // each call of Now takes two seconds
	var worst time.Duration
	o := Options{Rate: &r, Count: 20_000, Clock: clock, Progress: func(p Progress) { worst = max(worst, p.Behind) }}
	if _, err := Run(context.Background(), compiled(t, shipped(t, "inventory"), "orders"), o, &collect{}); err != nil {
		t.Fatal(err)
	}
	if worst < time.Second {
		t.Errorf("behind by %v at most, though 512 records take two seconds at 1,000/s", worst)
	}
}

// A simulated clock makes ten days of records in event-time order without waiting.
func TestSimulatedClock(t *testing.T) {
	r := rateOf(t, "2/m")
	clock := &fakeClock{now: testStart}
	sink := &collect{}
	o := Options{Rate: &r, For: 10 * 24 * time.Hour, Start: testStart, Clock: clock}
	s, err := Run(context.Background(), compiled(t, shipped(t, "order-lifecycle"), "orders"), o, sink)
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	orders := 0
	for _, rec := range sink.records {
		if rec.At < last {
			t.Fatalf("record %d at %d comes after one at %d", rec.Number, rec.At, last)
		}
		last = rec.At
		if string(rec.Headers[1].Value) == "lifecycle.order.v1" && string(rec.Headers[4].Value[:2]) == "7-" {
			orders++
		}
	}
	if want := 2 * 60 * 24 * 10; orders < want {
		t.Errorf("%d order records, want more than %d", orders, want)
	}
	if !clock.now.Equal(testStart) {
		t.Errorf("the simulated clock waited for %v", clock.now.Sub(testStart))
	}
	if s.Event[1].Sub(s.Event[0]) < 9*24*time.Hour {
		t.Errorf("the events reach from %v to %v", s.Event[0], s.Event[1])
	}
}

// A run with a count and a duration ends at whichever comes first.
func TestCountAndFor(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	for _, tt := range []struct {
		count int64
		last  time.Duration
		want  int
	}{{5, time.Minute, 5}, {100, 10 * time.Second, 10}} {
		sink := &collect{}
		if _, err := Run(t.Context(), p, Options{Count: tt.count, For: tt.last, Clock: &fakeClock{now: testStart}}, sink); err != nil {
			t.Fatal(err)
		}
		if len(sink.records) != tt.want {
			t.Errorf("count %d, for %v: %d records, want %d", tt.count, tt.last, len(sink.records), tt.want)
		}
	}
}

// A run with a duration takes that long, unless all its records are made before.
func TestRunTakesItsDuration(t *testing.T) {
	p, rate := compiled(t, shipped(t, "inventory"), "orders"), rateOf(t, "0.5/s")
	for _, tt := range []struct {
		o    Options
		want time.Duration
	}{
		{Options{For: 5 * time.Second}, 5 * time.Second},
		{Options{For: 5 * time.Second, Count: 2}, 2 * time.Second},
		{Options{For: time.Second}, time.Second},
	} {
		tt.o.Rate, tt.o.Clock, tt.o.Workers = &rate, &fakeClock{now: testStart}, 1
		s, err := Run(t.Context(), p, tt.o, &collect{})
		if err != nil || s.Elapsed != tt.want || s.Rest != max(0, tt.o.For-tt.want) {
			t.Errorf("for %s, count %d: took %s, %s left: %v", tt.o.For, tt.o.Count, s.Elapsed, s.Rest, err)
		}
	}
}

// A run that can't keep its rate still ends soon after its duration, and reports that it
// was behind.
func TestDurationEndsARunThatIsBehind(t *testing.T) {
	p, rate := compiled(t, shipped(t, "inventory"), "orders"), rateOf(t, "1000000/s")
	sink := &collect{}
	s, err := Run(t.Context(), p, Options{Rate: &rate, For: 2 * time.Second, Clock: &fakeClock{now: testStart, step: 50 * time.Millisecond}}, sink)
	if err != nil || s.Elapsed < 2*time.Second || s.Elapsed > 4*time.Second {
		t.Errorf("a run for 2s took %s: %v", s.Elapsed, err)
	}
	if s.Behind < 2*time.Second || len(sink.records) == 0 {
		t.Errorf("%d records, %s behind", len(sink.records), s.Behind)
	}
}
