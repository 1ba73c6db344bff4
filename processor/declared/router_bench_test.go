package declared

import (
	"fmt"
	"testing"

	"inv/internal/scenario"
)

// benchmarkOrder is an order as the generator writes it.
const benchmarkOrder = `{"order_id":"order-1042","customer_id":"cust-0417","timestamp":1732881600123,"order_total":257.47,"items":[` +
	`{"product_id":"prod-001","product_name":"Wireless Mouse","quantity":2,"unit_price":29.99,"line_total":59.98},` +
	`{"product_id":"prod-017","product_name":"Standing Desk","quantity":1,"unit_price":197.49,"line_total":197.49}],` +
	`"shipping_address":{"street":"123 Main St","city":"Anytown","state":"CA","zip":"90210"},"payment_method":"credit_card","status":"created"}`

// benchmarkUpdate is an inventory update as the built-in ledger writes it.
const benchmarkUpdate = `{"event_id":"upd-prod-001-17","cause":"order_events/3@4711#0","product_id":"prod-001","product_name":"Wireless Mouse",` +
	`"warehouse_id":"wh-east","previous_stock":120,"current_stock":118,"delta":-2,"unmet_quantity":0,"reorder_threshold":50,"critical_threshold":10,"timestamp":1732881600456}`

const benchmarkRow = `{"id":"prod-001","name":"Wireless Mouse","price":29.99,"reorder_threshold":50,"critical_threshold":10,"reorder_quantity":100,"warehouse_id":"wh-east"}`

func BenchmarkRouter(b *testing.B) {
	for _, c := range []struct{ topology, alias, value string }{
		{"fraud", "orders", benchmarkOrder},
		{"delays", "orders", benchmarkOrder},
		{"low-stock", "updates", benchmarkUpdate},
		{"pricing", "updates", benchmarkUpdate},
	} {
		b.Run(c.topology, func(b *testing.B) {
			p := sample(b, c.topology)
			router := p.Router(fixed{[]byte(benchmarkRow)})
			record := &Record{Input: inputOf(p, c.alias), Origin: Origin{"order_events", 3, 4711, 1732881600120}, Key: []byte("order-1042"), Value: []byte(c.value)}
			b.SetBytes(int64(len(c.value)))
			b.ReportAllocs()
			for b.Loop() {
				record.Offset++
				if outcome, refusal, err := router.Route(record, discard{}); outcome != Routed || err != nil {
					b.Fatal(outcome, refusal, err)
				}
			}
		})
	}
	b.Run("xml", func(b *testing.B) {
		s := samples(b)
		topology := *s.Topology("standardize")
		topology.From[0].Key, topology.TTLForever = &scenario.JQ{Source: ".cust_id"}, true
		topology.Emit = topology.Emit[:0]
		p, problems := Compile(s, &topology)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		benchmarkXML(b, func(r *Record, router *Router) (Outcome, *Refusal, error) { return router.Route(r, discard{}) }, p.Router(fixed{[]byte(`{"segment_name":"Premium"}`)}))
	})
}

func BenchmarkMapper(b *testing.B) {
	m := sample(b, "standardize").Mapper(fixed{[]byte(`{"discount_tier":"Tier 1","marketing_group":"High Value","segment_name":"Premium"}`)})
	benchmarkXML(b, func(r *Record, m *Mapper) (Outcome, *Refusal, error) { return m.Map(r, 1732881600123, discard{}) }, m)
}

// benchmarkXML runs what decides records over that of the reference.
func benchmarkXML[T any](b *testing.B, decide func(*Record, T) (Outcome, *Refusal, error), by T) {
	r := readRecorded(b, "legacy_customer_data.jsonl")[0]
	record := &Record{Origin: Origin{"legacy_customers", 0, 1, r.Timestamp}, Key: []byte(r.Key), Value: []byte(r.Value)}
	b.SetBytes(int64(len(r.Value)))
	b.ReportAllocs()
	for b.Loop() {
		record.Offset++
		if outcome, refusal, err := decide(record, by); outcome != Routed || err != nil {
			b.Fatal(outcome, refusal, err)
		}
	}
}

// inputOf returns the index of an input.
func inputOf(p *Program, alias string) int {
	for i := range p.Topology.From {
		if p.Topology.From[i].Alias == alias {
			return i
		}
	}
	panic(fmt.Sprintf("%s is no input of %s", alias, p.Topology.Name))
}

func BenchmarkParseLine(b *testing.B) {
	p := sample(b, "fraud")
	var text []byte
	_, _, _ = p.Router(nil).Route(&Record{Origin: Origin{"order_events", 3, 4711, 1732881600120}, Value: []byte(benchmarkOrder)}, lineFunc(func(_, line []byte) { text = append(text, line...) }))
	fields, found := p.state.scope.fields, make([][]byte, p.state.scope.fields.Len())
	var l Line
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := parseLine(text, &l, fields, found); err != nil {
			b.Fatal(err)
		}
	}
}

type lineFunc func(key, line []byte)

func (f lineFunc) Line(key, line []byte) error { f(key, line); return nil }
