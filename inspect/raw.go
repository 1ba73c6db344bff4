package inspect

// Raw renders each value as its bytes and a newline. For a terminal, everything
// in it that the terminal would act on, but its newlines, is made visible.
type Raw struct {
	Safe bool // the output is a terminal
}

// Append appends the record's value; a tombstone has none.
func (w Raw) Append(dst []byte, r *Record) []byte {
	dst = reserve(dst, len(r.Value))
	if w.Safe {
		return append(appendSafeLines(dst, r.Value), '\n')
	}
	return append(append(dst, r.Value...), '\n')
}
