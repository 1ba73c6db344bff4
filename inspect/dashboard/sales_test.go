package dashboard

import (
	"math"
	"testing"

	"inv/internal/event"
)

// Orders that all arrive in one second are in the rate for a whole minute,
// whichever part of a second they came in and the page looks in.
func TestRateIncludesTheFirstSecond(t *testing.T) {
	for _, part := range []int64{0, 1, 499, 999} {
		first := now/1000*1000 + part
		s := newStory(t).product("a")
		u := s.update("a", 1, 40, 3)
		u.Timestamp = first
		s.Apply(s.record(Updates, "inventory_updates", "a", string(event.AppendUpdate(nil, u))), first)
		for after := int64(0); after < 59_000; after += 37 {
			r := s.Model.Status(first + after).Recent
			if r.Orders != 1 || r.Units != 3 || r.Revenue == 0 {
				t.Fatalf("an order at %d ms of a second, %d ms later: %+v", part, after, r)
			}
			if elapsed := after/1000 + 1; r.Seconds < elapsed || r.Seconds > max(10, elapsed+1) {
				t.Fatalf("an order at %d ms of a second, %d ms later: in %d s", part, after, r.Seconds)
			}
		}
	}
}

// Updates of other programs may have any numbers: they are kept as they are, and sums
// stay at the limits of the type.
func TestLargeNumbersAreExact(t *testing.T) {
	const large = 999_999_999_999_999_999
	s := newStory(t).product("a")
	u := s.update("a", 1, large, 0)
	u.Timestamp = now - 5*minuteLength
	s.apply(u)
	u = s.update("a", 2, -9, large/10)
	u.UnmetQuantity = large
	s.apply(u)
	u = s.update("a", large, large, -1)
	u.Cause = ""
	s.apply(u)
	d := s.Detail("a", now)
	if c := d.Changes[1]; *c.Delta != -large/10 || c.Unmet != large || c.Stock != -9 {
		t.Errorf("the change is %+v", c)
	}
	if d.Gaps != large-3 || d.Trend[0] != large || d.History[0].Stock != large {
		t.Errorf("gaps %d, trend %v, history %v", d.Gaps, d.Trend, d.History)
	}
	if m := s.frame().Minutes; len(m) != 2 || m[1].Units != large/10 || m[1].Revenue <= 0 {
		t.Errorf("minutes %+v", m)
	}
}

// The chart's half minutes keep stocks that are larger than 32 bits, as many as others.
func TestLargeStocksInTheHistory(t *testing.T) {
	const large = 1 << 40
	var h history
	for i := range int64(4 * historyBuckets) {
		stock := i
		if i%3 == 0 {
			stock += large
		}
		h.add(change{time: now + i*historyBucket, stock: stock}, "")
		h.add(change{time: now + i*historyBucket, stock: stock + 1}, "")
	}
	if len(h.large) > historyBuckets/3+1 {
		t.Errorf("%d large stocks are kept for %d half minutes", len(h.large), len(h.buckets))
	}
	for i, p := range h.points(0)[:historyBuckets-recentChanges] {
		n := int64(3*historyBuckets + i)
		want := n + 1
		if n%3 == 0 {
			want += large
		}
		if p.Stock != want {
			t.Fatalf("half minute %d has stock %d, want %d", n, p.Stock, want)
		}
	}
}

func TestSumsStayInRange(t *testing.T) {
	const most, least = math.MaxInt64, math.MinInt64
	for _, c := range []struct{ a, b, sum, difference int64 }{
		{1, 2, 3, -1},
		{most, 1, most, most - 1},
		{most, most, most, 0},
		{least, -1, least, least + 1},
		{least, least, least, 0},
		{most, least, -1, most},
		{0, least, least, most},
		{-1, least, least, most},
		{least, most, -1, least},
		{-2, most, most - 2, -most - 1},
	} {
		if got := sum(c.a, c.b); got != c.sum {
			t.Errorf("%d + %d is %d, want %d", c.a, c.b, got, c.sum)
		}
		if got := difference(c.a, c.b); got != c.difference {
			t.Errorf("%d − %d is %d, want %d", c.a, c.b, got, c.difference)
		}
	}
}
