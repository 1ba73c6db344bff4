package producer

// fault is something wrong with a record on purpose.
type fault uint8

const noFault fault = 0

func (r *renderer) spoil(w *worker, b *Batch, f *frame, s slot, content *rowContent, rec *Record) {}
