package suggest

import "testing"

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word, want string
	}{
		{"alert", "alerts"}, {"aler", "alerts"}, {"alrets", "alerts"}, {"ale", "alerts"}, {"al", ""},
		{"inventory_al", "inventory_alerts"}, {"order", "orders"}, {"order_e", "order_events"}, {"odrers", "orders"}, {"nothing", ""}, {"", ""},
	} {
		if got := Nearest(c.word, []string{"alerts", "inventory_alerts", "order_events", "orders"}); got != c.want {
			t.Errorf("Nearest(%q) is %q, want %q", c.word, got, c.want)
		}
	}
}

func TestList(t *testing.T) {
	many := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	for n, want := range map[int]string{0: "", 1: "a", 8: "a, b, c, d, e, f, g, h", 10: "a, b, c, d, e, f, g, h and 2 more"} {
		if got := List(many[:n]); got != want {
			t.Errorf("%d names are %q, want %q", n, got, want)
		}
	}
}
