package event

import (
	"strconv"
	"unsafe"
)

// readText reads a string field into dst and reports whether it is present.
func (s *scanner) readText(field string, dst *string) (present bool) {
	if s.issues != nil {
		s.settle(field)
	}
	if s.space() == '"' {
		at := s.pos + 1
		switch text := s.text(); {
		case s.borrow && len(text) > 0 && &text[0] == &s.src[at]: // otherwise it was decoded
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

// readID reads a field that must be an id. Invalid Unicode is noted: replaced by
// U+FFFD, it would make different ids equal.
func (s *scanner) readID(field string, dst *string) {
	s.folded = false
	if s.readText(field, dst) && s.folded {
		s.issues = append(s.issues, issue{field, notUnicode(field)})
	}
}

// readInt reads a field that must be a whole number.
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
		*dst, _ = strconv.ParseInt(string(literal), 10, 64)
		return true
	}
	return false
}

// shortInt is the fast path for whole numbers of at most 17 digits. end is 0 for
// anything else.
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

// readMoney reads a field that must be an amount.
func (s *scanner) readMoney(field string, dst *Money) (present bool) {
	var text string
	return s.readAmount(field, dst, &text)
}

// readAmount reads a field that must be an amount; text is the literal if Money rounds
// it, and else "".
func (s *scanner) readAmount(field string, dst *Money, text *string) (present bool) {
	if s.issues != nil {
		s.settle(field)
	}
	*dst, *text = 0, ""
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
	m, exact, err := parseMoney(literal)
	if err != nil {
		s.note(field, OutOfRange, field+" is out of range: "+quote(string(literal)))
		return false
	}
	if *dst = m; !exact {
		*text = string(literal)
	}
	return true
}

// shortMoney is the fast path for amounts below 10^11 with at most two decimals and
// no sign. end is 0 for anything else.
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
