package dashboard

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Sort is what products are sorted by.
type Sort string

// The orders there are.
const (
	ByUrgency  Sort = "urgency" // severity, then stock as a share of the reorder threshold
	ByName     Sort = "name"
	ByStock    Sort = "stock"
	ByCategory Sort = "category"
	ByUpdated  Sort = "updated" // newest first
)

var sorts = []Sort{ByUrgency, ByName, ByStock, ByCategory, ByUpdated}

// View is which products a reader looks at. The zero value selects none, see
// ParseView for the defaults.
type View struct {
	Search     string // in id and name, without regard to case
	Category   string // "": all
	Warehouse  string // "": all
	Severities uint8  // a bit for each; 0: all
	Sort       Sort
	Descending bool
	Offset     int
	Limit      int
	Product    string // the one whose details are wanted, or ""
}

// DefaultView returns the most urgent products.
func DefaultView() View { return View{Sort: ByUrgency, Limit: 50} }

// ParseView reads a view from a query. The error says which parameter is wrong
// and what it may be.
func ParseView(q url.Values) (View, error) {
	v := DefaultView()
	v.Search = foldSearch(q.Get("q"))
	v.Category, v.Warehouse, v.Product = q.Get("category"), q.Get("warehouse"), q.Get("product")
	if len(v.Search) > maxText {
		return v, fmt.Errorf("q is longer than %d bytes", maxText)
	}
	for word := range strings.SplitSeq(q.Get("severity"), ",") {
		if word == "" {
			continue
		}
		s, ok := parseSeverity(word)
		if !ok {
			return v, fmt.Errorf("severity %q is none of %s", word, strings.Join(severityWords[:], ", "))
		}
		v.Severities |= 1 << s
	}
	if s := q.Get("sort"); s != "" {
		if v.Sort = Sort(s); !slices.Contains(sorts, v.Sort) {
			return v, fmt.Errorf("sort %q is none of %v", s, sorts)
		}
	}
	switch order := q.Get("order"); order {
	case "", "asc":
	case "desc":
		v.Descending = true
	default:
		return v, fmt.Errorf("order %q is neither asc nor desc", order)
	}
	var err error
	if v.Offset, err = number(q, "offset", 0, 0, maxProducts); err != nil {
		return v, err
	}
	v.Limit, err = number(q, "limit", v.Limit, 0, MaxRows)
	return v, err
}

func number(q url.Values, name string, without, least, most int) (int, error) {
	s := q.Get(name)
	if s == "" {
		return without, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s %q is no number from %d to %d", name, s, least, most)
	}
	return n, nil
}

func (v *View) selects(p *product) bool {
	return (v.Severities == 0 || v.Severities&(1<<p.severity) != 0 && !p.delisted) &&
		(v.Category == "" || p.category == v.Category) &&
		(v.Warehouse == "" || p.warehouse == v.Warehouse) &&
		(v.Search == "" || strings.Contains(p.folded, v.Search))
}

// page is one page of the products that a view selects.
type page struct {
	total, offset int
	rows          []*product
}

func (m *Model) page(v View) *page {
	pg := &page{offset: v.Offset}
	take := func(p *product) {
		if !v.selects(p) {
			return
		}
		if pg.total >= v.Offset && len(pg.rows) < v.Limit {
			pg.rows = append(pg.rows, p)
		}
		pg.total++
	}
	sorted := m.order(v.Sort).sorted
	if v.Descending {
		for _, p := range slices.Backward(sorted) {
			take(p)
		}
		return pg
	}
	for _, p := range sorted {
		take(p)
	}
	return pg
}

func (pg *page) ids() []string {
	ids := make([]string, len(pg.rows))
	for i, p := range pg.rows {
		ids[i] = p.id
	}
	return ids
}

// foldSearch normalizes a search string for comparison.
func foldSearch(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }
