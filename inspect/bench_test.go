package inspect

import (
	"fmt"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/scenarios"

	"github.com/muesli/termenv"
)

func inventory(t testing.TB) *scenario.Scenario {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inventoryViews(t testing.TB) map[string]*View {
	t.Helper()
	views, err := Views(inventory(t), "inv")
	if err != nil {
		t.Fatal(err)
	}
	return views
}

// orderRecords are orders such as cmd/bench/tail's.
func orderRecords() []*Record {
	var records []*Record
	for i := range 64 {
		records = append(records, &Record{
			Topic: "order_events", Partition: int32(i % 6), Offset: int64(i * 1000), Timestamp: 1625097600000 + int64(i)*37,
			Key: fmt.Appendf(nil, "order-%d", i),
			Value: fmt.Appendf(nil, `{"order_id":"order-%d","customer_id":"cust-%d","items":[{"product_id":"prod-%d","quantity":%d,"unit_price":79.99},`+
				`{"product_id":"prod-%d","quantity":2,"unit_price":79.99}],"order_total":%d.99,"timestamp":%d}`,
				i, i*7919, i*13, 1+i%9, i*17, 100+i*10, 1625097600000+int64(i)*37),
		})
	}
	return records
}

func benchmarkRenderer(b *testing.B, r Renderer) {
	records := orderRecords()
	var dst []byte
	b.ReportAllocs()
	for i := range b.N {
		if i%64 == 0 {
			dst = dst[:0]
		}
		dst = r.Append(dst, records[i%64])
	}
}

func BenchmarkPrettyColor(b *testing.B) {
	benchmarkRenderer(b, NewPretty(PrettyOptions{
		Theme: theme.New(termenv.ANSI256), Location: time.UTC, Now: time.UnixMilli(1625097600000), Views: inventoryViews(b),
	}))
}

func BenchmarkJSON(b *testing.B) { benchmarkRenderer(b, NewJSON(nil, nil)) }

func BenchmarkJSONColor(b *testing.B) {
	benchmarkRenderer(b, NewJSON(theme.New(termenv.ANSI256), nil))
}

func BenchmarkFilter(b *testing.B) {
	c, err := compileCondition("filter", ".order_total > 500")
	if err != nil {
		b.Fatal(err)
	}
	records := orderRecords()
	b.ReportAllocs()
	for i := range b.N {
		c.match(records[i%64])
	}
}
