package dashboard

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
)

const now = int64(1_700_000_000_000)

// story is a model with the records that a test gives it.
type story struct {
	t *testing.T
	*Model
	offset int64
}

func newStory(t *testing.T) *story {
	return &story{t: t, Model: NewModel("epoch", "order_events")}
}

func (s *story) record(source Source, topic, key, value string) *Record {
	s.offset++
	return &Record{source, &fetch.Record{Topic: topic, Offset: s.offset, Timestamp: now, Key: []byte(key), Value: []byte(value)}}
}

func (s *story) product(id string) *story {
	p := event.Product{ID: id, Name: "Name of " + id, Category: "audio", Price: 10 * event.MoneyUnit, ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, WarehouseID: "east", InitialStock: 40}
	s.Apply(s.record(Catalog, "product_catalog", id, string(event.AppendProduct(nil, &p))), now)
	return s
}

// update returns the update of an order line or, if quantity is negative, a receipt.
func (s *story) update(id string, seq, stock, quantity int64) *event.Update {
	s.offset++
	cause := event.Cause{Topic: "order_events", Offset: s.offset}
	if quantity < 0 {
		cause.Topic = "stock_receipts"
	}
	return &event.Update{
		ProductID: id, CurrentStock: stock, Timestamp: now, UnitPrice: 10 * event.MoneyUnit, Seq: seq, Delta: -quantity,
		ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, Cause: cause.String(), LastUpdated: now + 20,
	}
}

func (s *story) apply(u *event.Update) *story {
	s.Apply(s.record(Updates, "inventory_updates", u.ProductID, string(event.AppendUpdate(nil, u))), now)
	return s
}

func (s *story) reorder(id, eventID string, at int64) *Record {
	r := event.Reorder{EventID: eventID, ProductID: id, ReorderQuantity: 50, Priority: event.PriorityNormal, CurrentStock: 9, Timestamp: at}
	return s.record(Reorders, "reorder_events", eventID, string(event.AppendReorder(nil, &r)))
}

func (s *story) receipt(id, eventID string) *Record {
	r := event.Receipt{ReceiptID: "receipt-" + eventID, EventID: eventID, ProductID: id, Quantity: 50, Timestamp: now}
	return s.record(Receipts, "stock_receipts", id, string(event.AppendReceipt(nil, &r)))
}

func (s *story) frame() *Frame {
	s.Publish()
	return s.Model.Frame(DefaultView(), 0, nil, now)
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		stock int64
		want  Severity
	}{{0, Out}, {1, Critical}, {5, Critical}, {6, Low}, {10, Low}, {11, OK}} {
		s := newStory(t).product("a")
		s.apply(s.update("a", 1, c.stock, 1))
		if got := s.frame().Products.Rows[0].Severity; got != c.want {
			t.Errorf("stock %d is %v, want %v", c.stock, got, c.want)
		}
	}
	if got := newStory(t).product("a").frame().Products.Rows[0]; got.Severity != Unknown || got.Stock != nil {
		t.Errorf("without an update: %v with stock %v, want unknown without one", got.Severity, got.Stock)
	}
}

