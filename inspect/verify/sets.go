package verify

import "math/bits"

// hashSet is a set of 64-bit hashes in 11 to 16 bytes each. Of four million ids,
// two have the same hash in one audit of two million.
type hashSet struct {
	slots []uint64 // 0 is empty
	used  int
}

// add reports whether the hash is there already; if not, it is added.
func (s *hashSet) add(hash uint64) (present bool) {
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow(2 * s.used)
	}
	hash = max(hash, 1)
	i := s.find(hash)
	if s.slots[i] != 0 {
		return true
	}
	s.slots[i] = hash
	s.used++
	return false
}

func (s *hashSet) find(hash uint64) int {
	i := slotOf(hash, len(s.slots))
	for s.slots[i] != 0 && s.slots[i] != hash {
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	return i
}

// grow makes room for as many hashes as are given.
func (s *hashSet) grow(room int) {
	old := s.slots
	s.slots = make([]uint64, slotsFor(room))
	for _, hash := range old {
		if hash != 0 {
			s.slots[s.find(hash)] = hash
		}
	}
}

// slotsFor returns how many slots a table of so many entries gets: three quarters of
// them are used at most.
func slotsFor(entries int) int { return max(4*entries/3+1, 256) }

// slotOf returns where a hash belongs in a table of n slots.
func slotOf(hash uint64, n int) int {
	high, _ := bits.Mul64(hash, uint64(n))
	return int(high)
}

// contents knows at which offset each content of a topic stood last, by 64-bit
// hashes, in 22 to 32 bytes each. A content belongs to the partition in which it
// stood first; what others have of it is kept apart, since a producer that keys
// by id makes no such copies.
type contents struct {
	window int64 // how many offsets back a copy is a duplicate
	slots  []content
	used   int
	copies map[elsewhere]int64
}

type content struct {
	hash      uint64 // 0: empty
	offset    uint32 // the lower half, which tells a window's offsets apart
	partition int32
}

// elsewhere is a content in another partition than its own.
type elsewhere struct {
	hash      uint64
	partition int32
}

// seen says at which offset within the window the content stood last in this
// partition, and whether it is in another one; it remembers that it is here now.
func (s *contents) seen(hash uint64, partition int32, offset int64) (earlier int64, duplicate, copied bool) {
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow(2 * s.used)
	}
	hash = max(hash, 1)
	c := &s.slots[s.find(hash)]
	if c.hash == 0 {
		*c = content{hash, uint32(offset), partition}
		s.used++
		return 0, false, false
	}
	if c.partition == partition {
		earlier = offset - int64(uint32(offset)-c.offset)
		c.offset = uint32(offset)
		return earlier, offset-earlier <= s.window, false
	}
	if s.copies == nil {
		s.copies = map[elsewhere]int64{}
	}
	key := elsewhere{hash, partition}
	earlier, there := s.copies[key]
	s.copies[key] = offset
	return earlier, there && offset-earlier <= s.window, true
}

func (s *contents) find(hash uint64) int {
	i := slotOf(hash, len(s.slots))
	for s.slots[i].hash != 0 && s.slots[i].hash != hash {
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	return i
}

// grow makes room for as many contents as are given.
func (s *contents) grow(room int) {
	old := s.slots
	s.slots = make([]content, slotsFor(room))
	for _, c := range old {
		if c.hash != 0 {
			s.slots[s.find(c.hash)] = c
		}
	}
}

// index finds things by hashes of their keys: it holds their numbers, which are
// given in the order in which they come.
type index struct {
	slots []indexSlot
	used  int
}

type indexSlot struct {
	hash   uint32 // the lower half
	number uint32 // 0: empty; else the number + 1
}

// find returns the number for which same holds.
func (x *index) find(hash uint64, same func(number uint32) bool) (number uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	s := x.slots[x.place(hash, same)]
	return s.number - 1, s.number != 0
}

// add gives the next number to something that is not there. It returns the number.
func (x *index) add(hash uint64) uint32 {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.grow()
	}
	x.slots[x.place(hash, func(uint32) bool { return false })] = indexSlot{uint32(hash), uint32(x.used) + 1}
	x.used++
	return uint32(x.used) - 1
}

func (x *index) place(hash uint64, same func(uint32) bool) int {
	mask := len(x.slots) - 1
	i := int(uint32(hash)) & mask
	for s := &x.slots[i]; s.number != 0; s = &x.slots[i] {
		if s.hash == uint32(hash) && same(s.number-1) {
			break
		}
		i = (i + 1) & mask
	}
	return i
}

// grow doubles the slots, a power of two of them: their places follow from the
// half of the hash that is kept.
func (x *index) grow() {
	old := x.slots
	x.slots = make([]indexSlot, max(256, 2*len(old)))
	for _, s := range old {
		if s.number != 0 {
			x.slots[x.place(uint64(s.hash), func(uint32) bool { return false })] = s
		}
	}
}
