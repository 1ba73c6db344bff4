package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// maker makes records and state. With faults, fields are absent, null or of a wrong type
// now and then.
type maker struct {
	*rand.Rand
	faults bool
}

// names are the variables that a topology's expressions can use.
var names = []string{"$s", "$was", "$p", "$seg", "$n", "$t", "$key", "$in", "$topic", "$partition", "$offset", "$i", "$clock"}

// variables returns the values of the variables, as JSON.
func (m *maker) variables() []string {
	now := 1_700_000_000_000 + m.Int64N(1e9)
	return []string{
		m.state(now), m.state(now), m.record("catalog"), m.record("segments"),
		fmt.Sprint(m.IntN(1000)), fmt.Sprint(now), quote(m.id("prod", 500)), quote([]string{"updates", "orders"}[m.IntN(2)]),
		`"orders"`, fmt.Sprint(m.IntN(6)), fmt.Sprint(m.IntN(1e6)), fmt.Sprint(m.IntN(5)), fmt.Sprint(now),
	}
}

func quote(s string) string { return `"` + s + `"` }

func (m *maker) id(kind string, n int) string { return fmt.Sprintf("%s-%d", kind, m.IntN(n)) }

func (m *maker) money(limit int) string { return fmt.Sprintf("%d.%02d", m.IntN(limit), m.IntN(100)) }

// object joins names and values, some of which are faulty.
func (m *maker) object(fields ...string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(fields); i += 2 {
		value := fields[i+1]
		if m.faults && m.IntN(12) == 0 {
			value = []string{"", "null", `"text"`, "-3", "1e3", "{}", "[]", "false", `"\u00e9\n"`, "9007199254740993", "12345678901234567890"}[m.IntN(11)]
		}
		if value == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quote(fields[i]) + ":" + value)
	}
	b.WriteByte('}')
	return b.String()
}

func (m *maker) list(n int, element func() string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = element()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// state has what all topologies keep.
func (m *maker) state(now int64) string {
	truth := func() string { return fmt.Sprint(m.IntN(2) == 0) }
	count := func(n int) string { return fmt.Sprint(m.IntN(n)) }
	rival := func() string {
		return m.object("price", m.money(300), "t", fmt.Sprint(now-m.Int64N(2*86_400_000)))
	}
	rivals := m.object([]string{"shop-3", rival(), "shop-1", rival(), "shop-7", rival()}[:2*m.IntN(4)]...)
	return m.object("low", count(50), "critical", truth(), "base", m.money(300), "stock", count(100), "rivals", rivals, "price", m.money(300),
		"over", truth(), "name", quote("Phone Cover"), "running", quote(m.id("promo", 9)), "probe", fmt.Sprint(now-m.Int64N(4_000_000)),
		"recent", count(8), "seen", count(10), "usual", m.money(90), "unmet", count(3), "line", m.record("lines"),
		"waiting", m.list(m.IntN(3), func() string { return m.record("delays") }))
}

// record makes a record of a kind.
func (m *maker) record(kind string) string {
	product, count := quote(m.id("prod", 500)), func(n int) string { return fmt.Sprint(m.IntN(n)) }
	switch kind {
	case "orders":
		return m.object("order_id", quote(m.id("order", 1e6)), "customer_id", quote(m.id("cust", 1e4)),
			"items", m.list(1+m.IntN(4), func() string {
				return m.object("product_id", quote(m.id("prod", 500)), "quantity", count(9), "unit_price", m.money(300))
			}), "order_total", m.money(900), "timestamp", count(1e9))
	case "updates":
		return m.object("product_id", product, "product_name", quote("Phone Cover"), "category", quote("accessories"), "current_stock", count(100),
			"warehouse_id", quote("wh-2"), "timestamp", count(1e9), "unit_price", m.money(300), "reorder_threshold", count(40), "reorder_quantity", count(100),
			"critical_threshold", count(10), "seq", count(1e5), "delta", fmt.Sprint(m.IntN(40)-20), "cause", quote("orders/3@1841#0"),
			"unmet_quantity", count(3), "last_order_id", quote(m.id("order", 1e6)), "last_updated", count(1e9))
	case "catalog":
		return m.object("id", product, "name", quote("Phone Cover"), "category", quote("accessories"), "price", m.money(300),
			"reorder_threshold", count(40), "reorder_quantity", count(100), "critical_threshold", count(10), "warehouse_id", quote("wh-2"))
	case "rivals":
		return m.object("product_id", product, "shop", quote(m.id("shop", 9)), "price", m.money(300))
	case "segments":
		return m.object("segment_name", quote("Premium"), "marketing_group", quote("Gold"), "discount_tier", count(4))
	case "legacy":
		return m.object("cust_id", quote(count(1e5)), "fname", quote("Johanna"), "lname", quote("O’Neil"), "phone", quote("555-123-4567"),
			"addr", m.object("street", quote("123 Main St"), "city", quote("Anytown"), "state", quote("CA"), "zip", quote("90210")),
			"dob", quote("1980-01-15"), "account_created", quote("2015-03-20"), "legacy_segment", quote("A"))
	}
	return m.object("order_id", quote(m.id("order", 1e6)), "customer_id", quote(m.id("cust", 1e4)), "product_id", product,
		"product_name", quote("Phone Cover"), "quantity", count(9), "unit_price", m.money(300), "unmet_quantity", count(3), "timestamp", count(1e9))
}
