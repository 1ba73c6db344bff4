package declared

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// benched is what a Bench has given, as one line each.
type benched struct {
	lines []string
	keys  map[string][]string // the outputs of each alias and key
}

func newBenched(p *Program, o BenchOptions) (*Bench, *benched) {
	out := &benched{keys: map[string][]string{}}
	o.App = "inv"
	o.Output = func(r *BenchOutput) error {
		text := fmt.Sprintf("%s %s %d %s", r.Alias, r.Key, r.Timestamp, r.Value)
		out.lines = append(out.lines, text)
		key := r.Alias + " " + string(r.Key)
		for _, h := range r.Headers {
			if h.Key == "ce_id" || h.Key == "ce_type" {
				text += " " + string(h.Value)
			}
		}
		out.keys[key] = append(out.keys[key], text)
		return nil
	}
	o.Letter = func(l *BenchLetter) error {
		text := fmt.Sprintf("%s: %s: %s: %s/%d@%d %s %s", l.Stage, l.Reason, l.Message, l.Record.Alias, l.Record.Partition, l.Record.Offset, l.Record.Key, l.Record.Value)
		out.lines = append(out.lines, text)
		out.keys["letters"] = append(out.keys["letters"], text)
		return nil
	}
	return NewBench(p, o), out
}

// send has a bench read a record of a time.
func send(t testing.TB, b *Bench, ms int64, alias, key, value string) {
	t.Helper()
	r := &BenchRecord{Alias: alias, Partition: -1, Offset: -1, Timestamp: ms, Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	if err := b.Record(r); err != nil {
		t.Fatal(err)
	}
}

func advance(t testing.TB, b *Bench, ms int64) {
	t.Helper()
	if err := b.Advance(ms); err != nil {
		t.Fatal(err)
	}
}

func flush(t testing.TB, b *Bench) {
	t.Helper()
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
}

// everyWay runs a case over 1, 2 and 6 partitions of inputs and log, with and without
// rollbacks: what each key gets must be the same. It returns what came first.
func everyWay(t *testing.T, p *Program, run func(b *Bench)) *benched {
	t.Helper()
	var first *benched
	for _, partitions := range []int{1, 2, 6} {
		for _, rollback := range []bool{false, true} {
			b, out := newBenched(p, BenchOptions{Partitions: partitions, Inputs: func(string) int { return partitions }, Rollback: rollback})
			run(b)
			if first == nil {
				first = out
				continue
			}
			for key, want := range first.keys { // of several keys of the state, in any order
				slices.Sort(want)
				got := slices.Sorted(slices.Values(out.keys[key]))
				if key != "letters" && !slices.Equal(got, want) {
					t.Errorf("%d partitions, rollback %v: %s got\n%s\nwant\n%s", partitions, rollback, key, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			if len(out.keys) != len(first.keys) {
				t.Errorf("%d partitions, rollback %v: %v, want %v", partitions, rollback, out.lines, first.lines)
			}
		}
	}
	return first
}

func (b *benched) check(t *testing.T, want ...string) {
	t.Helper()
	if len(b.lines) != len(want) {
		t.Errorf("got  %s\nwant %s", strings.Join(b.lines, "\n     "), strings.Join(want, "\n     "))
		return
	}
	for i, w := range want {
		if !strings.HasPrefix(b.lines[i], w) {
			t.Errorf("got  %s\nwant %s", b.lines[i], w)
		}
	}
}

const (
	minute = 60_000
	hour   = 60 * minute
)

func TestBenchLowStock(t *testing.T) {
	p := sample(t, "low-stock")
	out := everyWay(t, p, func(b *Bench) {
		send(t, b, 1, "catalog", "p1", `{"name":"Lamp","reorder_threshold":50,"critical_threshold":10,"reorder_quantity":100,"warehouse_id":"w"}`)
		for i, stock := range []int{60, 50, 45, 9, 8, 51, 50} {
			send(t, b, int64(1000+i), "updates", "p1", fmt.Sprintf(`{"product_id":"p1","current_stock":%d}`, stock))
		}
		send(t, b, 2000, "updates", "p2", `{"product_id":"p2","current_stock":1}`)
		flush(t, b)
	})
	out.check(t,
		`reorders p1 1001 {"event_id":"reorder-p1-2","product_id":"p1","product_name":"Lamp","current_stock":50,"reorder_quantity":100,"priority":"normal"`,
		`alerts p1 1003 {"alert_id":"alert-p1-4"`,
		`reorders p1 1006 {"event_id":"reorder-p1-7"`,
		`low-stock-route: missing-row: catalog has no row for the key "p2": updates/`)
}

// A record that is dated in the future is refused where that is limited, and does not make
// late what comes after it.
func TestBenchFutureRecord(t *testing.T) {
	p := program(t, `
		from: {a: {key: .k}}
		time: .ms
		ahead: 1h
		grace: 1s
		ttl: forever
		keep: {n: {count: .}}
		emit: [{to: x, fields: {n: $s.n}}]
		`)
	everyWay(t, p, func(b *Bench) {
		send(t, b, 1000, "a", "k", `{"k":"k","ms":1000}`)
		send(t, b, 2000, "a", "k", `{"k":"k","ms":4070908800000}`)
		send(t, b, 3000, "a", "k", `{"k":"k","ms":3000}`)
		flush(t, b)
	}).check(t,
		`x k 1000 {"n":1}`,
		`t-route: future: its time 2099-01-01T00:00:00.000Z is more than 1h0m0s after its timestamp 1970-01-01T00:00:02.000Z: a/`,
		`x k 3000 {"n":2}`)
}

func TestBenchTimersAndTicks(t *testing.T) {
	p := sample(t, "promotions")
	over, sold := `{"product_id":"p1","product_name":"Lamp","reorder_threshold":10,"current_stock":40}`, `{"product_id":"p1","product_name":"Lamp","reorder_threshold":10,"current_stock":9}`
	everyWay(t, p, func(b *Bench) {
		send(t, b, 0, "updates", "p1", over)
		flush(t, b) // no time passes
	}).check(t)
	everyWay(t, p, func(b *Bench) {
		send(t, b, 1000, "updates", "p1", over)
		advance(t, b, 24*hour+1000)
		send(t, b, 25*hour, "updates", "p1", sold)
		flush(t, b)
	}).check(t, `promotions p1 86401000 {"promotion_id":"promo-p1-2","product_id":"p1"`, `promotions p1 90000000 {"promotion_id":"promo-p1-2"`)
}

func TestBenchOrderByTime(t *testing.T) {
	p := sample(t, "fraud")
	order := func(total string) string { return `{"customer_id":"c1","order_id":"o","order_total":` + total + `}` }
	everyWay(t, p, func(b *Bench) {
		for i := range 5 { // backwards, within the grace
			send(t, b, int64(10_000-1000*i), "orders", "c1", order("10"))
		}
		flush(t, b)
	}).check(t, `fraud-alerts c1 10000 {"alert_id":"fraud-c1-5","customer_id":"c1","order_id":"o","reasons":["velocity"],"order_total":10,"orders_in_10m":5,"timestamp":10000}`)
	b, out := newBenched(p, BenchOptions{Partitions: 1, Inputs: func(string) int { return 1 }})
	send(t, b, 100_000, "orders", "c1", order("10"))
	send(t, b, 89_999, "orders", "c2", order("10"))
	flush(t, b)
	out.check(t, `fraud-state: late: its time 1970-01-01T00:01:29.999Z is before`)
	if !strings.HasSuffix(out.lines[0], `orders/0@1 c2 `+order("10")) {
		t.Errorf("the letter's record is not the original: %s", out.lines[0])
	}
}

func TestBenchExplodes(t *testing.T) {
	p := sample(t, "delays")
	everyWay(t, p, func(b *Bench) {
		if err := b.Record(&BenchRecord{Alias: "orders", Partition: 0, Offset: 7, Timestamp: 1000, Key: []byte("o1"),
			Value: []byte(`{"order_id":"o1","customer_id":"c1","items":[{"product_id":"p1"},{"product_id":"p2"}]}`)}); err != nil {
			t.Fatal(err)
		}
		send(t, b, 1001, "updates", "p2", `{"cause":"order_events/0@7#1","product_name":"Lamp","unmet_quantity":3}`)
		send(t, b, 1002, "updates", "p1", `{"cause":"order_events/0@7#0","product_name":"Desk"}`)
		flush(t, b)
	}).check(t, `delays c1 1001 {"customer_id":"c1","order_id":"o1","product_id":"p2","product_name":"Lamp","unmet_quantity":3,"timestamp":1001}`)
}

func TestBenchWithoutState(t *testing.T) {
	b, out := newBenched(sample(t, "standardize"), BenchOptions{Inputs: func(string) int { return 1 }, Clock: func() int64 { return 1_000_000 }})
	send(t, b, 1000, "segments", "A", "{ \"segment_name\":\n\"Premium\"}")
	send(t, b, 1001, "segments", "B", `{"segment_name":"Basic"}`)
	send(t, b, 1002, "segments", "B", "")
	send(t, b, 1003, "segments", "C", `{"segment_name":"Basic"}`)
	send(t, b, 1004, "segments", "C", `{`)
	for _, segment := range []string{"A", "B", "C"} {
		send(t, b, 2000, "legacy", "7", `<r><cust_id>7</cust_id><fname>John</fname><lname>Doe</lname><legacy_segment>`+segment+`</legacy_segment></r>`)
	}
	send(t, b, 2000, "legacy", "8", `<r>`)
	flush(t, b)
	out.check(t, `standardized 7 2000 {"customer_id":"7","name":{"first":"John","last":"Doe"}`, `standardized 7 2000 {"customer_id":"7"`, `standardized 7 2000 {"customer_id":"7"`, "standardize: not-xml: the value is not XML: ")
	for i, want := range []string{`"segment":"Premium"`, `"segment":"Unknown"`, `"segment":"Unknown"`} {
		if !strings.Contains(out.lines[i], want) || !strings.Contains(out.lines[i], `"last_updated":"1970-01-01T00:16:40Z"`) {
			t.Errorf("%s lacks %s", out.lines[i], want)
		}
	}
	if id := out.keys["standardized 7"][1]; !strings.HasSuffix(id, " samples.standardized.v1 standardize-legacy_customers-0-1-0") {
		t.Errorf("the second output has the headers %s", id)
	}
}

func TestBenchRefusesWhatIsNoInput(t *testing.T) {
	b, _ := newBenched(sample(t, "fraud"), BenchOptions{Partitions: 1})
	if err := b.Record(&BenchRecord{Alias: "nothing", Value: []byte("{}")}); err == nil || err.Error() != "the topology fraud does not read nothing" {
		t.Errorf("got %v", err)
	}
}

// TestSamplesInEveryWay runs the samples over random records, in
// every way. Random records are in order, so that nothing is late.
func TestSamplesInEveryWay(t *testing.T) {
	s := samples(t)
	for i := range s.Topologies {
		topology := &s.Topologies[i]
		t.Run(topology.Name, func(t *testing.T) {
			p, problems := Compile(s, topology)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			out := everyWay(t, p, func(b *Bench) { randomRecords(t, b, topology) })
			if len(out.keys) == 0 {
				t.Error("no output")
			}
		})
	}
}

// randomRecords sends records of the sample's topics.
func randomRecords(t *testing.T, b *Bench, topology *scenario.Topology) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, 1+r.IntN(n)) }
	for i := range 4 {
		id := fmt.Sprintf("p%d", i)
		for _, table := range []string{"catalog", "segments"} {
			if b.rows[table] != nil {
				send(t, b, 1, table, id, `{"id":"`+id+`","name":"n","price":10,"reorder_threshold":10,"critical_threshold":3,"reorder_quantity":5,"segment_name":"S"}`)
			}
		}
	}
	ms := int64(1000)
	for range 400 {
		ms += int64(r.IntN(2 * minute))
		in := topology.From[r.IntN(len(topology.From))].Alias
		product, customer := pick("p", 4), pick("c", 5)
		value := ""
		switch in {
		case "catalog":
			value = fmt.Sprintf(`{"id":%q,"price":%d.5,"reorder_threshold":%d}`, product, 5+r.IntN(10), 5+r.IntN(10))
		case "orders":
			value = fmt.Sprintf(`{"order_id":%q,"customer_id":%q,"order_total":%d,"items":[{"product_id":%q,"n":1},{"product_id":%q}]}`, pick("o", 900), customer, r.IntN(300), product, pick("p", 4))
		case "updates":
			value = fmt.Sprintf(`{"product_id":%q,"product_name":"n","current_stock":%d,"reorder_threshold":10,"delta":%d,"unmet_quantity":%d,"cause":"order_events/0@%d#%d"}`,
				product, r.IntN(60), r.IntN(9)-4, r.IntN(3), r.IntN(100), r.IntN(2))
		case "rivals":
			value = fmt.Sprintf(`{"product_id":%q,"shop":%q,"price":%d.25}`, product, pick("s", 2), 5+r.IntN(10))
		case "delays":
			value = fmt.Sprintf(`{"product_id":%q,"customer_id":%q,"order_id":"o","product_name":"n"}`, product, customer)
		case "legacy":
			value = `<r><cust_id>` + customer + `</cust_id><fname>A</fname><lname>B</lname><legacy_segment>` + product + `</legacy_segment></r>`
		default:
			t.Fatalf("no records for %s", in)
		}
		if r.IntN(40) == 0 {
			value = `{"broken":`
		}
		// Of one partition, so that its records have the same places with any number.
		if err := b.Record(&BenchRecord{Alias: in, Offset: -1, Timestamp: ms, Key: []byte(product), Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if r.IntN(10) == 0 {
			ms += int64(r.IntN(30 * hour))
			advance(t, b, ms)
		}
	}
	flush(t, b)
}
