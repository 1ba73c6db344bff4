package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// plain is the set of bytes that need no decoding in a string: ASCII except quote,
// backslash and control characters.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plainBytes returns how many of eight bytes, from the lowest, are plain. Bytes above
// the first that is not may be misjudged, which does not change the result.
func plainBytes(b uint64) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := b^each*'"', b^each*'\\'
	other := (quote-each)&^quote | (backslash-each)&^backslash | (b-each*' ')&^b | b
	return bits.TrailingZeros64(other&high) / 8
}

// text reads a string; pos is at its quote. The result aliases src or s.buf and is
// valid until the next string is read.
func (s *scanner) text() []byte {
	s.pos++
	start := s.pos
	src := s.src
	i := start
	for ; i+8 <= len(src); i += 8 {
		if n := plainBytes(binary.LittleEndian.Uint64(src[i:])); n < 8 {
			i += n
			break
		}
	}
	for i < len(src) && plain[src[i]] {
		i++
	}
	if i < len(src) && src[i] == '"' {
		s.pos = i + 1
		return src[start:i]
	}
	s.pos = i
	return s.unusualText(start)
}

// unusualText reads the rest of a string with escapes or non-ASCII bytes.
func (s *scanner) unusualText(start int) []byte {
	s.buf = append(s.buf[:0], s.src[start:s.pos]...)
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return s.buf
		case c == '\\':
			if !s.escape() {
				s.fail()
				return nil
			}
		case c < ' ':
			s.fail()
			return nil
		case c < utf8.RuneSelf:
			s.buf = append(s.buf, c)
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.src[s.pos:])
			s.folded = s.folded || r == utf8.RuneError && size == 1
			s.buf = utf8.AppendRune(s.buf, r)
			s.pos += size
		}
	}
	s.fail()
	return nil
}

func (s *scanner) escape() bool {
	if s.pos+1 >= len(s.src) {
		return false
	}
	c := s.src[s.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicodeEscape()
	default:
		return false
	}
	s.buf = append(s.buf, c)
	s.pos += 2
	return true
}

func (s *scanner) unicodeEscape() bool {
	r, ok := hex4(s.src[s.pos:])
	if !ok {
		return false
	}
	s.pos += 6
	if utf16.IsSurrogate(r) {
		low, ok := hex4(s.src[s.pos:])
		if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
			s.pos += 6
		} else {
			r, s.folded = utf8.RuneError, true
		}
	}
	s.buf = utf8.AppendRune(s.buf, r)
	return true
}

// hex4 reads \uXXXX.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
