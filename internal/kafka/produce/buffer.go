package produce

import "slices"

// Buffers that are kept for later batches.
const (
	firstBytes = 16 << 10 // by which new ones are rounded up
	keepBytes  = 6 << 20  // in all: a full batch for each of 24 partitions
	keepWires  = 32       // of sealed batches
)

// buffer returns an empty buffer with room for n bytes or more, the smallest one that
// was kept.
func (s *Sender) buffer(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for i, b := range s.spare {
		if cap(b) >= n && (best < 0 || cap(b) < cap(s.spare[best])) {
			best = i
		}
	}
	if best < 0 {
		return make([]byte, 0, (n+firstBytes-1)/firstBytes*firstBytes)
	}
	b := s.spare[best]
	s.spare = slices.Delete(s.spare, best, best+1)
	s.spareBytes -= cap(b)
	return b
}

// keep takes a buffer back; the lock is held.
func (s *Sender) keep(b []byte) {
	if cap(b) > keepBytes/4 || s.spareBytes+cap(b) > keepBytes {
		return
	}
	s.spareBytes += cap(b)
	s.spare = append(s.spare, b[:0])
}
