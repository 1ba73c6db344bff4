package producer

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"inv/internal/registry"
)

// What Avro and Protobuf have in common: numbers as bytes, and lengths before texts and
// messages.

// form is how a number is written in binary. The zero form is Avro's int and long.
type form struct {
	kind formKind
	unit int64  // the number is multiplied by it first; 0: it isn't
	dec  int    // of formDouble: the number is in units of 10^-dec
	tag  uint64 // of a field of a message, in the order of its bytes; 0: it is not written
	size int    // of the tag, in bytes
	zero bool   // a 0 is left out, with its tag
}

// formKind is a form of numbers.
type formKind uint8

const (
	formZigzag    formKind = iota // a zigzag varint
	formVarint                    // a varint of the two's complement
	formDecimal                   // the two's complement, highest byte first, after its length as a zigzag varint
	formDouble                    // IEEE 754, lowest byte first
	formFixed32                   // lowest byte first
	formFixed64                   // the same
	formTimestamp                 // a message google.protobuf.Timestamp after its length; the number is in ms
)

// mostBinary bounds the size of a number in a binary form, with its tag.
const mostBinary = 5 + 1 + 1 + 10 + 1 + 5

// put writes v and returns its length.
func (b *form) put(to *[digitsRoom]byte, v int64) int {
	if b.unit != 0 {
		v *= b.unit
	}
	if b.tag == 0 {
		return b.putBare(to, v)
	}
	if v == 0 && b.zero {
		return 0
	}
	binary.LittleEndian.PutUint64(to[:], b.tag)
	var bare [digitsRoom]byte
	n := b.putBare(&bare, v)
	copy(to[b.size&7:], bare[:mostBinary])
	return b.size + n
}

func (b *form) putBare(to *[digitsRoom]byte, v int64) int {
	switch b.kind {
	case formZigzag:
		return putVarint(to, uint64(v)<<1^uint64(v>>63))
	case formVarint:
		return putVarint(to, uint64(v))
	case formDecimal:
		n := bits.Len64(uint64(v^v>>63))/8 + 1
		to[0] = byte(2 * n)
		binary.BigEndian.PutUint64(to[1:], uint64(v)<<(64-8*n))
		return 1 + n
	case formDouble:
		binary.LittleEndian.PutUint64(to[:], math.Float64bits(float64(v)/tens[b.dec]))
		return 8
	case formFixed32:
		binary.LittleEndian.PutUint32(to[:], uint32(v))
		return 4
	case formFixed64:
		binary.LittleEndian.PutUint64(to[:], uint64(v))
		return 8
	}
	return putTimestamp(to, v)
}

// tens are the powers of ten that a double holds exactly, so that a number below 2^53
// divided by one is the double that is nearest to the decimal.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// putVarint writes a varint: up to 56 bits, as most are, without a loop.
func putVarint(to *[digitsRoom]byte, u uint64) int {
	if u >= 1<<56 {
		return binary.PutUvarint(to[:], u)
	}
	n := (bits.Len64(u|1) + 6) / 7
	u = u&(1<<28-1) | u>>28<<32
	u = u&0x00003fff_00003fff | u&0x0fffc000_0fffc000<<2
	u = u&0x007f007f_007f007f | u&0x3f803f80_3f803f80<<1
	u |= 0x80808080_80808080 & (1<<(8*(n-1)) - 1)
	binary.LittleEndian.PutUint64(to[:], u)
	return n
}

// putTimestamp writes the google.protobuf.Timestamp of epoch milliseconds. Fields that are
// 0 are left out.
func putTimestamp(to *[digitsRoom]byte, ms int64) int {
	seconds := floorDiv(ms, 1000)
	nanos := (ms - seconds*1000) * 1_000_000
	var text [digitsRoom]byte
	n := 1
	if seconds != 0 {
		to[n] = 1 << 3
		size := putVarint(&text, uint64(seconds))
		n += 1 + copy(to[n+1:], text[:size])
	}
	if nanos != 0 {
		to[n] = 2 << 3
		size := putVarint(&text, uint64(nanos))
		n += 1 + copy(to[n+1:], text[:size])
	}
	to[0] = byte(n - 1)
	return n
}

