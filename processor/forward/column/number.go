package column

import "bytes"

// number is a JSON number (RFC 8259, section 6): count significant digits, without zeros
// before and behind them, times 10^exponent.
type number struct {
	text     []byte // from the first significant digit to the last, perhaps with a point
	count    int
	exponent int
	negative bool
}

// manyDigits is an exponent that is out of every type's range, and small enough to be
// added to the length of a text.
const manyDigits = 1 << 40

// parse reads text and reports whether it is a number.
func (n *number) parse(text []byte) bool {
	i := 0
	if i < len(text) && text[i] == '-' {
		n.negative = true
		i++
	}
	start := i
	i = digits(text, i)
	if i == start || text[start] == '0' && i > start+1 {
		return false
	}
	whole, point := i, i
	if i < len(text) && text[i] == '.' {
		if i = digits(text, i+1); i == point+1 {
			return false
		}
	}
	mantissa := text[start:i]
	exponent, ok := parseExponent(text[i:])
	if !ok {
		return false
	}
	n.normalize(mantissa, whole-start, exponent)
	return true
}

func digits(text []byte, i int) int {
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return i
}

// parseExponent reads the rest of a number, which may be empty.
func parseExponent(text []byte) (int, bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 || digits(text, 0) < len(text) {
		return 0, false
	}
	e := 0
	for _, c := range text {
		e = min(e*10+int(c-'0'), manyDigits)
	}
	if negative {
		e = -e
	}
	return e, true
}

// normalize sets the number to mantissa × 10^exponent; whole digits are before its point.
func (n *number) normalize(mantissa []byte, whole, exponent int) {
	first, last := -1, -1
	for i, c := range mantissa {
		if c >= '1' && c <= '9' {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 { // zero
		n.negative = false
		return
	}
	n.text = mantissa[first : last+1]
	n.count = len(n.text)
	if first < whole && last > whole {
		n.count-- // the point
	}
	n.exponent = exponent + whole - last - 1
	if last > whole {
		n.exponent = exponent - (last - whole)
	}
}

// appendDigits appends the significant digits.
func (n *number) appendDigits(dst []byte) []byte {
	if point := bytes.IndexByte(n.text, '.'); point >= 0 {
		return append(append(dst, n.text[:point]...), n.text[point+1:]...)
	}
	return append(dst, n.text...)
}

// int returns a number without decimals as an int64 if it fits.
func (n *number) int() (int64, bool) {
	const most = 19 // digits of an int64
	if n.exponent > most || n.count+n.exponent > most {
		return 0, false
	}
	var v uint64
	for _, c := range n.text {
		if c != '.' {
			v = v*10 + uint64(c-'0')
		}
	}
	for range n.exponent {
		v *= 10
	}
	switch {
	case n.negative && v <= 1<<63:
		return -int64(v), true
	case !n.negative && v < 1<<63:
		return int64(v), true
	}
	return 0, false
}

// nextEscape returns the index of the next escape \uXXXX in JSON text from i on, or -1.
func nextEscape(raw []byte, i int) int {
	for i < len(raw) {
		found := bytes.IndexByte(raw[i:], '\\')
		if found < 0 || i+found+1 >= len(raw) {
			return -1
		}
		i += found + 1
		if raw[i] == 'u' {
			return i - 1
		}
		i++
	}
	return -1
}

// escaped returns the code unit of an escape \uXXXX.
func escaped(raw []byte) int {
	unit := 0
	for _, c := range raw[2:min(6, len(raw))] {
		unit *= 16
		switch {
		case c <= '9':
			unit += int(c - '0')
		default:
			unit += int(c|0x20-'a') + 10
		}
	}
	return unit
}
