package processor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// entry is a line of the product log, as the tests read it.
type entry struct {
	Kind    string  `json:"k"`
	ID      string  `json:"id"`
	Source  string  `json:"src"`
	Time    int64   `json:"t"`
	Qty     int64   `json:"q"`
	Price   float64 `json:"p"`
	Order   string  `json:"o"`
	Reorder string  `json:"e"`

	Name              string  `json:"name"`
	Category          string  `json:"category"`
	CatalogPrice      float64 `json:"price"`
	ReorderThreshold  int64   `json:"reorder_threshold"`
	ReorderQuantity   int64   `json:"reorder_quantity"`
	CriticalThreshold int64   `json:"critical_threshold"`
	WarehouseID       string  `json:"warehouse_id"`
	InitialStock      int64   `json:"initial_stock"`
}

// written is an output record, as the tests expect and read it: all fields of
// all outputs but last_updated.
type written struct {
	topic, key string

	EventID, AlertID, AlertType, ProductID, ProductName, Category string

	CurrentStock, Timestamp, ReorderThreshold, ReorderQuantity, CriticalThreshold, Threshold int64

	UnitPrice                      float64
	Seq, Delta, Unmet              int64
	Cause, LastOrder, LastReorder  string
	Priority, WarehouseID, Message string
}

func decodeWritten(t testing.TB, topic string, key, value []byte) written {
	t.Helper()
	var v struct {
		EventID           string  `json:"event_id"`
		AlertID           string  `json:"alert_id"`
		AlertType         string  `json:"alert_type"`
		ProductID         string  `json:"product_id"`
		ProductName       string  `json:"product_name"`
		Category          string  `json:"category"`
		CurrentStock      int64   `json:"current_stock"`
		Timestamp         int64   `json:"timestamp"`
		ReorderThreshold  int64   `json:"reorder_threshold"`
		ReorderQuantity   int64   `json:"reorder_quantity"`
		CriticalThreshold int64   `json:"critical_threshold"`
		Threshold         int64   `json:"threshold"`
		UnitPrice         float64 `json:"unit_price"`
		Seq               int64   `json:"seq"`
		Delta             int64   `json:"delta"`
		Unmet             int64   `json:"unmet_quantity"`
		Cause             string  `json:"cause"`
		LastOrder         string  `json:"last_order_id"`
		LastReorder       string  `json:"last_reorder_id"`
		Priority          string  `json:"priority"`
		WarehouseID       string  `json:"warehouse_id"`
		Message           string  `json:"message"`
		LastUpdated       int64   `json:"last_updated"`
	}
	d := json.NewDecoder(strings.NewReader(string(value)))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v in %s", topic, err, value)
	}
	return written{topic, string(key), v.EventID, v.AlertID, v.AlertType, v.ProductID, v.ProductName, v.Category,
		v.CurrentStock, v.Timestamp, v.ReorderThreshold, v.ReorderQuantity, v.CriticalThreshold, v.Threshold,
		v.UnitPrice, v.Seq, v.Delta, v.Unmet, v.Cause, v.LastOrder, v.LastReorder, v.Priority, v.WarehouseID, v.Message}
}

// folded is the state of one product in the fold.
type folded struct {
	product                entry
	opened, gone, critical bool
	stock, seq, open       int64
	lastOrder, lastReorder string
	waiting                []entry
}

// fold is the rules again, written from their description and without a word of
// the processor's code: what the log's lines of one partition give.
type fold struct {
	updates, reorders, alerts string // topics
	products                  map[string]*folded
	out                       map[string][]written // by product, in order
}

func (f *fold) apply(e entry) {
	p := f.products[e.ID]
	if p == nil {
		p = &folded{}
		f.products[e.ID] = p
	}
	switch {
	case e.Kind == "delist":
		p.gone = true
	case e.Kind == "product" && !p.opened:
		p.product, p.opened, p.gone = e, true, false
		f.emit(p, e, e.InitialStock, 0, e.CatalogPrice)
		for _, w := range p.waiting {
			f.change(p, w)
		}
		p.waiting = nil
	case e.Kind == "product":
		was, is := p.product, e
		was.Source, is.Source, was.Time, is.Time = "", "", 0, 0
		if was != is || p.gone {
			p.product, p.gone = e, false
			f.emit(p, e, 0, 0, e.CatalogPrice)
		}
	case !p.opened:
		p.waiting = append(p.waiting, e)
	default:
		f.change(p, e)
	}
}

