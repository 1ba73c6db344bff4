package dashboard

import (
	"cmp"
	"math"
	"slices"
)

const (
	historyBucket  = 30 * 1000 // ms
	historyBuckets = int(hour/historyBucket) + 1
	recentChanges  = 24
	maxOrderID     = 40 // bytes of an order's ID that are kept
)

// change is one update of a product: small and without pointers, since a model holds
// many.
type change struct {
	time, stock, seq int64
	delta, unmet     int64
	offset           int64 // of the cause, like line, partition and topic
	line, partition  int32
	topic            int16 // an index into Model.topics; 0: no cause
	hasDelta         bool
	orderLength      uint8 // of the order's ID, in history.orders; 0: not caused by an order
}

// history is a product's past hour in bounded memory: its last changes, and the
// stock at the end of each half minute.
type history struct {
	recent  []change        // oldest first, at most recentChanges
	orders  []byte          // the IDs of the orders that caused them, one after another
	buckets []bucket        // oldest first, at most historyBuckets
	large   map[int32]int64 // the stocks that are too large for a bucket, by its number; usually nil
}

type bucket struct {
	at    int32 // the half minute's number since the epoch
	stock int32 // clamped; then it is in history.large
}

// add adds the newest change. order is the ID of the order that caused it, or "".
func (h *history) add(c change, order string) {
	if len(h.recent) == recentChanges {
		h.orders = slices.Delete(h.orders, 0, int(h.recent[0].orderLength))
		h.recent = slices.Delete(h.recent, 0, 1)
	}
	h.grow()
	order = shorten(order, maxOrderID)
	c.orderLength = uint8(len(order))
	h.orders = append(h.orders, order...)
	h.recent = append(h.recent, c)
	if b, _ := h.bucket(c.time); b != nil {
		h.set(b, c.stock)
	}
}

func (h *history) set(b *bucket, stock int64) {
	delete(h.large, b.at)
	if b.stock = clamp(stock); int64(b.stock) == stock {
		return
	}
	if h.large == nil {
		h.large = map[int32]int64{}
	}
	h.large[b.at] = stock
}

func (h *history) stock(b bucket) int64 {
	if stock, large := h.large[b.at]; large {
		return stock
	}
	return int64(b.stock)
}

// grow makes room for a change: append alone would exceed recentChanges by a third.
func (h *history) grow() {
	if n := len(h.recent); n == cap(h.recent) {
		h.recent = append(make([]change, 0, min(max(4, 2*n), recentChanges)), h.recent...)
	}
}

// addOlder adds a change that is older than all others and reports whether there
// was room for it.
func (h *history) addOlder(c change, order string) (used bool) {
	if len(h.recent) < recentChanges {
		h.grow()
		order = shorten(order, maxOrderID)
		c.orderLength = uint8(len(order))
		h.orders = slices.Insert(h.orders, 0, []byte(order)...)
		h.recent = slices.Insert(h.recent, 0, c)
		used = true
	}
	if b, fresh := h.bucket(c.time); b != nil && fresh {
		h.set(b, c.stock)
		used = true
	}
	return used
}

// bucket returns the bucket of a time and reports whether it is new; nil if there is
// no room for one so old.
func (h *history) bucket(time int64) (b *bucket, fresh bool) {
	if time < 0 || time/historyBucket > math.MaxInt32 {
		return nil, false
	}
	at := int32(time / historyBucket)
	i, found := slices.BinarySearchFunc(h.buckets, at, func(b bucket, at int32) int { return cmp.Compare(b.at, at) })
	switch {
	case found:
		return &h.buckets[i], false
	case len(h.buckets) < historyBuckets:
		h.buckets = slices.Insert(h.buckets, i, bucket{at: at})
	case i == 0:
		return nil, false
	default:
		i--
		delete(h.large, h.buckets[0].at)
		copy(h.buckets, h.buckets[1:i+1])
		h.buckets[i] = bucket{at: at}
	}
	return &h.buckets[i], true
}

func clamp(n int64) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

// sum and difference are a + b and a − b, at the limits of the type if they are beyond:
// other programs' updates may hold any numbers.
func sum(a, b int64) int64 {
	switch c := a + b; {
	case a > 0 && b > 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && c >= 0:
		return math.MinInt64
	default:
		return c
	}
}

func difference(a, b int64) int64 {
	if b == math.MinInt64 {
		return sum(sum(a, math.MaxInt64), 1)
	}
	return sum(a, -b)
}

// Point is the stock at a time.
type Point struct {
	Time  int64 `json:"time"` // epoch ms
	Stock int64 `json:"stock"`
}

// points returns the stock since a time, oldest first: by half minute, then the
// last changes one by one.
func (h *history) points(since int64) []Point {
	points := []Point{}
	exact := int64(math.MaxInt64)
	if len(h.recent) > 0 {
		exact = h.recent[0].time
	}
	for _, b := range h.buckets {
		if end := (int64(b.at) + 1) * historyBucket; end > since && end <= exact {
			points = append(points, Point{end, h.stock(b)})
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
