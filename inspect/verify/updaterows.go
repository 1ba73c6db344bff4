package verify

import (
	"hash/maphash"
	"strconv"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// updateRow is an update.
type updateRow struct {
	at       place
	writer   writer
	problem  string // why it is no record, "" if it is one
	has      event.UpdateFields
	product  name
	named    name // the product's name, if it has one
	stock    int64
	seq      int64
	delta    int64
	unmet    int64
	price    event.Money
	reorder  struct{ threshold, quantity int64 }
	critical int64 // threshold
	cause    cause

	envelope
	category, warehouse    uint64 // hashes
	time, updated          int64  // epoch ms
	lastOrder, lastReorder name   // their texts with the reference policy only

	source source

	i       uint32 // of its product
	follows bool   // its seq is the one after the last
}

// cause is what an update was made for.
type cause struct {
	of        origin
	line      int32
	partition int32
	offset    int64
	text      text // as it stands there, if it is not of an input topic
}

// origin is the topic of a cause.
type origin uint8

const (
	unknownOrigin origin = iota // no input's
	noPlace                     // it is no cause at all
	fromCatalog
	fromOrders
	fromReceipts
	fromReorders
)

func (p *parser) readUpdate(r *kgo.Record, row *updateRow) {
	v := &p.update
	row.at, row.writer = placeOf(r), p.writer(r)
	has, err := event.BorrowUpdate(p.value, v)
	if p.broken != nil {
		err = p.broken
	}
	if err != nil {
		row.problem = err.Error()
		return
	}
	row.has = has
	row.product = p.name(v.ProductID)
	row.named = p.name(v.ProductName)
	row.stock, row.seq, row.delta, row.unmet, row.price = v.CurrentStock, v.Seq, v.Delta, v.UnmetQuantity, v.UnitPrice
	row.reorder.threshold, row.reorder.quantity, row.critical = v.ReorderThreshold, v.ReorderQuantity, v.CriticalThreshold
	row.category, row.warehouse = maphash.String(p.seed, v.Category), maphash.String(p.seed, v.WarehouseID)
	row.time, row.updated = v.Timestamp, v.LastUpdated
	row.lastOrder.hash, row.lastReorder.hash = maphash.String(p.seed, v.LastOrderID), maphash.String(p.seed, v.LastReorderID)
	if p.o.Policy == PolicyReference {
		row.lastOrder.text, row.lastReorder.text = p.keep(v.LastOrderID), p.keep(v.LastReorderID)
	}
	p.id = strconv.AppendInt(append(append(append(p.id[:0], "update-"...), v.ProductID...), '-'), v.Seq, 10)
	p.surround(r, &row.envelope, v.ProductID, event.TypeUpdate, p.id, v.Timestamp)
	if !row.missing(event.HasUpdateCause) {
		row.cause = p.cause(v.Cause)
	}
}

func (p *parser) cause(s string) cause {
	at, err := event.ParseCause(s)
	c := cause{partition: at.Partition, offset: at.Offset, line: at.Line}
	t := &p.o.Topics
	switch {
	case err != nil:
		c.of = noPlace
	case at.Topic == t.Orders:
		c.of = fromOrders
	case at.Topic == t.Receipts:
		c.of = fromReceipts
	case at.Topic == t.Reorders:
		c.of = fromReorders
	case at.Topic == t.Catalog:
		c.of = fromCatalog
	}
	if c.of == noPlace || c.of == unknownOrigin {
		c.text = p.keep(s)
	}
	return c
}

func (c *updateRow) missing(fields event.UpdateFields) bool { return c.has&fields != fields }
