package dashboard

import "inv/internal/event"

const (
	historyWindow  = hour
	historyBucket  = 30 * 1000 // ms
	historyBuckets = int(historyWindow/historyBucket) + 1
	recentChanges  = 24
)

// change is one update of a product: small and without pointers, since there are
// many.
type change struct {
	time, stock, seq int64
	delta, unmet     int32 // a record's whole numbers fit, see event.MaxInt
	hasDelta         bool
	cause
}

// cause is an update's cause; its topic is an index into Model.topics.
type cause struct {
	topic     int16 // 0: the update names none
	line      int32
	partition int32
	offset    int64
}

// history is a product's past hour: its last changes, and the stock at the end of
// each half minute. Its memory is bounded, however often the product changes.
type history struct {
	recent  []change // oldest first, at most recentChanges
	buckets []bucket // a ring by half minute, nil until the first
}

type bucket struct {
	at    int32 // the half minute's number since the epoch
	stock int32 // at most what fits: it is for a chart
}

// add adds the newest change.
func (h *history) add(c change) {
	if len(h.recent) == recentChanges {
		copy(h.recent, h.recent[1:])
		h.recent = h.recent[:recentChanges-1]
	}
	h.grow()
	h.recent = append(h.recent, c)
	if b, _ := h.bucket(c.time); b != nil {
		b.stock = clamp(c.stock)
	}
}

// grow makes room for a change. append would allocate a third more than the limit.
func (h *history) grow() {
	if n := len(h.recent); n == cap(h.recent) {
		h.recent = append(make([]change, 0, min(max(4, 2*n), recentChanges)), h.recent...)
	}
}

// addOlder adds a change that is older than all others. It reports whether it was
// new.
func (h *history) addOlder(c change) bool {
	used := false
	if len(h.recent) < recentChanges {
		h.grow()
		h.recent = append(h.recent, change{})
		copy(h.recent[1:], h.recent)
		h.recent[0] = c
		used = true
	}
	if b, fresh := h.bucket(c.time); b != nil && fresh {
		b.stock = clamp(c.stock)
		used = true
	}
	return used
}

// bucket returns the bucket of a time and reports whether it was empty; nil if the
// ring has a later time there.
func (h *history) bucket(time int64) (b *bucket, fresh bool) {
	if time < 0 || time/historyBucket > 1<<31-1 {
		return nil, false
	}
	at := int32(time / historyBucket)
	if h.buckets == nil {
		h.buckets = make([]bucket, 0, 4)
	}
	if len(h.buckets) < historyBuckets {
		return h.insert(at)
	}
	b = &h.buckets[slot(at)]
	switch {
	case b.at == at:
		return b, false
	case b.at > at:
		return nil, false
	}
	*b = bucket{at: at}
	return b, true
}

// insert keeps the few buckets of a product that rarely changes in a sorted list,
// which becomes a ring once it is full.
func (h *history) insert(at int32) (*bucket, bool) {
	i := len(h.buckets)
	for i > 0 && h.buckets[i-1].at > at {
		i--
	}
	if i > 0 && h.buckets[i-1].at == at {
		return &h.buckets[i-1], false
	}
	h.buckets = append(h.buckets, bucket{})
	copy(h.buckets[i+1:], h.buckets[i:])
	h.buckets[i] = bucket{at: at}
	if len(h.buckets) < historyBuckets {
		return &h.buckets[i], true
	}
	ring := make([]bucket, historyBuckets)
	for _, b := range h.buckets {
		if place := &ring[slot(b.at)]; place.at <= b.at {
			*place = b
		}
	}
	h.buckets = ring
	if b := &ring[slot(at)]; b.at == at {
		return b, true
	}
	return nil, false
}

func slot(at int32) int { return int(at) % historyBuckets }

func clamp(n int64) int32 { return int32(max(-1<<31, min(n, 1<<31-1))) }

// Point is the stock at a time.
type Point struct {
	Time  int64 `json:"time"` // epoch ms
	Stock int64 `json:"stock"`
}

// points returns the stock since a time, oldest first: half minutes, then the last
// changes one by one.
func (h *history) points(since int64) []Point {
	var points []Point
	exact := int64(1<<63 - 1)
	if len(h.recent) > 0 {
		exact = h.recent[0].time
	}
	first := 0
	for i := range h.buckets { // a full ring starts anywhere
		if h.buckets[i].at < h.buckets[first].at {
			first = i
		}
	}
	for i := range h.buckets {
		b := h.buckets[(first+i)%len(h.buckets)]
		end := (int64(b.at) + 1) * historyBucket
		if end > since && end <= exact {
			points = append(points, Point{end, int64(b.stock)})
		}
	}
	for _, c := range h.recent {
		if c.time >= since {
			points = append(points, Point{c.time, c.stock})
		}
	}
	return points
}

// trend returns the last stocks, oldest first.
func (h *history) trend() []int64 {
	trend := make([]int64, len(h.recent))
	for i, c := range h.recent {
		trend[i] = c.stock
	}
	return trend
}

// revenue is −delta × price, at most the largest amount there is.
func revenue(delta int64, price event.Money) event.Money {
	const most = event.Money(1<<63 - 1)
	units := event.Money(-delta)
	if units <= 0 || price <= 0 {
		return 0
	}
	if price > most/units {
		return most
	}
	return units * price
}

func addMoney(a, b event.Money) event.Money {
	if a > 0 && b > (1<<63-1)-a {
		return 1<<63 - 1
	}
	return a + b
}
