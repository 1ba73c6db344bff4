package dashboard

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
)

// Limits on a model's memory, whatever the topics hold.
const (
	hour        = int64(60 * 60 * 1000) // ms
	maxProducts = 100_000
	feedLength  = 400
	maxReasons  = 200
	maxText     = 256 // bytes of a displayed text
	maxID       = 512 // bytes of a product ID
)

// Source is the topic that a record was read from.
type Source uint8

// The sources.
const (
	Catalog Source = iota
	Updates
	Reorders
	Alerts
	Receipts
	DeadLetters
	Outputs // of declared topologies
)

// Record is a record of one of the topics. A model does not retain its bytes.
type Record struct {
	Source Source
	*fetch.Record
}

func (r *Record) place() string {
	return event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}.String()
}

// Model folds records into what the dashboard shows: a pure function of the
// records, their order and the times given with them. Publish numbers the changes
// since the last publication, and Frame returns the changes since an earlier one,
// so a slow reader costs no more than a fast one. A Model is not safe for
// concurrent use.
type Model struct {
	epoch  string
	orders string // the topic whose causes are order lines
	seq    uint64
	dirty  bool

	products   map[string]*product
	all        []*product // in order of appearance
	touched    []*product // since the last publication
	currency   string     // of all amounts; "": unknown
	orderBy    map[Sort]*order
	topics     []string // of causes; 0 is none
	counts     Counts
	categories facet
	warehouses facet

	sales    sales
	feed     feed
	dead     deadLetters
	panels   panels
	problems problems
	latency  latencies
	openings map[*product]struct{} // products with an open reorder
	oldest   []Reorder             // the first of them, as of the last publication

	rowsVersion, reordersVersion, oldestVersion, facetsVersion uint64
	status                                                     Status
	statusVersion                                              uint64

	earlier bool         // the record is older than those given to Apply
	update  event.Update // reused
	recents orderIDs     // of updates without a cause
}

// NewModel returns an empty model. Sequence numbers are only comparable within
// one epoch. orders is the orders topic.
func NewModel(epoch, orders string) *Model {
	return &Model{
		epoch:      epoch,
		orders:     orders,
		products:   map[string]*product{},
		orderBy:    map[Sort]*order{},
		topics:     []string{""},
		openings:   map[*product]struct{}{},
		categories: facet{},
		warehouses: facet{},
		dead:       deadLetters{counts: map[[2]string]int64{}},
		problems:   problems{byTopic: map[string]*Malformed{}},
		status:     Status{Loading: LoadingStock},
	}
}

// Apply folds one record; now is the time at which it was read, in epoch ms. A
// record that can't be read is counted as a problem and changes nothing else.
func (m *Model) Apply(r *Record, now int64) {
	m.dirty = true
	if err := m.apply(r, now); err != nil {
		m.malformed(r, err)
	}
}

func (m *Model) apply(r *Record, now int64) error {
	switch {
	case r.Source == DeadLetters:
		m.dead.add(r, m.seq+1)
		return nil
	case r.Source == Outputs:
		m.applyOutput(r, now)
		return nil
	case r.Source == Catalog:
		return m.applyProduct(r)
	case r.Value == nil:
		return nil
	case r.Source == Updates:
		return m.applyUpdate(r, now)
	case r.Source == Reorders:
		return m.applyReorder(r)
	case r.Source == Alerts:
		return m.applyAlert(r)
	}
	return m.applyReceipt(r)
}

func (m *Model) malformed(r *Record, err error) {
	one := m.problems.byTopic[r.Topic]
	if one == nil {
		one = &Malformed{Topic: r.Topic}
		m.problems.byTopic[r.Topic] = one
	}
	one.Count++
	one.Last, one.Place = clip(err.Error()), r.place()
	m.problems.version = m.seq + 1
}

// product returns the product, creating it if needed, or nil if there are too
// many or the ID is longer than maxID.
func (m *Model) product(id string) *product {
	if p := m.products[id]; p != nil {
		return p
	}
	if len(m.all) >= maxProducts || len(id) > maxID {
		m.problems.Ignored++
		m.problems.version = m.seq + 1
		return nil
	}
	id = strings.Clone(id)
	p := &product{Row: Row{ID: id, Name: id}}
	p.fold()
	p.judge()
	m.products[id] = p
	m.all = append(m.all, p)
	m.counts.add(p, 1)
	m.touch(p)
	return p
}