func (f *fold) change(p *folded, e entry) {
	if e.Kind == "receipt" {
		if p.open > 0 && e.Reorder == fmt.Sprintf("reorder-%s-%d", e.ID, p.open) {
			p.open = 0
		}
		if e.Reorder != "" {
			p.lastReorder = e.Reorder
		}
		f.emit(p, e, e.Qty, 0, p.product.CatalogPrice)
		return
	}
	take := e.Qty
	if take > p.stock {
		take = p.stock
	}
	p.lastOrder = e.Order
	f.emit(p, e, -take, e.Qty-take, e.Price)
}

func (f *fold) emit(p *folded, e entry, delta, unmet int64, price float64) {
	p.stock += delta
	p.seq++
	c := p.product
	add := func(w written) {
		w.ProductID, w.ProductName, w.CurrentStock, w.WarehouseID, w.Timestamp = e.ID, c.Name, p.stock, c.WarehouseID, e.Time
		f.out[e.ID] = append(f.out[e.ID], w)
	}
	add(written{topic: f.updates, key: e.ID, Category: c.Category, UnitPrice: price, ReorderThreshold: c.ReorderThreshold,
		ReorderQuantity: c.ReorderQuantity, CriticalThreshold: c.CriticalThreshold, Seq: p.seq, Delta: delta, Unmet: unmet,
		Cause: e.Source, LastOrder: p.lastOrder, LastReorder: p.lastReorder})
	if p.stock <= c.ReorderThreshold && p.open == 0 && c.ReorderQuantity > 0 && !p.gone {
		p.open = p.seq
		w := written{topic: f.reorders, EventID: fmt.Sprintf("reorder-%s-%d", e.ID, p.seq), ReorderQuantity: c.ReorderQuantity, Priority: "normal"}
		if w.key = w.EventID; p.stock < c.CriticalThreshold {
			w.Priority = "urgent"
		}
		add(w)
	}
	critical := p.stock <= c.CriticalThreshold
	if critical && !p.critical && !p.gone {
		add(written{topic: f.alerts, key: e.ID, AlertID: fmt.Sprintf("alert-%s-%d", e.ID, p.seq), AlertType: "critical_inventory", Threshold: c.CriticalThreshold,
			Message: fmt.Sprintf("Critical inventory level: %s (%d units remaining)", c.Name, p.stock)})
	}
	p.critical = critical
}

// foldLog folds the whole product log.
func (s *system) foldLog() *fold {
	s.t.Helper()
	f := &fold{updates: s.topic("updates"), reorders: s.topic("reorders"), alerts: s.topic("alerts"), products: map[string]*folded{}, out: map[string][]written{}}
	for _, records := range s.read(s.topic("log")) {
		for _, r := range records {
			for _, text := range strings.Split(strings.TrimSuffix(string(r.Value), "\n"), "\n") {
				var e entry
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					s.t.Fatalf("%s: %v", text, err)
				}
				f.apply(e)
			}
		}
	}
	return f
}

// checkFold compares the outputs with the fold: for each product the same
// records in the same order, topic by topic.
func (s *system) checkFold() *fold {
	s.t.Helper()
	f := s.foldLog()
	for _, topic := range []string{f.updates, f.reorders, f.alerts} {
		want, got := map[string][]written{}, map[string][]written{}
		for id, all := range f.out {
			for _, w := range all {
				if w.topic == topic {
					want[id] = append(want[id], w)
				}
			}
		}
		for _, records := range s.read(topic) {
			for _, r := range records {
				if headers(r)["ce_source"] != s.prefix {
					continue // the test's own
				}
				w := decodeWritten(s.t, topic, r.Key, r.Value)
				got[w.ProductID] = append(got[w.ProductID], w)
			}
		}
		compareWritten(s.t, topic, got, want)
	}
	return f
}

func compareWritten(t testing.TB, topic string, got, want map[string][]written) {
	t.Helper()
	bad := 0
	for _, id := range slices.Sorted(maps.Keys(want)) {
		g, w := got[id], want[id]
		if strings.HasSuffix(topic, "reorder_events") { // keyed by their id: no order among partitions
			byID := func(a, b written) int { return strings.Compare(a.EventID, b.EventID) }
			slices.SortFunc(g, byID)
			slices.SortFunc(w, byID)
		}
		for i := range max(len(g), len(w)) {
			if i < len(g) && i < len(w) && g[i] == w[i] {
				continue
			}
			if bad++; bad > 5 {
				t.Fatal("and more")
			}
			t.Errorf("%s, %s, record %d of %d (fold: %d):\n got %+v\nwant %+v", topic, id, i, len(g), len(w), at(g, i), at(w, i))
			break
		}
	}
	for id := range got {
		if want[id] == nil {
			t.Errorf("%s: %s is not in the fold", topic, id)
		}
	}
}

func at(list []written, i int) any {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
