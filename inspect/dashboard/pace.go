package dashboard

import "inv/internal/event"

// Recent is what orders did in the last minute, or since the first one if that
// is less long ago: the present rate, which the minutes only tell of the past.
type Recent struct {
	Seconds int64 `json:"seconds"` // that the sums are of: 10 to 60
	Orders  int64 `json:"orders"`
	Units   int64 `json:"units"`
	Revenue Money `json:"revenue"`
}

// A minute of the clock, and the least that a rate is made from: over less, one
// order more or less would be most of it.
const (
	paceMost  = 60
	paceLeast = 10
)

// pace is a ring of the last seconds.
type pace struct {
	seconds [64]struct {
		at            int64 // the second's number since the epoch
		orders, units int64
		revenue       event.Money
	}
	first int64 // the earliest time of an order, epoch ms; 0: none
}

// add counts one line of an order at a time in epoch ms.
func (p *pace) add(time, orders, units int64, revenue event.Money) {
	if time <= 0 {
		return
	}
	if p.first == 0 || time < p.first {
		p.first = time
	}
	at := time / 1000
	s := &p.seconds[at%int64(len(p.seconds))]
	switch {
	case s.at > at:
		return
	case s.at < at:
		s.at, s.orders, s.units, s.revenue = at, 0, 0, 0
	}
	s.orders += orders
	s.units += units
	s.revenue = addMoney(s.revenue, revenue)
}

// recent sums up the time until end; nil if there never was an order.
func (p *pace) recent(end int64) *Recent {
	if p.first == 0 {
		return nil
	}
	r := Recent{Seconds: max(paceLeast, min((end-p.first)/1000+1, paceMost))}
	var revenue event.Money
	for i := range p.seconds {
		if s := &p.seconds[i]; s.at > end/1000-r.Seconds && s.at <= end/1000 {
			r.Orders += s.orders
			r.Units += s.units
			revenue = addMoney(revenue, s.revenue)
		}
	}
	r.Revenue = Money(revenue)
	return &r
}