func TestCountsFollowTheProducts(t *testing.T) {
	s := newStory(t).product("a").product("b").product("c")
	s.apply(s.update("a", 1, 3, 1)).apply(s.update("b", 1, 8, 1)).apply(s.update("a", 2, 53, -50))
	s.Apply(&Record{Catalog, &fetch.Record{Topic: "product_catalog", Key: []byte("c")}}, now)
	want := Counts{Products: 2, Low: 1, OK: 1, Delisted: 1}
	if got := *s.frame().Counts; got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestOrdersUnitsAndRevenue(t *testing.T) {
	s := newStory(t).product("a")
	line := s.update("a", 1, 36, 4) // the first line of an order
	line.UnitPrice, line.UnmetQuantity = 1_990_000, 2
	s.apply(line)
	second := s.update("a", 2, 33, 3)
	second.Cause = strings.Replace(second.Cause, "#0", "#1", 1)
	s.apply(second).apply(s.update("a", 3, 83, -50)) // and a receipt, which is no sale
	want := Minute{Time: now - now%minuteLength, Orders: 1, Units: 7, Unmet: 2, Revenue: Money(4*1_990_000 + 3*10*event.MoneyUnit)}
	got := s.frame().Minutes
	if len(got) != 1 {
		t.Fatalf("%d minutes, want 1", len(got))
	}
	got[0].version = 0
	if got[0] != want {
		t.Errorf("minute %+v, want %+v", got[0], want)
	}
}

// Deltas applied to a snapshot give the next snapshot.
func TestDeltasAddUpToTheSnapshot(t *testing.T) {
	s := newStory(t)
	for i := range 20 {
		s.product(fmt.Sprint("p", i))
	}
	view := View{Sort: ByUrgency, Limit: 5}
	s.Publish()
	first := s.Model.Frame(view, 0, nil, now)
	rows := map[string]Row{}
	take := func(f *Frame) {
		for _, r := range f.Products.Rows {
			rows[r.ID] = r
		}
	}
	take(first)
	order, seq := first.Products.Order, first.Seq
	for step := range int64(40) {
		s.apply(s.update(fmt.Sprint("p", step*7%20), step/20+1, (step*13)%30, 1))
		s.Publish()
		delta := s.Model.Frame(view, seq, order, now)
		take(delta)
		if delta.Products.Order != nil {
			order = delta.Products.Order
		}
		seq = delta.Seq
		whole := s.Model.Frame(view, 0, nil, now)
		if !slices.Equal(order, whole.Products.Order) {
			t.Fatalf("step %d: order %v, want %v", step, order, whole.Products.Order)
		}
		for _, want := range whole.Products.Rows {
			if got := rows[want.ID]; !reflect.DeepEqual(got, want) {
				t.Fatalf("step %d: %+v, want %+v", step, got, want)
			}
		}
		if len(delta.Products.Rows) > 2 {
			t.Fatalf("step %d: %d rows for one change", step, len(delta.Products.Rows))
		}
	}
}

func TestSequenceGaps(t *testing.T) {
	s := newStory(t).product("a")
	s.apply(s.update("a", 1, 40, 1)).apply(s.update("a", 2, 39, 1)).apply(s.update("a", 5, 30, 1))
	s.apply(s.update("a", 4, 33, 1)) // late: the newer stock stays
	f := s.frame()
	if row := f.Products.Rows[0]; *row.Stock != 30 || row.Gaps != 3 {
		t.Errorf("stock %d with %d missing, want 30 with 3", *row.Stock, row.Gaps)
	}
	if p := f.Problems; p.Gaps != 3 || p.OutOfOrder != 1 {
		t.Errorf("problems %+v, want 3 missing, 1 out of order", p)
	}
}

func TestMalformedRecordsAreCounted(t *testing.T) {
	s := newStory(t).product("a")
	s.apply(s.update("a", 1, 40, 1))
	for _, bad := range []struct {
		source Source
		topic  string
		value  string
	}{
		{Updates, "inventory_updates", `not json`},
		{Updates, "inventory_updates", `{"product_id":"a"}`},
		{Updates, "inventory_updates", `{"product_id":"a","current_stock":"many"}`},
		{Updates, "inventory_updates", `{"current_stock":3}`},
		{Updates, "inventory_updates", `{"product_id":"a","current_stock":3,"timestamp":-1}`},
		{Catalog, "product_catalog", `[]`},
		{Alerts, "inventory_alerts", `{}`},
		{Reorders, "reorder_events", `{"product_id":"a"}`},
		{Receipts, "stock_receipts", `{"event_id":"r"}`},
	} {
		s.Apply(s.record(bad.source, bad.topic, "a", bad.value), now)
	}
	f := s.frame()
	counts := map[string]int64{}
	for _, m := range f.Problems.Malformed {
		counts[m.Topic] = m.Count
	}
	want := map[string]int64{"inventory_updates": 5, "product_catalog": 1, "inventory_alerts": 1, "reorder_events": 1, "stock_receipts": 1}
	for topic, n := range want {
		if counts[topic] != n {
			t.Errorf("%s: %d malformed, want %d", topic, counts[topic], n)
		}
	}
	if stock := *f.Products.Rows[0].Stock; stock != 40 || len(f.Products.Rows) != 1 {
		t.Errorf("stock %d of %d products, want 40 of one", stock, len(f.Products.Rows))
	}
}

func TestTombstones(t *testing.T) {
	s := newStory(t).product("a").product("b")
	s.apply(s.update("a", 1, 40, 1))
	for source := range DeadLetters {
		if source == Catalog {
			continue // a delisted product
		}
		for _, key := range []string{"a", "b", ""} {
			r := &Record{source, &fetch.Record{Topic: "topic", Key: []byte(key)}}
			s.Apply(r, now)
			if source == Updates {
				s.Newest(r)
				s.Older(r, now)
				s.Before(r, now)
			}
		}
	}
	f := s.frame()
	if row := f.Products.Rows[0]; len(f.Problems.Malformed) > 0 || len(f.Products.Rows) != 2 || *row.Stock != 40 {
		t.Errorf("%d products, the first with stock %d, problems %+v; want 2, 40, none", len(f.Products.Rows), *row.Stock, f.Problems)
	}
}

func TestProductOutsideTheCatalogue(t *testing.T) {
	s := newStory(t)
	u := s.update("x", 7, 4, 1)
	u.ProductName, u.Category = "Stray", "misc"
	s.apply(u)
	row := s.frame().Products.Rows[0]
	if row.InCatalog || row.Name != "Stray" || row.Category != "misc" || row.CriticalThreshold != 5 || row.Severity != Critical {
		t.Errorf("row %+v, want the update's fields, not in the catalogue", row)
	}
}

// The reference system's updates have five fields.
func TestUpdatesOfTheReferenceSystem(t *testing.T) {
	s := newStory(t).product("a")
	for _, v := range []string{
		`{"current_stock":20,"last_order_id":"order-1","last_updated":1,"product_id":"a"}`,
		`{"current_stock":17,"last_order_id":"order-2","last_updated":2,"product_id":"a"}`,
	} {
		s.Apply(s.record(Updates, "inventory_updates", "a", v), now)
	}
	f := s.frame()
	if row := f.Products.Rows[0]; *row.Stock != 17 || row.Delta != -3 || row.Gaps != 0 {
		t.Errorf("stock %d, change %d, %d missing; want 17, -3, none", *row.Stock, row.Delta, row.Gaps)
	}
	if m := f.Minutes[0]; m.Orders != 2 || m.Units != 3 || m.Revenue != Money(30*event.MoneyUnit) {
		t.Errorf("minute %+v, want 2 orders, 3 units at the catalogue's price", m)
	}
}

// Existing updates are read backwards: what one changed follows from the one before.
func TestEarlierUpdatesOfTheReferenceSystem(t *testing.T) {
	s := newStory(t).product("a").product("b")
	var records []*Record
	for _, u := range []struct {
		id, order string
		stock     int64
	}{
		{"a", "order-1", 20}, {"a", "order-2", 17}, {"b", "order-2", 9}, {"b", "order-3", 4},
		{"b", "order-3", 54},                       // a restock
		{"a", "order-3", 12}, {"a", "order-4", 12}, // unfilled
	} {
		value := fmt.Sprintf(`{"current_stock":%d,"last_order_id":%q,"last_updated":1,"product_id":%q}`, u.stock, u.order, u.id)
		records = append(records, s.record(Updates, "inventory_updates", u.id, value))
	}
	for _, r := range slices.Backward(records) {
		s.Newest(r)
	}
	for _, r := range slices.Backward(records) {
		s.Older(r, now)
	}
	if left := s.Undecided(); len(left) != 2 {
		t.Errorf("%v are undecided, want a and b", left)
	}
	charts := func(orders, units int64) {
		t.Helper()
		s.Publish()
		m := s.frame().Minutes
		if len(m) != 1 || m[0].Orders != orders || m[0].Units != units || m[0].Revenue != Money(event.Money(10*units)*event.MoneyUnit) {
			t.Errorf("minutes %+v, want one with %d orders, %d units", m, orders, units)
		}
	}
	charts(3, 3+5+5) // not the first of each product
	before := s.record(Updates, "inventory_updates", "a", `{"current_stock":26,"last_order_id":"order-0","last_updated":1,"product_id":"a"}`)
	if id := s.Before(before, now); id != "a" || s.Before(before, now) != "" {
		t.Errorf("the update before that of a decided one of %q, or two", id)
	}
	charts(4, 3+5+5+6)
	s.NothingOlder(false, now)
	charts(4, 3+5+5+6) // the one before that of b was deleted
	a, b := s.Detail("a", now), s.Detail("b", now)
	if !slices.Equal(a.Trend, []int64{20, 17, 12, 12}) || !slices.Equal(b.Trend, []int64{9, 4, 54}) || b.Delta != 50 {
		t.Errorf("trends %v and %v, the last change of b %d", a.Trend, b.Trend, b.Delta)
	}
}

// The rate is right from the first seconds on, not only after a whole minute.
func TestRateOfTheLastMinute(t *testing.T) {
	s := newStory(t).product("a")
	if r := s.Model.Status(now).Recent; r != nil {
		t.Errorf("before any order: %+v", r)
	}
	at := func(ago, quantity int64) {
		u := s.update("a", 0, 40, quantity)
		u.Timestamp = now - ago*1000
		s.apply(u)
	}
	at(4, 1)
	if r := s.Model.Status(now).Recent; r.Seconds != 10 || r.Orders != 1 {
		t.Errorf("after 4 s: %+v, want 1 order in 10 s", r)
	}
	at(29, 2)
	if r := s.Model.Status(now).Recent; r.Seconds != 30 || r.Orders != 2 || r.Units != 3 || r.Revenue != Money(30*event.MoneyUnit) {
		t.Errorf("after 29 s: %+v, want 2 orders, 3 units, 30.00 in 30 s", r)
	}
	at(59, 1)
	at(60, 1)
	at(200, 1)
	if r := s.Model.Status(now).Recent; r.Seconds != 60 || r.Orders != 3 {
		t.Errorf("of the last minute: %+v, want 3 orders in 60 s", r)
	}
	if r := s.Model.Status(now + 31_000).Recent; r.Orders != 1 {
		t.Errorf("half a minute later: %+v, want 1 order", r)
	}
}

func TestOpenReorders(t *testing.T) {
	open := func(s *story) string {
		var ids []string
		for _, r := range s.frame().Reorders.Items {
			ids = append(ids, r.EventID)
		}
		return strings.Join(ids, " ")
	}
	for _, c := range []struct {
		name string
		tell func(s *story)
		want string
	}{
		{"oldest first", func(s *story) {
			s.Apply(s.reorder("a", "r1", now-5), now)
			s.Apply(s.reorder("b", "r2", now-9), now)
		}, "r2 r1"},
		{"closed by its receipt", func(s *story) {
			s.Apply(s.reorder("a", "r1", now), now)
			s.Apply(s.receipt("a", "r1"), now)
		}, ""},
		{"not closed by a manual restock", func(s *story) {
			s.Apply(s.reorder("a", "r1", now), now)
			s.Apply(s.receipt("a", ""), now)
		}, "r1"},
		{"receipt before its reorder", func(s *story) {
			s.Apply(s.receipt("a", "r1"), now)
			s.Apply(s.reorder("a", "r1", now), now)
		}, ""},
		{"closed by an update that names it", func(s *story) {
			s.Apply(s.reorder("a", "r1", now), now)
			u := s.update("a", 1, 59, -50)
			u.LastReorderID = "r1"
			s.apply(u)
		}, ""},
		{"the later one, in any order", func(s *story) {
			s.Apply(s.reorder("a", "r2", now), now)
			s.Apply(s.reorder("a", "r1", now-9), now)
		}, "r2"},
		{"an earlier one, closed while it was read", func(s *story) {
			s.Apply(s.receipt("a", "r1"), now)
			s.Apply(s.reorder("a", "r2", now), now)
			s.Apply(s.receipt("a", "r2"), now)
			s.Earlier(s.reorder("a", "r1", now-9), now)
		}, ""},
		{"past ones, newest first", func(s *story) {
			s.Earlier(s.reorder("a", "reorder-a-90", now-9), now)
			s.Earlier(s.receipt("a", "reorder-a-90"), now)
			s.Earlier(s.reorder("a", "reorder-a-40", now-90), now) // its receipt is in the part before
			s.Earlier(s.reorder("b", "reorder-b-7", now-99), now)  // still open
			s.Earlier(s.receipt("a", "reorder-a-30"), now)
			s.Earlier(s.receipt("b", "reorder-b-3"), now)
		}, "reorder-b-7"},
		{"past ones, a receipt long before its reorder", func(s *story) {
			s.Earlier(s.receipt("a", "reorder-a-90"), now)
			s.Earlier(s.receipt("a", "reorder-a-40"), now)
			s.Earlier(s.reorder("a", "reorder-a-90", now-9), now)
		}, ""},
		{"by its number, whatever its time", func(s *story) {
			s.Apply(s.reorder("a", "reorder-a-12", now-500), now)
			s.Earlier(s.reorder("a", "reorder-a-9", now), now)
		}, "reorder-a-12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t).product("a").product("b")
			c.tell(s)
			if got := open(s); got != c.want {
				t.Errorf("open: %q, want %q", got, c.want)
			}
		})
	}
}

