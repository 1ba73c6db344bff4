package declared

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// speedRecords is how many records a benchmark goes through, before their times begin to
// repeat with another day.
const speedRecords = 1 << 16

// nowhere counts lines, outputs and letters.
type nowhere struct {
	text           []byte
	lines, outputs int
	letters        []Letter
}

func (n *nowhere) Line(_, line []byte) error {
	n.text = append(n.text, line...)
	n.lines++
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

// BenchmarkKeyed routes records, and applies their lines in transactions, without Kafka.
func BenchmarkKeyed(b *testing.B) {
	for _, tt := range []struct {
		name    string
		records []Record
		tables  Tables
	}{
		{"fraud", speedOrders(), nil},
		{"low-stock", speedUpdates(), rowOf(`{"id":"prod-7","name":"Slim Backpack 7","category":"electronics","price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"warehouse_id":"wh-east-1"}`)},
	} {
		const batch = 512 // records to a transaction
		b.Run(tt.name+"/route", func(b *testing.B) {
			r, to := sample(b, tt.name).Router(tt.tables), &nowhere{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				to.text = to.text[:0]
				if outcome, why, err := r.Route(&tt.records[i%speedRecords], to); outcome != Routed {
					b.Fatal(outcome, why, err)
				}
			}
			b.ReportMetric(float64(len(to.text)), "B/line")
		})
		b.Run(tt.name+"/apply", func(b *testing.B) {
			p := sample(b, tt.name)
			r, m, to := p.Router(tt.tables), p.NewMachine(), &nowhere{}
			var batches [][]byte
			for i := 0; i < speedRecords; i += batch {
				to.text = nil
				for k := range batch {
					if outcome, why, err := r.Route(&tt.records[i+k], to); outcome != Routed {
						b.Fatal(outcome, why, err)
					}
				}
				last := &tt.records[i+batch-1]
				for k := range 6 {
					to.text = AppendTick(to.text, &Tick{Time: last.Timestamp, Topic: []byte(last.Topic), Partition: int32(k),
						Parts: []TopicSize{{[]byte(last.Topic), 6}}})
				}
				batches = append(batches, to.text)
			}
			b.ReportAllocs()
			n := 0
			for i := 0; b.Loop(); i++ {
				if i%batch > 0 { // an iteration is a line
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
			if len(to.letters) > 0 {
				b.Fatalf("%+v", to.letters[0])
			}
		})
	}
}

// BenchmarkMapped maps records of a topology without keys.
func BenchmarkMapped(b *testing.B) {
	const value = `<?xml version='1.1' encoding='UTF-8'?><Struct><account_created>2015-03-20</account_created><addr><city>Anytown</city><state>CA</state><street>123 Main St</street><zip>90210</zip></addr><cust_id>7307</cust_id><dob>1980-01-15</dob><fname>John</fname><legacy_segment>A</legacy_segment><lname>Doe</lname><phone>555-123-4567</phone></Struct>`
	m := sample(b, "standardize").Mapper(rowOf(`{"discount_tier":"Tier 1","marketing_group":"High Value","segment_name":"Premium"}`))
	rec, to := Record{Origin: Origin{"legacy_customer_data", 1, 2, 1_790_000_000_000}, Key: []byte("7307"), Value: []byte(value)}, &nowhere{}
	b.ReportAllocs()
	for b.Loop() {
		if outcome, why, err := m.Map(&rec, 1_790_000_000_000, to); outcome != Routed {
			b.Fatal(outcome, why, err)
		}
	}
}
