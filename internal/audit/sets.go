package audit

// hashSet is a set of 64-bit hashes in about 16 bytes each. Of four million ids,
// two have the same hash in one audit of two million. It can keep a tag with each
// hash, in the lowest tagBits bits, which then don't count.
type hashSet struct {
	tagBits uint
	slots   []uint64 // 0 is empty
	used    int
}

// add says whether the hash is there already, and with which tag; if not, it is
// added with this one.
func (s *hashSet) add(hash, tag uint64) (present bool, tagged uint64) {
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow()
	}
	mask := uint64(1)<<s.tagBits - 1
	if hash>>s.tagBits == 0 {
		hash = 1 << s.tagBits
	}
	i := s.find(hash)
	if s.slots[i] != 0 {
		return true, s.slots[i] & mask
	}
	s.slots[i] = hash&^mask | tag&mask
	s.used++
	return false, tag
}

func (s *hashSet) find(hash uint64) int {
	mask := uint64(len(s.slots) - 1)
	i := (hash >> s.tagBits) & mask
	for s.slots[i] != 0 && s.slots[i]>>s.tagBits != hash>>s.tagBits {
		i = (i + 1) & mask
	}
	return int(i)
}

func (s *hashSet) grow() {
	old := s.slots
	s.slots = make([]uint64, max(1024, 2*len(old)))
	for _, entry := range old {
		if entry != 0 {
			s.slots[s.find(entry)] = entry
		}
	}
}

type windowKey struct {
	topic     string
	partition int32
}

// window knows the contents of a partition's last offsets.
type window struct {
	size int64
	last map[uint64]int64 // hash → the highest offset that has it
	ring []windowEntry    // in the order of offsets
	head int
}

type windowEntry struct {
	hash   uint64
	offset int64
}

// seen says at which offset within the window the content stood last, and
// remembers that it stands here now.
func (w *window) seen(hash uint64, offset int64) (earlier int64, ok bool) {
	for w.head < len(w.ring) && w.ring[w.head].offset < offset-w.size {
		if old := w.ring[w.head]; w.last[old.hash] == old.offset {
			delete(w.last, old.hash)
		}
		w.head++
	}
	if w.head > 4096 && w.head > len(w.ring)/2 {
		w.ring = append(w.ring[:0], w.ring[w.head:]...)
		w.head = 0
	}
	earlier, ok = w.last[hash]
	w.last[hash] = offset
	w.ring = append(w.ring, windowEntry{hash, offset})
	return earlier, ok
}

func (a *auditor) windowOf(topic string, partition int32) *window {
	key := windowKey{topic, partition}
	w := a.windows[key]
	if w == nil {
		w = &window{size: a.o.DedupeWindow, last: map[uint64]int64{}}
		a.windows[key] = w
	}
	return w
}
