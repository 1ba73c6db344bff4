package dashboard

import (
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
