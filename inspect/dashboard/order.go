package dashboard

import "slices"

// order keeps the products sorted. A publication moves only those that changed.
type order struct {
	by     Sort
	sorted []*product
	spare  []*product
	idle   int // publications since it was last used
}

func (m *Model) order(by Sort) *order {
	o := m.orderBy[by]
	if o == nil {
		o = &order{by: by, sorted: slices.Clone(m.all)}
		slices.SortFunc(o.sorted, o.compare)
		m.orderBy[by] = o
	}
	o.idle = 0
	return o
}

func (o *order) compare(a, b *product) int { return compareProducts(o.by, a, b) }

func (o *order) merge(touched []*product) {
	if len(touched) == 0 {
		return
	}
	moved := slices.Clone(touched)
	slices.SortFunc(moved, o.compare)
	merged := o.spare[:0]
	for _, p := range o.sorted {
		if p.changed {
			continue
		}
		for len(moved) > 0 && o.compare(moved[0], p) < 0 {
			merged, moved = append(merged, moved[0]), moved[1:]
		}
		merged = append(merged, p)
	}
	o.sorted, o.spare = append(merged, moved...), o.sorted
}
