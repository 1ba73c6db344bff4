package declared

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// quiet counts what a machine gives.
type quiet struct{ outputs, letters int }

func (q *quiet) Output(*Output) error { q.outputs++; return nil }
func (q *quiet) Letter(*Letter) error { q.letters++; return nil }

// orderLines returns records of a log of orders of so many customers.
func orderLines(records, lines, customers int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	now, offset := int64(1_732_881_600_000), int64(0)
	var all [][]byte
	for range records {
		var record []byte
		for range lines {
			now += rng.Int64N(20)
			cents := 500 + rng.IntN(20000)
			v := fmt.Appendf(nil, `{"order_id":"order-%d","customer_id":"cust-%d","customer_name":"Somebody Else","items":[{"product_id":"prod-%03d","quantity":%d,"unit_price":%d.%02d},{"product_id":"prod-%03d","quantity":1,"unit_price":19.99}],"order_total":%d.%02d,"timestamp":%d,"status":"NEW"}`,
				offset, rng.IntN(customers), rng.IntN(999), 1+rng.IntN(5), cents/100, cents%100, rng.IntN(999), cents/100, cents%100, now)
			key := fmt.Appendf(nil, "cust-%d", rng.IntN(customers))
			record = AppendLine(record, &Line{Key: key, Time: now, Input: []byte("orders"), Topic: []byte("order_events"), Partition: int32(offset % 2), Offset: offset / 2, Timestamp: now, Index: -1, Value: v})
			offset++
		}
		for p := range int32(2) {
			record = AppendTick(record, &Tick{Time: now, Topic: []byte("order_events"), Partition: p, Parts: []TopicSize{{[]byte("order_events"), 2}}})
		}
		all = append(all, record)
	}
	return all
}

func updateLines(records, lines, products int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	now, offset := int64(1_732_881_600_000), int64(0)
	var all [][]byte
	for range records {
		var record []byte
		for range lines {
			now += rng.Int64N(20)
			product := rng.IntN(products)
			stock := rng.IntN(100)
			v := fmt.Appendf(nil, `{"event_id":"update-prod-%d-%d","product_id":"prod-%d","product_name":"A thing","previous_stock":%d,"current_stock":%d,"delta":-1,"reorder_threshold":20,"reason":"order","cause":"order_events/3@%d#0","timestamp":%d}`,
				product, offset, product, stock+1, stock, offset, now)
			rows := fmt.Appendf(nil, `{"p":{"id":"prod-%d","name":"A thing","price":19.99,"reorder_threshold":2,"critical_threshold":1,"reorder_quantity":50,"warehouse_id":"w-1"}}`, product)
			record = AppendLine(record, &Line{Key: fmt.Appendf(nil, "prod-%d", product), Time: now, Input: []byte("updates"), Topic: []byte("inventory_updates"), Partition: 0, Offset: offset, Timestamp: now, Index: -1, Rows: rows, Value: v})
			offset++
		}
		all = append(all, record)
	}
	return all
}

// benchmark applies records in transactions of eight, as many lines as the benchmark asks
// for.
func benchmark(b *testing.B, p *Program, records [][]byte) {
	m := p.NewMachine()
	var q quiet
	b.ReportAllocs()
	b.ResetTimer()
	for offset, lines := range records {
		if err := m.Apply(int64(offset), lines, &q); err != nil {
			b.Fatal(err)
		}
		if offset%8 == 7 {
			if err := m.Seal(func(key, value []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
			m.Commit()
		}
	}
	b.StopTimer()
	if q.letters > 0 {
		b.Fatalf("%d letters", q.letters)
	}
	b.ReportMetric(float64(q.outputs)/float64(b.N), "outputs/op")
	b.ReportMetric(float64(m.Counts().Bytes)/float64(max(m.Counts().Keys, 1)), "B/key")
}

// benchmarkLines is the number of lines in a record of a benchmark's log.
const benchmarkLines = 500

func BenchmarkFraud(b *testing.B) {
	for _, customers := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(customers), func(b *testing.B) {
			benchmark(b, sample(b, "fraud"), orderLines(b.N/benchmarkLines+1, benchmarkLines, customers))
		})
	}
}

func BenchmarkLowStock(b *testing.B) {
	benchmark(b, sample(b, "low-stock"), updateLines(b.N/benchmarkLines+1, benchmarkLines, 5000))
}

// After some transactions a line allocates nothing.
func TestLinesAllocateNothing(t *testing.T) {
	for name, records := range map[string][][]byte{
		"fraud":     orderLines(450, 60, 100),
		"low-stock": updateLines(450, 60, 100),
	} {
		m := sample(t, name).NewMachine()
		var q quiet
		offset := 0
		transaction := func() {
			for range 4 {
				if err := m.Apply(int64(offset), records[offset], &q); err != nil {
					t.Fatal(err)
				}
				offset++
			}
			if err := m.Seal(func(_, _ []byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
			m.Commit()
		}
		for range 80 {
			transaction()
		}
		// A chunk of the table now and then is none of a line.
		if n := testing.AllocsPerRun(30, transaction); n > 40 || q.letters > 0 || q.outputs == 0 {
			t.Errorf("%s: %v allocations for 240 lines, %d outputs, %d letters", name, n, q.outputs, q.letters)
		}
	}
}
