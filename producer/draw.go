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
}

// row returns the row that a frame's random key draws.
func (p *picker) row(h uint64) int64 {
	r := mix(h + p.key)
	if p.draw != nil {
		return p.draw(r)
	}
	return int64(below(r, p.size))
}
