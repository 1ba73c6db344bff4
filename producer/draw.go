package producer

// picker draws a number from a frame's random key: a row of a table, an integer
// of a range. It is a pure function of the frame; to keep what is drawn for the
// other fields that need it was measured, and took longer than to draw it again.
type picker struct {
	key, size uint64
	draw      func(r uint64) int64 // nil: 0 … size-1, each as likely
}

func (p *picker) row(f *frame) int64 {
	r := mix(f.h + p.key)
	if p.draw != nil {
		return p.draw(r)
	}
	return int64(below(r, p.size))
}
