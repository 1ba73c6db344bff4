package inspect

// Raw renders each value as its bytes and a newline.
type Raw struct {
	Safe bool // for a terminal: all that it would act on is made visible, but newlines
}

// Append appends the record's value; a tombstone is empty.
func (w Raw) Append(dst []byte, r *Record) []byte {
	dst = reserve(dst, len(r.Value))
	if w.Safe {
		return append(appendSafeLines(dst, r.Value), '\n')
	}
	return append(append(dst, r.Value...), '\n')
}
