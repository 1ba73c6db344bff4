package query

import (
	"testing"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"
)

func BenchmarkMatch(b *testing.B) {
	order := []byte(`{"order_id":"order-1841","customer_id":"cust-77","status":"paid","order_total":512.35,"limit":500,"warehouse":{"id":"w-1","city":"Utrecht"},"items":[{"product_id":"prod-1","quantity":2},{"product_id":"prod-4","quantity":1}]}`)
	record := &fetch.Record{Topic: "orders", Partition: 2, Offset: 1841, Timestamp: 1625097600000, Key: []byte("prod-1"), Value: order}
	for _, source := range []string{`.order_total > 500`, `.status == "paid"`, `.order_total > 500 and (.status == "paid" or .warehouse.city == "x") and ($partition == 2)`, `.warehouse.id | startswith("w-")`, `$key == "prod-1"`, `.order_total > .limit`, `any(.items[]; .quantity > 1)`} {
		for name, d := range map[string]Dialect{"jq": JQ, "view": AbsentFalse} {
			b.Run(source+"/"+name, func(b *testing.B) {
				fields := jsonscan.NewFields()
				c, err := Compile(source, d, fields)
				if err != nil {
					b.Fatal(err)
				}
				in := Input{Record: record, Value: order, Fields: make([][]byte, fields.Len()), JSON: true}
				fields.Scan(order, in.Fields)
				b.ReportAllocs()
				for b.Loop() {
					c.Match(&in)
				}
			})
		}
	}
}
