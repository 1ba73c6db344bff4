package dashboard_test

import (
	"fmt"
	"testing"

	"inv/inspect/dashboard"
)

// What is open or focused stays so when records arrive.
func TestOpenDetailsStayOpen(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	c.product(lamp("a"))
	c.deadLetter("the first")
	c.take(dashboard.Alerts, "inventory_alerts", "a", []byte("[]"))
	c.stage(dashboard.LoadingDone)
	b := browse(t, c.url)
	b.open("")
	b.until(`!!document.querySelector("#dead details") && !!document.querySelector("#system dl")`)
	evaluate[bool](b, `(() => {
		for (const d of document.querySelectorAll("details")) d.open = true;
		document.querySelector("#dead summary").focus();
		window.kept = [...document.querySelectorAll("#dead *, #system *")];
		return true })()`)
	for i := range 3 {
		c.deadLetter(fmt.Sprint("another ", i))
		c.take(dashboard.Alerts, "inventory_alerts", "a", []byte("[]"))
		b.until(fmt.Sprintf(`document.querySelector("#dead").textContent.includes("another %d") && document.querySelector("#system").textContent.includes("alerts%d")`, i, i+2))
	}
	for what, expression := range map[string]string{
		"open details stay open":   `[...document.querySelectorAll("details")].length > 3 && [...document.querySelectorAll("details")].every((d) => d.open)`,
		"the focus stays":          `document.activeElement === document.querySelector("#dead summary")`,
		"elements are not renewed": `kept.every((e) => e.isConnected)`,
	} {
		if !evaluate[bool](b, expression) {
			t.Errorf("%s: false", what)
		}
	}
}

// The skip link moves the focus and nothing else, on each page; filters in the
// address hold whenever it changes.
func TestSkipLinkAndAddresses(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{})
	for i := range 3 {
		c.product(lamp(fmt.Sprint(i)))
	}
	c.stage(dashboard.LoadingDone)
	b := browse(t, c.url)
	b.open("#/?q=lamp+1")
	b.until(`document.querySelectorAll("tr.row").length === 1`)
	const skip = `(() => { document.querySelector(".skip").focus(); document.querySelector(".skip").click(); return location.hash })()`
	if hash := evaluate[string](b, skip); hash != "#/?q=lamp+1" {
		t.Errorf("after the skip link the address is %s", hash)
	}
	b.until(`document.activeElement.id === "products"`)
	evaluate[bool](b, `document.querySelector("tr.row a").click() === undefined`)
	b.until(`document.querySelector("#detail-title")?.textContent === "Lamp 1"`)
	if hash := evaluate[string](b, skip); hash != "#/product/1" {
		t.Errorf("after the skip link of a product's page the address is %s", hash)
	}
	b.until(`document.activeElement.id === "detail-title" && document.querySelector("#overview").hidden`)
	evaluate[bool](b, `document.querySelector("#back").click() === undefined`)
	b.until(`location.hash === "#/?q=lamp+1" && document.querySelectorAll("tr.row").length === 1 && !document.querySelector("#overview").hidden`)
	evaluate[bool](b, `document.querySelector("h1 a").click() === undefined`)
	b.until(`location.hash === "#/" && document.querySelector("#search").value === "" && document.querySelectorAll("tr.row").length === 3`)
	evaluate[string](b, `location.hash = "#/?q=lamp+2&sort=name"`)
	b.until(`document.querySelector("#search").value === "lamp 2" && document.querySelector("#sort").value === "name" && document.querySelectorAll("tr.row").length === 1`)
}