func (b *form) append(dst []byte, v int64) []byte {
	dst = withRoom(dst, digitsRoom)
	n := len(dst)
	return dst[:n+b.put((*[digitsRoom]byte)(dst[n:n+digitsRoom]), v)]
}

// sized is what has its length, in one byte, before it.
type sized struct {
	slot  uint8 // in worker.opened, from 1; 0: nothing
	shift uint8 // of the length: 1 in Avro, where lengths are zigzag varints, otherwise 0
}

const (
	// mostSized is how many lengths can be open at a time.
	mostSized = 4
	// mostInByte is the largest length that one byte holds, shifted by 0.
	mostInByte = 127
)

// beginSized adds the byte for the length of what is added from here on; endSized ends it.
// The length must fit in the byte. False means that too many are open.
func (s *steps) beginSized() bool {
	if s.open == mostSized {
		return false
	}
	s.seal()
	if s.opening.offset > 0 || len(s.pending) >= literalRoom/2 {
		s.add(step{})
	}
	s.pending = append(s.pending, 0)
	s.opening = opening{offset: uint8(len(s.pending)), slot: uint8(s.open)}
	s.open++
	return true
}

// opening is where what has a length begins, in the literal of the step that comes next.
type opening struct{ offset, slot uint8 }

// endSized ends what was begun last.
func (s *steps) endSized(shift uint8) {
	s.seal()
	s.open--
	if last := len(s.list) - 1; len(s.pending) > 0 || last < 0 || s.list[last].closes.slot > 0 {
		s.add(step{})
	}
	s.list[len(s.list)-1].closes = sized{slot: uint8(s.open + 1), shift: shift}
}

// mark records where a record's key and what has a length begin and end; start is where
// the step began, and end where it ended.
func (s *step) mark(w *worker, dst []byte, start int) {
	end := len(dst)
	if s.ends {
		w.keyEnd = end
	}
	if s.opens > 0 {
		w.opened[s.slot%mostSized] = start + int(s.opens)
	}
	if s.closes.slot > 0 {
		at := w.opened[(s.closes.slot-1)%mostSized]
		dst[at-1] = byte(end-at) << s.closes.shift
	}
}

// appendSized appends what a function writes after its length, as a varint shifted by
// shift.
func appendSized(w *worker, f *frame, dst []byte, shift uint8, write appendFunc) []byte {
	dst = append(dst, 0)
	start := len(dst)
	return closeSized(write(w, f, dst), start, shift)
}

// closeSized sets the length of dst[start:], for which there is a byte before it.
func closeSized(dst []byte, start int, shift uint8) []byte {
	size := uint64(len(dst)-start) << shift
	if size <= mostInByte {
		dst[start-1] = byte(size)
		return dst
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], size)
	return slices.Replace(dst, start-1, start, length[:n]...)
}

// valid replaces what is not UTF-8 in dst[start:], as appendJSONText does.
func (w *worker) valid(dst []byte, start int) []byte {
	if utf8.Valid(dst[start:]) {
		return dst
	}
	w.scratch = append(w.scratch[:0], dst[start:]...)
	dst = dst[:start]
	for text := w.scratch; len(text) > 0; {
		r, size := utf8.DecodeRune(text)
		dst, text = utf8.AppendRune(dst, r), text[size:]
	}
	return dst
}

// refuse records that a value does not fit the record's schema.
func (w *worker) refuse(path string, err error) {
	if w.unfit != nil {
		return
	}
	if wrong := new(registry.ValueError); errors.As(err, &wrong) {
		err = &registry.ValueError{Path: joined(path, wrong.Path), Text: wrong.Text}
	}
	w.unfit = err
}

func joined(path, rest string) string {
	if path == "" || rest == "" || rest[0] == '[' {
		return path + rest
	}
	return path + "." + rest
}

