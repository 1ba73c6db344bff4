package event

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deep lists and objects may nest, as in encoding/json.
const maxDepth = 10000

// scanner reads one JSON document from front to back. It accepts what
// encoding/json accepts, byte for byte: strict syntax and nothing behind the
// document; bytes in a string that are not UTF-8, and surrogates without their
// other half, are read as U+FFFD.
//
// A syntax error is sticky: failed is set, and further reads return nothing.
// A value of the wrong type is not: it is noted and skipped, because a document
// that turns out to be no JSON further on is "not JSON" before anything else.
type scanner struct {
	src    []byte
	pos    int
	failed bool
	depth  int
	issues []issue
	buf    []byte   // holds the last string that had escapes
	borrow bool     // texts may be parts of src
	usual  []string // the fields as they are usually written, each as "name":
	ahead  int      // of them, the one that should come next
}

// issue is a field whose last value can't be taken.
type issue struct {
	field string
	err   *Error
}

func (s *scanner) fail() {
	s.failed = true
}

// space skips white space and returns the next byte, 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end checks that nothing but white space is left.
func (s *scanner) end() {
	if s.space(); s.pos < len(s.src) {
		s.fail()
	}
}

// open enters a list or an object and reports whether it has an element.
func (s *scanner) open(closing byte) bool {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		s.fail()
		return false
	}
	if s.space() == closing {
		s.pos++
		s.depth--
		return false
	}
	return true
}

// next goes to the following element, or leaves the list or object.
func (s *scanner) next(closing byte) bool {
	if s.failed {
		return false
	}
	c := s.space()
	s.pos++
	switch c {
	case ',':
		return true
	case closing:
		s.depth--
		return false
	}
	s.pos--
	s.fail()
	return false
}

// name reads an object's next field name up to its value. The result is valid
// until the next string is read.
func (s *scanner) name() []byte {
	// One field may be left out, as those that say nothing are.
	for i := s.ahead; i < len(s.usual) && i < s.ahead+2; i++ {
		if next := s.usual[i]; len(s.src)-s.pos >= len(next) && string(s.src[s.pos:s.pos+len(next)]) == next {
			name := s.src[s.pos+1 : s.pos+len(next)-2]
			s.pos += len(next)
			s.ahead = i + 1
			return name
		}
	}
	if s.space() != '"' {
		s.fail()
		return nil
	}
	name := s.text()
	if s.space() != ':' {
		s.fail()
		return nil
	}
	s.pos++
	s.expect(name)
	return name
}

// expect finds out what comes behind a field that was not the one expected: one
// further down, or, in a list of objects, one further up.
func (s *scanner) expect(name []byte) {
	for n := range s.usual {
		i := (s.ahead + n) % len(s.usual)
		if usual := s.usual[i]; string(name) == usual[1:len(usual)-2] {
			s.ahead = i + 1
			return
		}
	}
}

// inOrder returns the usual order of a record's fields, for scanner.usual. Reading
// them in another order, or others, is slower and no different.
func inOrder(names ...string) []string {
	for i, n := range names {
		names[i] = `"` + n + `":`
	}
	return names
}

// plain are the bytes that stand for themselves in a string: all but quote,
// backslash, control characters, and those that may not be UTF-8.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plainBytes returns how many of eight bytes, from the lowest on, are plain. A byte
// above one that is not may be taken for another, which does not matter.
func plainBytes(b uint64) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := b^each*'"', b^each*'\\'
	other := (quote-each)&^quote | (backslash-each)&^backslash | (b-each*' ')&^b | b
	return bits.TrailingZeros64(other&high) / 8
}

// text reads a string; pos is at its quote. The result is part of the document
// or of s.buf and valid until the next string is read.
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

// unusualText reads on in a string that has an escape or a byte beyond ASCII.
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
			r = utf8.RuneError
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

