package producer

// uniform draws an integer from a frame's random key: low … low+size-1, all equally
// likely.
type uniform struct {
	low       int64
	key, size uint64
}

func (u *uniform) draw(h uint64) int64 { return u.low + int64(below(mix(h+u.key), u.size)) }

// picker draws a row of a table from a frame's random key. It has no state: caching
// the row for the other fields that need it was measured, and was slower than drawing
// it again.
type picker struct {
	key, size uint64
	draw      func(r uint64) int64 // nil: 0 … size-1, all equally likely
	apart     []*picker            // whose rows it never draws
}

// row returns the row that a frame's random key draws.
func (p *picker) row(h uint64) int64 {
	r := mix(h + p.key)
	if len(p.apart) > 0 {
		return p.another(h, r)
	}
	return p.of(r)
}

func (p *picker) of(r uint64) int64 {
	if p.draw != nil {
		return p.draw(r)
	}
	return int64(below(r, p.size))
}

// mostRedrawn bounds how often a row that is taken is drawn again. After that the next
// one that is free is used.
const mostRedrawn = 32

// another draws a row that the pickers in apart have not drawn for the same key.
func (p *picker) another(h, r uint64) int64 {
	row := p.of(r)
	for i := 0; p.taken(h, row); i++ {
		if i < mostRedrawn {
			r = mix(r + golden)
			row = p.of(r)
		} else {
			row = (row + 1) % int64(p.size)
		}
	}
	return row
}

func (p *picker) taken(h uint64, row int64) bool {
	for _, other := range p.apart {
		if other.row(h) == row {
			return true
		}
	}
	return false
}
