package dashboard

import (
	"cmp"
	"maps"
	"slices"
)

// APIVersion is the version of the JSON. It changes when a field is removed or its
// meaning changes.
const APIVersion = 1

// Limits of one response.
const (
	MaxRows      = 200
	maxReorders  = 50
	frameAlerts  = 100
	detailAlerts = 20
)

// Head holds the fields that every response begins with.
type Head struct {
	Version int    `json:"version"`
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
}

func (m *Model) head() Head { return Head{APIVersion, m.epoch, m.seq} }

// Frame is a snapshot of the dashboard, or a delta: an absent section is
// unchanged.
type Frame struct {
	Head
	Status      *Status      `json:"status,omitempty"`
	Counts      *Counts      `json:"counts,omitempty"`
	Facets      *Facets      `json:"facets,omitempty"`
	Products    *Products    `json:"products,omitempty"`
	Minutes     []Minute     `json:"minutes,omitempty"` // only those that changed
	Alerts      *AlertList   `json:"alerts,omitempty"`  // only new ones
	Reorders    *ReorderList `json:"reorders,omitempty"`
	DeadLetters *DeadList    `json:"dead_letters,omitempty"`
	Problems    *Problems    `json:"problems,omitempty"`
	Topologies  []Panel      `json:"topologies,omitempty"` // declared ones; only those that changed
	Product     *Detail      `json:"product,omitempty"`
}

// Products is one page of the products that a view selects. Rows holds the new
// and changed rows; Order lists the whole page and is absent if unchanged.
type Products struct {
	Total  int      `json:"total"` // on all pages
	Offset int      `json:"offset"`
	Order  []string `json:"order,omitzero"`
	Rows   []Row    `json:"rows"`
}

// Row is one product.
type Row struct {
	ID                string   `json:"product_id"`
	Name              string   `json:"product_name"`
	Category          string   `json:"category"`
	Warehouse         string   `json:"warehouse_id"`
	UnitPrice         Money    `json:"unit_price"`
	Severity          Severity `json:"severity"`
	Stock             *int64   `json:"current_stock"` // null: no update yet
	Full              int64    `json:"full_stock"`    // the scale of the bar
	ReorderThreshold  int64    `json:"reorder_threshold"`
	CriticalThreshold int64    `json:"critical_threshold"`
	ReorderQuantity   int64    `json:"reorder_quantity"`
	Delta             int64    `json:"delta"` // of the last update
	Seq               int64    `json:"seq"`   // 0: the writer does not number updates
	Updated           int64    `json:"updated"`
	Gaps              int64    `json:"gaps,omitempty"`
	InCatalog         bool     `json:"in_catalog"`
	Delisted          bool     `json:"delisted,omitempty"`
	OpenReorder       *Reorder `json:"open_reorder,omitempty"`
	Trend             []int64  `json:"trend"` // the last stocks, oldest first
}