// touch records that a product's row has changed.
func (m *Model) touch(p *product) {
	m.dirty = true
	p.version, m.rowsVersion = m.seq+1, m.seq+1
	if !p.changed {
		p.changed = true
		m.touched = append(m.touched, p)
	}
}

// change calls edit and updates the counts.
func (m *Model) change(p *product, edit func()) {
	m.counts.add(p, -1)
	edit()
	p.judge()
	m.counts.add(p, 1)
	m.touch(p)
}

func (m *Model) applyProduct(r *Record) error {
	if r.Value == nil {
		if p := m.products[string(r.Key)]; p != nil && p.InCatalog {
			m.change(p, func() { p.Delisted = true })
		}
		return nil
	}
	var c event.Product
	if err := event.ParseProduct(r.Value, &c); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	p := m.product(c.ID)
	if p == nil {
		return nil
	}
	m.change(p, func() {
		p.InCatalog, p.Delisted = true, false
		p.Name, p.UnitPrice = cmp.Or(clip(c.Name), p.ID), Money(c.Price)
		p.ReorderThreshold, p.ReorderQuantity = c.ReorderThreshold, c.ReorderQuantity
		p.CriticalThreshold, p.opening = c.CriticalThreshold, c.InitialStock
		m.classify(p, c.Category, c.WarehouseID)
		p.fold()
	})
	return nil
}

// AllStocked reports whether every product in the catalogue has had an update.
func (m *Model) AllStocked() bool {
	return len(m.all) > 0 && !slices.ContainsFunc(m.all, func(p *product) bool { return p.InCatalog && !p.stocked })
}

// NewestUpdate returns the event time of the newest update in epoch ms, or 0.
func (m *Model) NewestUpdate() int64 {
	var t int64
	for _, p := range m.all {
		t = max(t, p.Updated)
	}
	return t
}

// classify sets the category and the warehouse, whose strings are shared.
func (m *Model) classify(p *product, category, warehouse string) {
	if p.Category != category {
		p.Category = m.categories.move(p.Category, clip(category))
		m.facetsVersion = m.seq + 1
	}
	if p.Warehouse != warehouse {
		p.Warehouse = m.warehouses.move(p.Warehouse, clip(warehouse))
		m.facetsVersion = m.seq + 1
	}
}

var errNoProduct = errors.New("product_id is missing")

func (m *Model) applyAlert(r *Record) error {
	var a event.Alert
	if err := event.ParseAlert(r.Value, &a); err != nil {
		return err
	}
	if a.ProductID == "" {
		return errNoProduct
	}
	m.feed.add(Alert{
		ID: clip(a.AlertID), ProductID: a.ProductID, ProductName: clip(a.ProductName), Stock: a.CurrentStock,
		Threshold: a.Threshold, Warehouse: clip(a.WarehouseID), Time: cmp.Or(a.Timestamp, r.Timestamp), Message: clip(a.Message),
	}, m.seq+1)
	return nil
}

// SetStatus replaces the reader's status, published with the other changes.
func (m *Model) SetStatus(s Status) {
	m.status = s
	m.Beat()
}

// troubled adds why the brokers can't be read to the status; the data stays.
func (m *Model) troubled(why string) {
	m.status.Trouble = why
	m.status.failures++
	m.Beat()
}

// Beat makes the next publication include the status with the current time.
func (m *Model) Beat() {
	m.statusVersion = m.seq + 1
	m.dirty = true
}

// Publish numbers the changes since the last call and reports whether there were
// any.
func (m *Model) Publish() bool {
	if !m.dirty {
		return false
	}
	m.dirty = false
	m.seq++
	m.listReorders()
	for by, o := range m.orderBy {
		if o.idle++; o.idle > 600 {
			delete(m.orderBy, by) // unused for a minute
			continue
		}
		o.merge(m.touched)
	}
	for _, p := range m.touched {
		p.changed = false
	}
	m.touched = m.touched[:0]
	return true
}

// clip truncates s to maxText bytes at a character boundary.
func clip(s string) string {
	return shorten(s, maxText+len(ellipsis))
}

const ellipsis = "…" // in place of what was cut off

// shorten truncates s to at most n bytes, the ellipsis included.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len(ellipsis)], "") + ellipsis
}
