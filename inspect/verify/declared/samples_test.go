package declared_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// The seven topologies of the specification, production against the oracle.
func TestSamplesAgreeWithProduction(t *testing.T) {
	const file = "../../../internal/scenario/testdata/topologies.yaml"
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := scenario.Read(file, source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for i := range s.Topologies {
		name := s.Topologies[i].Name
		t.Run(name, func(t *testing.T) {
			seen := map[string]int{}
			cases(t, 8, func(seed uint64) {
				w := newWorld(t, s, name, rand.New(rand.NewPCG(seed, 5)))
				for range 250 {
					w.sampleStep()
				}
				if w.mapper == nil {
					w.apply()
				}
				for what, n := range w.seen {
					seen[what] += n
				}
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			})
			t.Log(seen)
			if seen["outputs"] < 30 {
				t.Errorf("only %d outputs were compared", seen["outputs"])
			}
		})
	}
}

// sampleStep does something to the world: a record, a row, a tick, a transaction.
func (w *world) sampleStep() {
	w.Helper()
	w.now += w.Int64N(w.pace())
	switch n := w.IntN(20); {
	case n < 2:
		for alias, rows := range w.tables {
			key, row := w.row(alias)
			if rows[key] = row; w.IntN(8) == 0 {
				delete(rows, key)
			}
		}
	case n < 5 && w.mapper == nil:
		w.tick()
	case n < 7 && w.mapper == nil:
		w.apply()
	default:
		input := w.IntN(len(w.topology.From))
		alias := w.topology.From[input].Alias
		var key []byte
		if w.IntN(5) > 0 {
			key = fmt.Append(nil, "key-", w.IntN(3))
		}
		late := w.Int64N(3_000)
		if w.IntN(30) == 0 {
			late = w.Int64N(60_000)
		}
		ms := w.now - late
		w.record(input, key, w.spoilt(w.sample(alias, ms)), ms)
	}
}

// pace is how much time passes at most with each step, in ms.
func (w *world) pace() int64 {
	for _, t := range w.topology.Timers {
		if t.After.Hours() > 1 {
			return t.After.Milliseconds() / 2
		}
	}
	return 20_000
}

// spoilt returns a record's text, now and then with a mistake in it.
func (w *world) spoilt(text string) []byte {
	switch w.IntN(40) {
	case 0:
		return nil
	case 1:
		return []byte(text[:len(text)/2])
	case 2:
		return []byte(strings.Replace(text, `"`, `"x`, 1))
	case 3:
		return []byte(strings.ReplaceAll(text, "_id", "_di"))
	case 4:
		return []byte(strings.ReplaceAll(text, `:1`, `:"1"`))
	case 5:
		return []byte("[" + text + "]")
	case 6:
		return []byte(strings.ReplaceAll(text, `,"`, ` , "`) + "\n")
	case 7:
		return []byte(strings.ReplaceAll(text, `"product_`, `"\u0070roduct_`))
	case 8:
		return []byte(strings.ReplaceAll(text, `:2`, `:null,"x":2`))
	}
	return []byte(text)
}

func (w *world) product() string { return fmt.Sprint("prod-", w.IntN(4)) }

// number is a number in one of the ways in which JSON has them.
func (w *world) number(most int) string {
	switch w.IntN(12) {
	case 0:
		return fmt.Sprintf("%d.%02d", w.IntN(most), w.IntN(100))
	case 1:
		return fmt.Sprintf("%d.0", w.IntN(most))
	case 2:
		return fmt.Sprintf("%de1", w.IntN(most/10+1))
	}
	return fmt.Sprint(w.IntN(most))
}

// row returns a row of a table and its key.
func (w *world) row(alias string) (key, row string) {
	if alias == "segments" {
		key = fmt.Sprint("S", w.IntN(4))
		return key, fmt.Sprintf(`{"segment_name":"Segment é %d","marketing_group":%s,"discount_tier":"T%d"}`, w.IntN(3), []string{`"A"`, "null", "7"}[w.IntN(3)], w.IntN(3))
	}
	key = w.product()
	return key, w.sample("catalog", w.now)
}

// sample returns a record of an input.
func (w *world) sample(alias string, ms int64) string {
	switch alias {
	case "legacy":
		return fmt.Sprintf("<customer><cust_id>c%d</cust_id><fname>Zoë</fname><lname>O&amp;B %d</lname><phone/><addr><street>1 Main</street><zip>%d</zip></addr><dob>1990</dob><legacy_segment>S%d</legacy_segment></customer>",
			w.IntN(5), w.IntN(5), w.IntN(99999), w.IntN(5))
	case "catalog":
		return fmt.Sprintf(`{"id":"%s","name":"A \"chair\"","price":%s,"reorder_threshold":%s,"critical_threshold":%s,"reorder_quantity":%d,"warehouse_id":"w%d"}`,
			w.product(), w.number(100), w.number(20), w.number(10), w.IntN(50), w.IntN(2))
	case "updates":
		p := w.IntN(2)
		offset := w.offsets[fmt.Sprint("order_events/", p)] - w.Int64N(6)
		return fmt.Sprintf(`{"product_id":"%s","product_name":"Chair","current_stock":%s,"reorder_threshold":%s,"delta":%d,"cause":"order_events/%d@%d#%d","unmet_quantity":%d,"timestamp":%d}`,
			w.product(), w.number(60), w.number(15), w.IntN(20)-10, p, offset, w.IntN(2), w.IntN(3), ms)
	case "rivals":
		return fmt.Sprintf(`{"product_id":"%s","shop":"s%d","price":%s}`, w.product(), w.IntN(3), w.number(100))
	case "orders":
		items := make([]string, w.IntN(3))
		for i := range items {
			items[i] = fmt.Sprintf(`{"product_id":"%s","quantity":%d,"unit_price":%s}`, w.product(), 1+w.IntN(9), w.number(50))
		}
		return fmt.Sprintf(`{"order_id":"o%d","customer_id":"c%d","order_total":%s,"timestamp":%d,"items":[%s]}`, w.IntN(1000), w.IntN(3), w.number(200), ms, strings.Join(items, ","))
	case "delays":
		return fmt.Sprintf(`{"customer_id":"c%d","order_id":"o%d","product_id":"%s","product_name":"Chair","unmet_quantity":%d,"timestamp":%d}`, w.IntN(3), w.IntN(100), w.product(), w.IntN(3), ms)
	}
	w.Fatal("no sample of ", alias)
	return ""
}