// Reorder is an open reorder: not yet fulfilled by a receipt.
type Reorder struct {
	EventID     string `json:"event_id"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
	Quantity    int64  `json:"reorder_quantity"`
	Priority    string `json:"priority"`
	Stock       int64  `json:"current_stock"` // when it was ordered
	Warehouse   string `json:"warehouse_id"`
	Time        int64  `json:"timestamp"` // epoch ms
}

// AlertList is alerts, newest first.
type AlertList struct {
	Total   int64   `json:"total"`   // since the dashboard started
	Skipped int64   `json:"skipped"` // new ones that Items has no room for
	Items   []Alert `json:"items"`
}

// ReorderList is open reorders, oldest first. If the list is unchanged, a frame
// has only the total.
type ReorderList struct {
	Total int       `json:"total"`
	Items []Reorder `json:"items,omitzero"`
}

// DeadList counts dead letters by reason and lists the last ones.
type DeadList struct {
	Total   int64             `json:"total"`
	Reasons []DeadLetterCount `json:"reasons"`
	Last    []DeadLetter      `json:"last"`
}

// Detail is one product with its past hour.
type Detail struct {
	Row
	History []Point  `json:"history"` // of the last hour, oldest first
	Changes []Change `json:"changes"` // the last ones, newest first
	Alerts  []Alert  `json:"alerts"`  // the last ones, newest first
}

// Change is one update of a product.
type Change struct {
	Time  int64  `json:"timestamp"` // epoch ms
	Stock int64  `json:"current_stock"`
	Delta *int64 `json:"delta"` // null: unknown
	Unmet int64  `json:"unmet_quantity,omitempty"`
	Seq   int64  `json:"seq"`
	Kind  Kind   `json:"kind"`
	Order string `json:"order_id,omitempty"` // of ByOrder, truncated if it is long
	Cause string `json:"cause"`              // topic/partition@offset#line, or ""
}

// Frame returns what changed in a view after publication since, or all of it if
// since is 0. known is the order of the page that the reader has, nil if none.
func (m *Model) Frame(v View, since uint64, known []string, now int64) *Frame {
	return m.frame(v, m.page(v), since, known, now)
}

func (m *Model) frame(v View, page *page, since uint64, known []string, now int64) *Frame {
	f := &Frame{Head: m.head()}
	if m.statusVersion > since {
		f.Status = new(m.Status(now))
	}
	m.productsSince(f, page, since, known)
	if m.facetsVersion > since {
		f.Facets = &Facets{m.categories.list(), m.warehouses.list()}
	}
	f.Minutes = m.sales.since(since, m.windowEnd(now))
	if m.feed.version > since || since == 0 {
		f.Alerts = &AlertList{Total: m.feed.total}
		f.Alerts.Items, f.Alerts.Skipped = m.feed.since(since, m.seq, frameAlerts, anyAlert)
	}
	if m.reordersVersion > since || known == nil {
		f.Reorders = &ReorderList{Total: len(m.openings)}
		if m.oldestVersion > since || known == nil {
			f.Reorders.Items = m.oldest
		}
	}
	if m.dead.version > since || since == 0 {
		f.DeadLetters = &DeadList{m.dead.total, m.dead.list(), append([]DeadLetter{}, m.dead.last...)}
	}
	if m.problems.version > since || since == 0 {
		f.Problems = m.problems.list()
	}
	f.Topologies = m.panelsSince(since)
	if v.Product != "" {
		if p := m.products[v.Product]; p != nil && (p.version > since || known == nil) {
			f.Product = m.detail(p, now)
		}
	}
	return f
}

func (m *Model) productsSince(f *Frame, page *page, since uint64, known []string) {
	if m.rowsVersion <= since && known != nil {
		return
	}
	f.Counts = new(m.counts)
	has := make(map[string]bool, len(known))
	for _, id := range known {
		has[id] = true
	}
	f.Products = &Products{Total: page.total, Offset: page.offset, Rows: []Row{}}
	for _, p := range page.rows {
		if p.version > since || !has[p.ID] {
			f.Products.Rows = append(f.Products.Rows, m.row(p))
		}
	}
	if ids := page.ids(); known == nil || !slices.Equal(ids, known) {
		f.Products.Order = ids
	}
}

func (m *Model) row(p *product) Row {
	r := p.Row
	r.Trend = p.history.trend()
	if p.stocked {
		r.Stock = new(p.stock)
	}
	if p.OpenReorder != nil {
		r.OpenReorder = new(reorderOf(p))
	}
	return r
}

func reorderOf(p *product) Reorder {
	o := *p.OpenReorder
	o.ProductName, o.Warehouse = p.Name, p.Warehouse
	return o
}

// Reorders returns the oldest open reorders, at most limit.
func (m *Model) Reorders(limit int) *ReorderList {
	open := slices.SortedFunc(maps.Keys(m.openings), func(a, b *product) int {
		return cmp.Or(cmp.Compare(a.OpenReorder.Time, b.OpenReorder.Time), cmp.Compare(a.ID, b.ID))
	})
	list := &ReorderList{Total: len(open), Items: []Reorder{}}
	for _, p := range open[:min(limit, len(open))] {
		list.Items = append(list.Items, reorderOf(p))
	}
	return list
}

// listReorders updates the reorders that frames list.
func (m *Model) listReorders() {
	if m.reordersVersion < m.seq {
		return
	}
	if oldest := m.Reorders(maxReorders).Items; !slices.Equal(oldest, m.oldest) {
		m.oldest, m.oldestVersion = oldest, m.seq
	}
}

func (m *Model) detail(p *product, now int64) *Detail {
	d := &Detail{Row: m.row(p), History: p.history.points(m.windowEnd(now) - hour), Changes: []Change{}}
	orders := p.history.orders
	for _, c := range slices.Backward(p.history.recent) {
		order := orders[len(orders)-int(c.orderLength):]
		orders = orders[:len(orders)-len(order)]
		one := Change{Time: c.time, Stock: c.stock, Unmet: c.unmet, Seq: c.seq, Kind: m.kind(&c), Order: string(order), Cause: m.causeText(&c)}
		if c.hasDelta {
			one.Delta = new(c.delta)
		}
		d.Changes = append(d.Changes, one)
	}
	d.Alerts, _ = m.feed.since(0, m.seq, detailAlerts, func(a *Alert) bool { return a.ProductID == p.ID })
	return d
}

// Detail returns a product, or nil if the ID is unknown.
func (m *Model) Detail(id string, now int64) *Detail {
	p := m.products[id]
	if p == nil {
		return nil
	}
	return m.detail(p, now)
}

// windowEnd returns the end of the charts' hour: now or, if all orders are older
// than an hour, the end of the last minute with one.
func (m *Model) windowEnd(now int64) int64 {
	if newest := m.sales.newest(); newest > 0 && newest < now-hour {
		return newest + minuteLength - 1
	}
	return now
}
