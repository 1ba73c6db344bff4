package event

import (
	"bytes"
	"slices"
	"strconv"
)

// maxDepth limits the nesting of lists and objects, as in encoding/json.
const maxDepth = 10000

// scanner reads one JSON document from front to back. It accepts what
// encoding/json accepts, byte for byte: strict syntax and nothing after the
// document; invalid UTF-8 and unpaired surrogates in a string are read as U+FFFD,
// except in ids, where they are noted.
//
// A syntax error is sticky: failed is set, and further reads return nothing.
// A value of the wrong type is only noted and skipped, because invalid JSON further
// on takes precedence.
type scanner struct {
	src    []byte
	pos    int
	failed bool
	depth  int
	issues []issue
	buf    []byte   // the last string that had escapes
	folded bool     // the last string has a U+FFFD for something invalid
	borrow bool     // strings may alias src
	usual  []string // the usual order of the fields, each as "name":
	ahead  int      // index in usual of the field expected next
}

// issue is a field whose last value is invalid.
type issue struct {
	field string
	err   *Error
}

func (s *scanner) fail() { s.failed = true }

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

// end fails if anything but white space is left.
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

// next advances to the next element and reports whether there is one; otherwise it
// leaves the list or object.
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

// name reads a field name and its colon. The result is valid until the next string
// is read.
func (s *scanner) name() []byte {
	// Look one field further: optional fields may be absent.
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

// expect sets the field expected after an unexpected one: one further down or, in a
// list of objects, further up.
func (s *scanner) expect(name []byte) {
	for n := range s.usual {
		i := (s.ahead + n) % len(s.usual)
		if usual := s.usual[i]; string(name) == usual[1:len(usual)-2] {
			s.ahead = i + 1
			return
		}
	}
}

// inOrder returns the value of scanner.usual for these fields. Other fields, and
// another order, are read more slowly with the same result.
func inOrder(names ...string) []string {
	for i, n := range names {
		names[i] = `"` + n + `":`
	}
	return names
}

// number reads a number; whole reports whether it has neither a fraction nor an
// exponent.
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

// skip skips a value and returns its type, for messages.
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

// null reads the value if it is null. A null field counts as absent.
func (s *scanner) null() bool {
	if s.space() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// note records that a field's value is invalid. The last value of a repeated field
// counts, so settle removes the note when the field comes again.
func (s *scanner) note(field string, reason Reason, message string) {
	s.issues = append(s.issues, issue{field, &Error{reason, message}})
}

func (s *scanner) settle(field string) {
	s.issues = slices.DeleteFunc(s.issues, func(i issue) bool { return i.field == field })
}

// mistyped skips a value of the wrong type and notes it.
func (s *scanner) mistyped(field, want string) {
	if got := s.skip(); !s.failed {
		s.note(field, WrongType, field+" must be "+want+", not "+got)
	}
}

// begin starts a document that must be an object and reports whether it has a
// field. A document of another type is noted and skipped.
func (s *scanner) begin(value []byte, what string) bool {
	s.src = value
	if s.space() == '{' {
		return s.open('}')
	}
	s.mistyped(what, "an object")
	return false
}

// finish returns the first error of the document.
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
