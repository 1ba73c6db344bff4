package dashboard

import (
	"cmp"
	"strings"
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
	Row // without Stock and Trend

	opening int64 // stock
	stocked bool  // there was an update
	stock   int64

	reordered   mark   // the newest reorder
	closed      string // the reorder fulfilled last
	closedAt    mark
	closedLive  bool // by a receipt read live
	lastOrder   string
	lastReorder string

	history   history
	backSeq   int64      // the oldest sequence number read backwards so far; 0: none
	undecided *undecided // the oldest update so far, if what it changed depends on the one before

	version uint64  // the publication that the row last changed in
	changed bool    // since the last publication
	rank    float64 // less is more urgent
	folded  string  // ID and name in lower case, for search and sorting
}

// judge derives severity, rank and full stock from the stock and the thresholds.
func (p *product) judge() {
	switch {
	case !p.stocked:
		p.Severity = Unknown
	case p.stock <= 0:
		p.Severity = Out
	case p.stock <= p.CriticalThreshold:
		p.Severity = Critical
	case p.stock <= p.ReorderThreshold:
		p.Severity = Low
	default:
		p.Severity = OK
	}
	p.Full = max(sum(p.ReorderThreshold, p.ReorderQuantity), p.opening, 1)
	const span = 1e9 // more than any stock ÷ threshold that matters
	p.rank = float64(p.Severity)*span + min(float64(p.stock)/float64(max(p.ReorderThreshold, 1)), span-1)
	if p.Delisted {
		p.rank += float64(severities) * span
	}
}

// fold sets the key for search and sorting.
func (p *product) fold() { p.folded = strings.ToLower(p.Name) + "\n" + strings.ToLower(p.ID) }

func compareProducts(by Sort, a, b *product) int {
	var c int
	switch by {
	case ByName:
		c = cmp.Compare(a.folded, b.folded)
	case ByStock:
		c = cmp.Compare(a.stock, b.stock)
	case ByUpdated:
		c = cmp.Compare(b.Updated, a.Updated)
	case ByCategory:
		c = cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(a.folded, b.folded))
	default:
		c = cmp.Compare(a.rank, b.rank)
	}
	return cmp.Or(c, cmp.Compare(a.ID, b.ID))
}