func TestSkippedAlertsAreCounted(t *testing.T) {
	s := newStory(t).product("a")
	alert := func() {
		a := event.Alert{AlertID: fmt.Sprint("alert-", s.offset), ProductID: "a", Timestamp: now}
		s.Apply(s.record(Alerts, "inventory_alerts", "a", string(event.AppendAlert(nil, &a))), now)
	}
	alert()
	seq := s.frame().Seq
	for range frameAlerts + 30 {
		alert()
	}
	s.Publish()
	f := s.Model.Frame(DefaultView(), seq, nil, now)
	if a := f.Alerts; len(a.Items) != frameAlerts || a.Skipped != 30 || a.Total != frameAlerts+31 {
		t.Errorf("%d alerts, %d skipped of %d; want %d, 30 of %d", len(a.Items), a.Skipped, a.Total, frameAlerts, frameAlerts+31)
	}
	if newest := f.Alerts.Items[0].ID; newest != fmt.Sprint("alert-", s.offset-1) {
		t.Errorf("the newest is %s", newest)
	}
	alert()
	if f := s.Model.Frame(DefaultView(), f.Seq, nil, now); f.Alerts != nil && len(f.Alerts.Items) > 0 {
		t.Errorf("a frame has an unpublished alert")
	}
}

func TestReadingBackwards(t *testing.T) {
	s := newStory(t).product("a").product("b")
	updates := []*event.Update{s.update("a", 1, 40, -40), s.update("a", 2, 36, 4), s.update("b", 1, 9, 3), s.update("a", 3, 30, 6)}
	records := make([]*Record, len(updates))
	for i, u := range updates {
		records[i] = s.record(Updates, "inventory_updates", u.ProductID, string(event.AppendUpdate(nil, u)))
	}
	for _, r := range slices.Backward(records) {
		s.Newest(r)
	}
	if !s.AllStocked() {
		t.Error("not all stocked, though every product has an update")
	}
	s.apply(s.update("a", 4, 29, 1)) // arrives while the rest is read
	for _, r := range slices.Backward(records) {
		s.Older(r, now)
	}
	s.Publish()
	d := s.Detail("a", now)
	if *d.Stock != 29 || d.Gaps != 0 || !slices.Equal(d.Trend, []int64{40, 36, 30, 29}) {
		t.Errorf("stock %d, %d missing, trend %v; want 29, none, 40 36 30 29", *d.Stock, d.Gaps, d.Trend)
	}
	m := s.frame().Minutes
	if len(m) != 1 || m[0].Orders != 4 || m[0].Units != 4+3+6+1 {
		t.Errorf("minutes %+v, want one with 4 orders and 14 units", m)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	const changes = 10_000
	for i := range int64(changes) { // two and a half hours
		h.add(change{time: now + i*900, stock: i}, fmt.Sprint("order-", i))
	}
	if len(h.recent) != recentChanges || len(h.buckets) != historyBuckets {
		t.Errorf("%d changes and %d half minutes are kept", len(h.recent), len(h.buckets))
	}
	if want := recentChanges * len("order-9999"); len(h.orders) != want {
		t.Errorf("%d bytes of orders' IDs are kept, want %d", len(h.orders), want)
	}
	end := now + changes*900
	points := h.points(end - hour)
	if len(points) < 100 || points[len(points)-1].Stock != changes-1 {
		t.Errorf("%d points up to %d", len(points), points[len(points)-1].Stock)
	}
	for i := 1; i < len(points); i++ {
		if points[i].Time < points[i-1].Time || points[i].Stock < points[i-1].Stock {
			t.Fatalf("point %d goes back: %v after %v", i, points[i], points[i-1])
		}
	}
}

func TestFutureTimesDoNotMoveTheHour(t *testing.T) {
	s := newStory(t).product("a")
	u := s.update("a", 1, 39, 1)
	u.Timestamp = now + 1000*hour
	s.apply(u)
	f := s.frame()
	if len(f.Minutes) != 1 || f.Minutes[0].Time > now {
		t.Errorf("minutes %+v, want the present one", f.Minutes)
	}
}

func TestRevenueDoesNotOverflow(t *testing.T) {
	if got := revenue(-1_000_000_000, event.MaxMoney); got != 1<<63-1 {
		t.Errorf("revenue %v, want the maximum", got)
	}
	if got := revenue(50, 10); got != 0 {
		t.Errorf("a receipt has revenue %v", got)
	}
}

func TestLatencyBins(t *testing.T) {
	for _, ms := range []int64{0, 1, 7, 15, 16, 17, 31, 32, 100, 999, 5000, 3_600_000} {
		got := binLatency(latencyBin(ms))
		if got > ms || float64(ms-got) > 0.13*float64(ms) {
			t.Errorf("%d ms is shown as %d", ms, got)
		}
	}
}

func TestViews(t *testing.T) {
	s := newStory(t)
	for i := range 30 {
		s.product(fmt.Sprintf("p%02d", i))
		s.apply(s.update(fmt.Sprintf("p%02d", i), 1, int64(29-i), 1))
	}
	s.Publish()
	ids := func(query string) string {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ParseView(q)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(s.page(v).ids(), " ")
	}
	for query, want := range map[string]string{
		"limit=2":                         "p29 p28",
		"limit=2&offset=1":                "p28 p27",
		"limit=2&sort=stock&order=desc":   "p00 p01",
		"limit=2&sort=name":               "p00 p01",
		"severity=out":                    "p29",
		"severity=low&limit=3":            "p23 p22 p21",
		"q=NAME+OF+P1&sort=name&limit=2":  "p10 p11",
		"category=none":                   "",
		"warehouse=east&limit=1":          "p29",
		"offset=1000":                     "",
		"severity=out,critical&limit=200": "p29 p28 p27 p26 p25 p24",
	} {
		if got := ids(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, bad := range []string{"limit=201", "limit=-1", "offset=x", "sort=colour", "order=up", "severity=red", "q=" + strings.Repeat("x", 300)} {
		q, _ := url.ParseQuery(bad)
		if _, err := ParseView(q); err == nil {
			t.Errorf("%.20s is accepted", bad)
		}
	}
}

// Merging the changed products gives the same order as sorting all.
func TestOrderByMerging(t *testing.T) {
	s := newStory(t)
	for i := range 200 {
		s.product(fmt.Sprint("p", i))
	}
	for _, by := range sorts {
		s.order(by)
	}
	for step := range int64(60) {
		for k := range int64(9) {
			s.apply(s.update(fmt.Sprint("p", (step*31+k*17)%200), 0, (step*k*7)%60, 1))
		}
		s.product(fmt.Sprint("new", step))
		s.Publish()
		for _, by := range sorts {
			want := slices.Clone(s.all)
			slices.SortFunc(want, func(a, b *product) int { return compareProducts(by, a, b) })
			if !slices.Equal(s.order(by).sorted, want) {
				t.Fatalf("step %d: by %s the order is not sorted", step, by)
			}
		}
	}
}

// Each change says what caused it, and names the order.
func TestChangesNameTheirCause(t *testing.T) {
	long := strings.Repeat("é", maxOrderID)
	s := newStory(t).product("a")
	opening := s.update("a", 1, 40, -40)
	opening.Cause = "product_catalog/0@7#0"
	first := s.update("a", 2, 38, 2)
	first.LastOrderID = "order-1"
	second := s.update("a", 3, 37, 1)
	second.LastOrderID = long
	delivery := s.update("a", 4, 87, -50)
	delivery.LastOrderID = long // as the ledger carries it on
	renamed := s.update("a", 5, 87, 0)
	renamed.Cause, renamed.LastOrderID = "product_catalog/0@8#0", long
	unfilled := s.update("a", 6, 87, 0)
	unfilled.LastOrderID = "order-3"
	var older []*Record
	for _, u := range []*event.Update{opening, first, second} {
		older = append(older, s.record(Updates, "inventory_updates", "a", string(event.AppendUpdate(nil, u))))
	}
	for _, u := range []*event.Update{delivery, renamed, unfilled} {
		s.apply(u)
	}
	for _, r := range slices.Backward(older) {
		s.Older(r, now)
	}
	s.Publish()
	var got []string
	for _, c := range s.Detail("a", now).Changes {
		got = append(got, strings.TrimSpace(string(c.Kind)+" "+c.Order))
	}
	want := []string{"order order-3", "catalog", "delivery", "order " + strings.Repeat("é", 18) + "…", "order order-1", "opening"}
	if !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
}

// The reference system's updates have neither a cause nor a change.
func TestChangesOfTheReference(t *testing.T) {
	s := newStory(t).product("a")
	for _, u := range []string{
		`{"product_id":"a","current_stock":9,"last_order_id":"order-1","last_updated":1}`,
		`{"product_id":"a","current_stock":7,"last_order_id":"order-2","last_updated":1}`,
		`{"product_id":"a","current_stock":57,"last_order_id":"order-2","last_reorder_id":"reorder-1","last_updated":1}`,
	} {
		s.Apply(s.record(Updates, "inventory_updates", "a", u), now)
	}
	s.Publish()
	changes := s.Detail("a", now).Changes
	if changes[0].Kind != ByDelivery || changes[0].Order != "" || changes[1].Kind != ByOrder || changes[1].Order != "order-2" || changes[2].Kind != ByUnknown {
		t.Errorf("changes %+v, want a delivery after order-2 after an unknown one", changes)
	}
}