// sizedText adds a text after its length, if its pieces fit in a byte of length; false if
// they don't, or nothing is known of them.
func (s *steps) sizedText(n *node, shift uint8) bool {
	if !n.safe || n.pieces == nil {
		return false
	}
	longest := 0
	for _, p := range n.pieces {
		switch {
		case p.inline != nil:
			longest += p.inline.longest()
		case p.value != nil:
			return false
		default:
			longest += len(p.literal)
		}
	}
	if longest > mostInByte>>shift || !s.beginSized() {
		return false
	}
	key := s.beginKey(n)
	for _, p := range n.pieces {
		s.piece(p)
	}
	if key {
		s.endKey()
	}
	s.endSized(shift)
	return true
}

// longest returns the largest number of digits of an inline number.
func (i *inline) longest() int {
	if i.kind == stepInt {
		return max(len(appendInt(nil, i.low)), len(appendInt(nil, i.low+int64(i.size-1))))
	}
	return len("-9223372036854775808")
}

// sizedValue adds a text that is not of such pieces.
func (s *steps) sizedValue(n *node, shift uint8) {
	text, safe := n.text, n.safe
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		dst = append(dst, 0)
		start := len(dst)
		if dst = text(w, f, dst); !safe {
			dst = w.valid(dst, start)
		}
		return closeSized(dst, start, shift)
	})
}

// number adds a number in a binary form. It must fit.
func (s *steps) number(n *node, b form) {
	if in := n.inline; in != nil {
		if kind, ok := map[stepKind]stepKind{stepNumber: stepBinaryNumber, stepTime: stepBinaryTime, stepInt: stepBinaryInt}[in.kind]; ok {
			s.add(step{inline: inline{kind: kind, uniform: in.uniform, binary: &b}})
			return
		}
	}
	if t, ok := s.tally(n); ok {
		s.add(step{inline: inline{kind: stepBinaryTotal, total: t, binary: &b}})
		return
	}
	num := n.num
	s.value(func(w *worker, f *frame, dst []byte) []byte { return b.append(dst, num(w, f)) })
}

// inner returns the steps of a part that is written by a function.
func (s *steps) inner() *steps { return &steps{open: s.open} }

// numberWithin adds a number in a binary form, and one that is not within limits by slow.
func (s *steps) numberWithin(n *node, b form, l limits, slow appendFunc) {
	if n.limits.low >= l.low && n.limits.high <= l.high {
		s.number(n, b)
		return
	}
	num := n.num
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		v := num(w, f)
		if v < l.low || v > l.high {
			return slow(w, f, dst)
		}
		return b.append(dst, v)
	})
}

// The limits of types.
func limits32() limits  { return limits{math.MinInt32, math.MaxInt32} }
func limits64() limits  { return limits{math.MinInt64, math.MaxInt64} }
func limitsU32() limits { return limits{0, math.MaxUint32} }
func limitsU64() limits { return limits{0, math.MaxInt64} }

// isWhole reports whether all of a node's values are whole numbers.
func (n *node) isWhole() bool { return n.kind == kindNumber && n.num != nil && n.dec == 0 }

// wholeWithin reports whether all of a node's values are whole numbers within limits.
func (n *node) wholeWithin(l limits) bool {
	return n.isWhole() && n.limits.low >= l.low && n.limits.high <= l.high
}

// doubleLimits returns within which limits a single division converts a number to a
// double that keeps all of its digits; false if it never does.
func (n *node) doubleLimits() (limits, bool) {
	const most = 1e15 - 1 // 15 digits
	return limits{-most, most}, n.kind == kindNumber && n.num != nil && n.dec < len(tens)
}

// decimalLimits returns what a number is multiplied by to be in units of 10^-scale, and
// within which limits it then has no more digits than precision; false if some of its
// values have more decimals.
func (n *node) decimalLimits(precision, scale int) (unit int64, l limits, ok bool) {
	if n.kind != kindNumber || n.num == nil || n.dec > scale || scale-n.dec > maxSmallDecimals {
		return 0, l, false
	}
	unit = pow10(scale - n.dec)
	most := int64(math.MaxInt64)
	if precision <= maxSmallDecimals {
		most = pow10(precision) - 1
	}
	return unit, limits{-(most / unit), most / unit}, true
}
