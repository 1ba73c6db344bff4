package producer

import (
	"bytes"
	"errors"
	"testing"
)

// full has room for a number of bytes.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	if f.Len()+len(p) > f.room {
		return 0, errors.New("no space left")
	}
	return f.Buffer.Write(p)
}

// Only records and bytes that were written count.
func TestWriterSinkCountsWhatIsWritten(t *testing.T) {
	p, rate := compiled(t, shipped(t, "inventory"), "orders"), rateOf(t, "max")
	for _, room := range []int{0, 3 * writeSize, 1 << 30} {
		w := &full{room: room}
		s, err := Run(t.Context(), p, Options{Rate: &rate, Count: 10_000}, NewWriterSink(w, false))
		if lines := int64(bytes.Count(w.Bytes(), []byte("\n"))); lines != s.Acknowledged || s.Bytes != int64(w.Len()) {
			t.Errorf("%d lines and %d bytes are written, %d and %d counted", lines, w.Len(), s.Acknowledged, s.Bytes)
		}
		if done := s.Acknowledged == 10_000; done != (err == nil) || done != (room == 1<<30) {
			t.Errorf("%d records fit in %d bytes: %v", s.Acknowledged, room, err)
		}
	}
}