// number reads a number's literal; whole reports that it has neither a fraction
// nor an exponent.
func (s *scanner) number() (literal []byte, whole bool) {
	start := s.pos
	if s.src[s.pos] == '-' {
		s.pos++
	}
	first := s.pos
	if n := s.digits(); n == 0 || n > 1 && s.src[first] == '0' {
		s.fail()
		return nil, false
	}
	whole = true
	if s.pos < len(s.src) && s.src[s.pos] == '.' {
		whole = false
		s.pos++
		if s.digits() == 0 {
			s.fail()
			return nil, false
		}
	}
	if s.pos < len(s.src) && s.src[s.pos]|0x20 == 'e' {
		whole = false
		s.pos++
		if s.pos < len(s.src) && (s.src[s.pos] == '+' || s.src[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			s.fail()
			return nil, false
		}
	}
	return s.src[start:s.pos], whole
}

func (s *scanner) digits() (n int) {
	for s.pos < len(s.src) && s.src[s.pos]-'0' <= 9 {
		s.pos++
		n++
	}
	return n
}

// skip reads over a value and says what it was, for messages.
func (s *scanner) skip() (what string) {
	switch c := s.space(); c {
	case '"':
		s.text()
		return "a text"
	case '{':
		for more := s.open('}'); more; more = s.next('}') {
			s.name()
			if !s.failed {
				s.skip()
			}
		}
		return "an object"
	case '[':
		for more := s.open(']'); more; more = s.next(']') {
			s.skip()
		}
		return "a list"
	case 't':
		s.word("true")
		return "true"
	case 'f':
		s.word("false")
		return "false"
	case 'n':
		s.word("null")
		return "null"
	default:
		if c == '-' || c-'0' <= 9 {
			s.number()
			return "a number"
		}
	}
	s.fail()
	return ""
}

func (s *scanner) word(w string) {
	if !bytes.HasPrefix(s.src[s.pos:], []byte(w)) {
		s.fail()
		return
	}
	s.pos += len(w)
}

// null reads null if it is the value. A field that is null counts as absent.
func (s *scanner) null() bool {
	if s.space() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// note records that a field's value can't be taken. The last value of a field
// counts, so settle removes the note when the field comes again.
func (s *scanner) note(field string, reason Reason, message string) {
	s.issues = append(s.issues, issue{field, &Error{reason, message}})
}

func (s *scanner) settle(field string) {
	kept := s.issues[:0]
	for _, i := range s.issues {
		if i.field != field {
			kept = append(kept, i)
		}
	}
	s.issues = kept
}

// readText reads a text field into dst and reports whether it is there.
func (s *scanner) readText(field string, dst *string) (present bool) {
	if s.issues != nil {
		s.settle(field)
	}
	if s.space() == '"' {
		at := s.pos + 1
		switch text := s.text(); {
		case s.borrow && len(text) > 0 && &text[0] == &s.src[at]: // else it was rewritten
			*dst = unsafe.String(unsafe.SliceData(text), len(text))
		default:
			*dst = string(text)
		}
		return true
	}
	*dst = ""
	if !s.null() {
		s.mistyped(field, "a text")
	}
	return false
}

// readInt reads a field that is a whole number.
func (s *scanner) readInt(field string, dst *int64) (present bool) {
	if s.issues != nil {
		s.settle(field)
	}
	*dst = 0
	c := s.space()
	if v, end := s.shortInt(s.pos); end > 0 {
		*dst, s.pos = v, end
		return true
	}
	if c != '-' && c-'0' > 9 {
		if !s.null() {
			s.mistyped(field, "a whole number")
		}
		return false
	}
	literal, whole := s.number()
	switch {
	case s.failed:
	case !whole && field == "quantity":
		s.note(field, BadQuantity, "quantity must be a whole number, not "+quote(string(literal)))
	case !whole:
		s.note(field, WrongType, field+" must be a whole number, not "+quote(string(literal)))
	case len(literal) > 18:
		s.note(field, OutOfRange, field+" is out of range: "+quote(string(literal)))
	default:
		*dst = plainInt(literal)
		return true
	}
	return false
}

// shortInt reads a whole number of at most 17 digits, as most are. end is 0 if
// it is another, or none.
func (s *scanner) shortInt(at int) (v int64, end int) {
	i, negative := at, false
	if i < len(s.src) && s.src[i] == '-' {
		i, negative = i+1, true
	}
	first := i
	for i < len(s.src) && s.src[i]-'0' <= 9 && i-first < 18 {
		v = v*10 + int64(s.src[i]-'0')
		i++
	}
	n := i - first
	if n == 0 || n > 17 || n > 1 && s.src[first] == '0' || i == len(s.src) || s.src[i] == '.' || s.src[i]|0x20 == 'e' {
		return 0, 0
	}
	if negative {
		v = -v
	}
	return v, i
}

// plainInt returns the value of at most 18 digits and a sign.
func plainInt(literal []byte) (v int64) {
	digits := literal
	if literal[0] == '-' {
		digits = literal[1:]
	}
	for _, c := range digits {
		v = v*10 + int64(c-'0')
	}
	if literal[0] == '-' {
		return -v
	}
	return v
}

// readMoney reads a field that is an amount.
func (s *scanner) readMoney(field string, dst *Money) (present bool) {
	if s.issues != nil {
		s.settle(field)
	}
	*dst = 0
	c := s.space()
	if v, end := s.shortMoney(s.pos); end > 0 {
		*dst, s.pos = v, end
		return true
	}
	if c != '-' && c-'0' > 9 {
		if !s.null() {
			s.mistyped(field, "a number")
		}
		return false
	}
	literal, _ := s.number()
	if s.failed {
		return false
	}
	m, err := ParseMoney(literal)
	if err != nil {
		s.note(field, OutOfRange, field+" is out of range: "+quote(string(literal)))
		return false
	}
	*dst = m
	return true
}

// shortMoney reads an amount below 10^11 with at most two decimals and no sign,
// as most are. end is 0 if it is another, or none.
func (s *scanner) shortMoney(at int) (v Money, end int) {
	src, i := s.src, at
	for i < len(src) && src[i]-'0' <= 9 && i-at < 12 {
		v = v*10 + Money(src[i]-'0')
		i++
	}
	if n := i - at; n == 0 || n > 11 || n > 1 && src[at] == '0' {
		return 0, 0
	}
	unit := MoneyUnit
	if i+1 < len(src) && src[i] == '.' && src[i+1]-'0' <= 9 {
		for i++; i < len(src) && src[i]-'0' <= 9 && unit > MoneyUnit/100; i++ {
			v = v*10 + Money(src[i]-'0')
			unit /= 10
		}
	}
	if i == len(src) || src[i]-'0' <= 9 || src[i] == '.' || src[i]|0x20 == 'e' {
		return 0, 0
	}
	return v * unit, i
}

// mistyped skips a value of the wrong type and notes it.
func (s *scanner) mistyped(field, want string) {
	if got := s.skip(); !s.failed {
		s.note(field, WrongType, field+" must be "+want+", not "+got)
	}
}

// begin starts a document that must be an object and reports whether it has a
// field. If it is something else, its whole text is read all the same.
func (s *scanner) begin(value []byte, what string) bool {
	s.src = value
	if s.space() == '{' {
		return s.open('}')
	}
	s.mistyped(what, "an object")
	return false
}

// finish is the verdict on the whole document.
func (s *scanner) finish() error {
	if !s.failed {
		s.end()
	}
	if s.failed {
		if len(s.src) == 0 {
			return &Error{NotJSON, "the value is empty"}
		}
		return &Error{NotJSON, "not JSON from byte " + strconv.Itoa(min(s.pos, len(s.src)))}
	}
	if len(s.issues) > 0 {
		return s.issues[0].err
	}
	return nil
}
