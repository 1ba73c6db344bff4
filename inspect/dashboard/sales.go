package dashboard

import (
	"cmp"
	"math"
	"slices"

	"inv/internal/event"
)

// Money is an amount in JSON: a number with at least two decimals.
type Money event.Money

// MarshalJSON implements json.Marshaler.
func (m Money) MarshalJSON() ([]byte, error) {
	return event.AppendMoney(nil, event.Money(m)), nil
}

// plus returns m + more, at most the largest amount. Neither is negative.
func (m Money) plus(more Money) Money {
	if more > math.MaxInt64-m {
		return math.MaxInt64
	}
	return m + more
}

// revenue returns −delta × price, at most the largest amount.
func revenue(delta int64, price event.Money) Money {
	if delta >= 0 || price <= 0 {
		return 0
	}
	if int64(price) > math.MaxInt64/-delta {
		return math.MaxInt64
	}
	return Money(-delta) * Money(price)
}

// Minute is what orders did in one minute.
type Minute struct {
	Time    int64 `json:"time"` // its start, epoch ms
	Orders  int64 `json:"orders"`
	Units   int64 `json:"units"`           // taken from stock
	Unmet   int64 `json:"unmet,omitempty"` // ordered but out of stock
	Revenue Money `json:"revenue"`

	version uint64
}

// Recent is what orders did in the last minute, or since the first order if that
// was later.
type Recent struct {
	Seconds int64 `json:"seconds"` // the length of the period: 10 to 60
	Orders  int64 `json:"orders"`
	Units   int64 `json:"units"`
	Revenue Money `json:"revenue"`
}

const (
	second        = int64(1000) // ms
	minuteLength  = 60 * second
	minuteCount   = 61 // the hour, and the current minute
	longestRecent = 60 // s
	// Over less, one order more or less would change the rate too much.
	shortestRecent = 10 // s
)

// sales sums up what orders did in each of the last minutes and seconds.
type sales struct {
	minutes, seconds ring
	first            int64 // the earliest time of an order, epoch ms; 0: none
}

// ring holds the last periods of a fixed length.
type ring [64]Minute

// at returns the period that a time is in; nil if a later one is in its place.
func (r *ring) at(time, length int64) *Minute {
	start := time - time%length
	one := &r[start/length%int64(len(r))]
	switch {
	case one.Time > start:
		return nil
	case one.Time < start:
		*one = Minute{Time: start}
	}
	return one
}

// add counts one line of an order at a time in epoch ms.
func (s *sales) add(time int64, line Minute, version uint64) {
	if time <= 0 {
		return
	}
	if s.first == 0 || time < s.first {
		s.first = time
	}
	for _, m := range [...]*Minute{s.minutes.at(time, minuteLength), s.seconds.at(time, second)} {
		if m != nil {
			m.Orders += line.Orders
			m.Units = sum(m.Units, line.Units)
			m.Unmet = sum(m.Unmet, line.Unmet)
			m.Revenue = m.Revenue.plus(line.Revenue)
			m.version = version
		}
	}
}

// since returns the minutes of the hour up to end that changed after a
// publication, oldest first.
func (s *sales) since(version uint64, end int64) []Minute {
	var list []Minute
	for _, m := range s.minutes {
		if m.version > version && m.Time > end-minuteCount*minuteLength {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Minute) int { return cmp.Compare(a.Time, b.Time) })
	return list
}

// newest returns the start of the last minute with an order, 0 if there is none.
func (s *sales) newest() (start int64) {
	for i := range s.minutes {
		start = max(start, s.minutes[i].Time)
	}
	return start
}

// recent sums up the time until end; nil if there was never an order. It counts
// whole seconds of the clock, as the ring does, so that the first order is in.
func (s *sales) recent(end int64) *Recent {
	if s.first == 0 {
		return nil
	}
	r := &Recent{Seconds: max(shortestRecent, min(end/second-s.first/second+1, longestRecent))}
	for i := range s.seconds {
		if m := &s.seconds[i]; m.Time/second > end/second-r.Seconds && m.Time <= end {
			r.Orders += m.Orders
			r.Units = sum(r.Units, m.Units)
			r.Revenue = r.Revenue.plus(m.Revenue)
		}
	}
	return r
}
