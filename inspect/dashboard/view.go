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

// The possible orders.
const (
	ByUrgency  Sort = "urgency" // severity, then stock as a share of the reorder threshold
	ByName     Sort = "name"
	ByStock    Sort = "stock"
	ByCategory Sort = "category"
	ByUpdated  Sort = "updated" // newest first
)

var sorts = []Sort{ByUrgency, ByName, ByStock, ByCategory, ByUpdated}

// View selects the products that a reader looks at. The zero value selects none.
type View struct {
	Search     string // in ID and name, in lower case
	Category   string // "": all
	Warehouse  string // "": all
	Severities uint8  // a bit for each; 0: all
	Sort       Sort
	Descending bool
	Offset     int
	Limit      int
	Product    string // ID of the product to show in detail, or ""
}

// DefaultView returns the most urgent products.
func DefaultView() View { return View{Sort: ByUrgency, Limit: 50} }

// ParseView parses the parameters of a view. The error names the wrong one and its
// possible values.
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
		s := slices.Index(severityWords[:], word)
		if s < 0 {
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
	if v.Offset, err = number(q, "offset", 0, maxProducts); err != nil {
		return v, err
	}
	v.Limit, err = number(q, "limit", v.Limit, MaxRows)
	return v, err
}

// number parses a parameter that is at least 0.
func number(q url.Values, name string, missing, most int) (int, error) {
	s := q.Get(name)
	if s == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%s %q is not a number from 0 to %d", name, s, most)
	}
	return n, nil
}

func (v *View) selects(p *product) bool {
	return (v.Severities == 0 || v.Severities&(1<<p.Severity) != 0 && !p.Delisted) &&
		(v.Category == "" || p.Category == v.Category) &&
		(v.Warehouse == "" || p.Warehouse == v.Warehouse) &&
		(v.Search == "" || strings.Contains(p.folded, v.Search))
}

// page is one page of the products that a view selects.
type page struct {
	total, offset int
	rows          []*product
}

func (m *Model) page(v View) *page {
	pg := &page{offset: v.Offset}
	sorted := m.order(v.Sort).sorted
	for i, p := range sorted {
		if v.Descending {
			p = sorted[len(sorted)-1-i]
		}
		if !v.selects(p) {
			continue
		}
		if pg.total >= v.Offset && len(pg.rows) < v.Limit {
			pg.rows = append(pg.rows, p)
		}
		pg.total++
	}
	return pg
}

func (pg *page) ids() []string {
	ids := make([]string, len(pg.rows))
	for i, p := range pg.rows {
		ids[i] = p.ID
	}
	return ids
}

// foldSearch normalizes a search string for comparison.
func foldSearch(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }
