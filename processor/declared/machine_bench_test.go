package declared

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// speedRecords is how many records a benchmark goes through before it begins again with a
// new machine.
const speedRecords = 1 << 16

// nowhere keeps lines and letters, and counts outputs.
type nowhere struct {
	text    []byte
	outputs int
	letters []Letter
}

func (n *nowhere) Line(_, line []byte) error {
	n.text = append(n.text, line...)
	return nil
}

func (n *nowhere) Output(*Output) error { n.outputs++; return nil }

func (n *nowhere) Letter(l *Letter) error { n.letters = append(n.letters, *l); return nil }

// rowOf is a table with the same row for each key.
type rowOf []byte

func (r rowOf) Row(string, []byte) ([]byte, error) { return r, nil }

// speedOrders returns orders of 3,000 customers, some forty a second.
func speedOrders() (records []Record) {
	random := rand.New(rand.NewPCG(7, 7))
	for i := range speedRecords {
		at := int64(1_790_000_000_000) + int64(i)*25
		value := fmt.Appendf(nil, `{"order_id":"order-%d","customer_id":"cust-%d","items":[{"product_id":"prod-%d","quantity":%d,"unit_price":12.5},{"product_id":"prod-%d","quantity":1,"unit_price":79.99}],"order_total":%.2f,"timestamp":%d}`,
			i, random.IntN(3000), random.IntN(1000), 1+random.IntN(9), random.IntN(1000), random.ExpFloat64()*90, at)
		records = append(records, Record{Origin: Origin{"order_events", int32(i % 6), int64(i / 6), at}, Key: []byte("k"), Value: value})
	}
	return records
}

// speedUpdates returns updates of 1,000 products.
func speedUpdates() (records []Record) {
	random := rand.New(rand.NewPCG(7, 7))
	for i := range speedRecords {
		at := int64(1_790_000_000_000) + int64(i)*25
		product := random.IntN(1000)
		value := fmt.Appendf(nil, `{"product_id":"prod-%d","product_name":"Slim Backpack %d","current_stock":%d,"previous_stock":40,"delta":-3,"last_order_id":"order-%d","cause":"order_events/3@%d#1","warehouse_id":"wh-east-1","reorder_threshold":10,"critical_threshold":5,"timestamp":%d}`,
			product, product, random.IntN(60), i, i, at)
		records = append(records, Record{Origin: Origin{"inventory_updates", int32(product % 6), int64(i), at}, Key: fmt.Appendf(nil, "prod-%d", product), Value: value})
	}
	return records
}

// BenchmarkMachine applies lines in transactions, without Kafka. An operation is a line.
func BenchmarkMachine(b *testing.B) {
	for _, tt := range []struct {
		name    string
		records []Record
		tables  Tables
	}{
		{"fraud", speedOrders(), nil},
		{"low-stock", speedUpdates(), rowOf(`{"id":"prod-7","name":"Slim Backpack 7","category":"electronics","price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"warehouse_id":"wh-east-1"}`)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			p := sample(b, tt.name)
			const batch = 512 // lines of a transaction
			batches := linesOf(b, p.Router(tt.tables), tt.records, batch)
			m, to, n := p.NewMachine(), &nowhere{}, 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%batch > 0 {
					continue
				}
				if n == len(batches) {
					b.StopTimer()
					m, n = p.NewMachine(), 0
					b.StartTimer()
				}
				if err := m.Apply(int64(n), batches[n], to); err != nil {
					b.Fatal(err)
				}
				if err := m.Seal(func(_, _ []byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
				m.Commit()
				n++
			}
			if to.outputs == 0 || len(to.letters) > 0 {
				b.Fatalf("%d outputs, %+v", to.outputs, to.letters)
			}
		})
	}
}

// linesOf returns the lines of records, so many to a text, each with a tick of all
// partitions at its end.
func linesOf(b *testing.B, r *Router, records []Record, batch int) (texts [][]byte) {
	for i := 0; i < len(records); i += batch {
		to := &nowhere{}
		for k := range batch {
			if outcome, why, err := r.Route(&records[i+k], to); outcome != Routed {
				b.Fatal(outcome, why, err)
			}
		}
		last := &records[i+batch-1]
		for k := range 6 {
			to.text = AppendTick(to.text, &Tick{Time: last.Timestamp, Topic: []byte(last.Topic), Partition: int32(k),
				Parts: []TopicSize{{[]byte(last.Topic), 6}}})
		}
		texts = append(texts, to.text)
	}
	return texts
}
