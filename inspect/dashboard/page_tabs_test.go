package dashboard_test

import (
	"fmt"
	"testing"

	"inv/inspect/dashboard"
	"inv/internal/event"
)

// Eight visible tabs of one browser are live at a time, although it has only six
// connections to a host. Tabs without a stream get one when others close.
func TestManyTabsOfOneBrowser(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	c.product(lamp("a"))
	c.stage(dashboard.LoadingDone)
	first := browse(t, c.url)
	tabs, closing := []*tab{first}, []func(){func() {}}
	for range 7 {
		another, closeTab := first.another()
		tabs, closing = append(tabs, another), append(closing, closeTab)
	}
	for _, b := range tabs {
		b.spy()
		b.openLive()
		if !evaluate[bool](b, `!document.hidden`) {
			t.Fatal("the tab is hidden")
		}
	}
	stock := int64(40)
	sell := func(tabs []*tab) {
		stock--
		c.update(event.Update{ProductID: "a", CurrentStock: stock, Seq: 40 - stock, Delta: -1, Timestamp: c.clock.Load()})
		for _, b := range tabs {
			b.until(fmt.Sprintf(`%s.querySelector(".stock b").textContent === "%d"`, rowOf("a"), stock))
		}
	}
	sell(tabs)
	streaming := func(tabs []*tab) (n int) {
		for _, b := range tabs {
			if evaluate[bool](b, `streams.length === 1`) {
				n++ // it never had to ask again
			}
		}
		return n
	}
	if n := streaming(tabs); n != 3 {
		t.Errorf("%d of 8 tabs have a stream, want 3", n)
	}
	// Another view needs another stream.
	evaluate[string](tabs[7], `location.hash = "#/product/a"`)
	tabs[7].until(`document.querySelector("#detail-title")?.textContent === "Lamp a"`)
	evaluate[string](tabs[7], `location.hash = "#/"`)
	for i := 1; i < 6; i++ {
		closing[i]()
	}
	left := []*tab{first, tabs[6], tabs[7]}
	for _, b := range left[1:] {
		b.until(`!!streams.at(-1) && streams.at(-1).readyState === EventSource.OPEN && streams.at(-1).heard > 3`)
	}
	sell(left)
}
