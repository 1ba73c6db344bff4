package dashboard

import (
	"cmp"
	"strings"

	"inv/internal/event"
)

// Severity is how urgent a product's stock is.
type Severity uint8

// The severities, most urgent first.
const (
	Out      Severity = iota // no stock
	Critical                 // at or below the critical threshold
	Low                      // at or below the reorder threshold
	OK                       // above both
	Unknown                  // no update yet
	severities
)

var severityWords = [severities]string{"out", "critical", "low", "ok", "unknown"}

func (s Severity) String() string { return severityWords[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(severityWords[s]), nil }

// product is the state of one product: its catalogue record, its stock and its past
// hour.
type product struct {
	id, name, category, warehouse string
	price                         event.Money
	reorderAt, reorderQuantity    int64
	criticalAt, opening           int64
	inCatalog, delisted           bool

	stocked bool // there was an update; the fields below are the newest one's
	stock   int64
	delta   int64
	seq     int64 // 0: the writer does not number updates
	updated int64 // event time, epoch ms
	gaps    int64 // sequence numbers missing or out of order

	open        *openReorder
	reordered   mark   // the newest reorder
	closed      string // the reorder fulfilled last
	closedAt    mark
	closedLive  bool // by a receipt read live
	lastOrder   string
	lastReorder string

	history   history
	backSeq   int64      // the oldest sequence number read backwards so far; 0: none
	undecided *undecided // the oldest update so far, if what it changed depends on the one before

	version  uint64 // the publication that the row last changed in
	changed  bool   // since the last publication
	severity Severity
	rank     float64 // less is more urgent
	folded   string  // id and name in lower case, for search and sorting
}

type openReorder struct {
	id       string
	quantity int64
	priority string
	stock    int64
	since    int64 // event time, epoch ms
	at       mark
}

// full returns the usual maximum stock, the scale of the stock bar.
func (p *product) full() int64 {
	return max(p.reorderAt+p.reorderQuantity, p.opening, 1)
}

// judge sets the severity and rank from the stock and the thresholds.
func (p *product) judge() {
	switch {
	case !p.stocked:
		p.severity = Unknown
	case p.stock <= 0:
		p.severity = Out
	case p.stock <= p.criticalAt:
		p.severity = Critical
	case p.stock <= p.reorderAt:
		p.severity = Low
	default:
		p.severity = OK
	}
	const span = 1e9 // more than any stock ÷ threshold that matters
	p.rank = float64(p.severity)*span + min(float64(p.stock)/float64(max(p.reorderAt, 1)), span-1)
	if p.delisted {
		p.rank += float64(severities) * span
	}
}

// fold sets the key for search and sorting.
func (p *product) fold() { p.folded = strings.ToLower(p.name) + "\n" + strings.ToLower(p.id) }

func compareProducts(by Sort, a, b *product) int {
	var c int
	switch by {
	case ByName:
		c = cmp.Compare(a.folded, b.folded)
	case ByStock:
		c = cmp.Compare(a.stock, b.stock)
	case ByUpdated:
		c = cmp.Compare(b.updated, a.updated)
	case ByCategory:
		c = cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.folded, b.folded))
	default:
		c = cmp.Compare(a.rank, b.rank)
	}
	return cmp.Or(c, cmp.Compare(a.id, b.id))
}
