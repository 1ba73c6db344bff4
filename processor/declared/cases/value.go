package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// value is a JSON value that keeps the order of members and the text of numbers.
type value struct {
	kind    byte   // '{', '[', '"', '0' a number, 't' true or false, 'n' null
	text    string // of a string, its contents; of a number, a boolean and null, the JSON
	members []member
	list    []value
}

type member struct {
	name string
	value
}

// parse reads a JSON text.
func parse(text []byte) (value, error) {
	if !json.Valid(text) { // also bounds the depth
		return value{}, errors.New("it is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return decode(d)
}

func decode(d *json.Decoder) (v value, err error) {
	token, err := d.Token()
	if err != nil {
		return v, err
	}
	switch t := token.(type) {
	case json.Delim:
		v.kind = byte(t)
		for d.More() {
			var m member
			if v.kind == '{' {
				name, err := d.Token()
				if err != nil {
					return v, err
				}
				m.name, _ = name.(string)
			}
			if m.value, err = decode(d); err != nil {
				return v, err
			}
			if v.kind == '{' {
				v.set(m)
			} else {
				v.list = append(v.list, m.value)
			}
		}
		_, err = d.Token() // the end
		return v, err
	case string:
		return value{kind: '"', text: t}, nil
	case json.Number:
		return value{kind: '0', text: t.String()}, nil
	case bool:
		return value{kind: 't', text: strconv.FormatBool(t)}, nil
	}
	return value{kind: 'n', text: "null"}, nil
}

// set adds a member; of several with a name, the last counts.
func (v *value) set(m member) {
	for i := range v.members {
		if v.members[i].name == m.name {
			v.members[i] = m
			return
		}
	}
	v.members = append(v.members, m)
}

func (v *value) member(name string) (*value, bool) {
	for i := range v.members {
		if v.members[i].name == name {
			return &v.members[i].value, true
		}
	}
	return nil, false
}

// String returns the value as JSON on one line.
func (v *value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v *value) write(b *strings.Builder) {
	switch v.kind {
	case '{':
		b.WriteByte('{')
		for i := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(v.members[i].name) + ":")
			v.members[i].write(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i := range v.list {
			if i > 0 {
				b.WriteByte(',')
			}
			v.list[i].write(b)
		}
		b.WriteByte(']')
	case '"':
		b.WriteString(quote(v.text))
	default:
		b.WriteString(v.text)
	}
}

func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// equal reports whether two values are the same: numbers by value, objects whatever the
// order of their members.
func equal(a, b *value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case '0':
		return sameNumber(a.text, b.text)
	case '[':
		if len(a.list) != len(b.list) {
			return false
		}
		for i := range a.list {
			if !equal(&a.list[i], &b.list[i]) {
				return false
			}
		}
		return true
	case '{':
		if len(a.members) != len(b.members) {
			return false
		}
		for i := range a.members {
			other, ok := b.member(a.members[i].name)
			if !ok || !equal(&a.members[i].value, other) {
				return false
			}
		}
		return true
	}
	return a.text == b.text
}

// sameNumber reports whether two JSON numbers have the same value, to the last digit.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	na, da, ea := digits(a)
	nb, db, eb := digits(b)
	return da == db && (da == "" || na == nb && ea == eb)
}

// digits returns a number's sign, its digits without zeros at either end, and the power
// of ten that 0.digits is multiplied by. An exponent beyond an int64 is cut, so that
// such numbers only equal others that are as far away.
func digits(number string) (negative bool, text string, exponent int64) {
	number, negative = strings.CutPrefix(number, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(number), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent, _ = strconv.ParseInt(strings.TrimPrefix(power, "+"), 10, 64)
	exponent = max(min(exponent, 1<<62), -1<<62) + int64(len(whole))
	text = whole + fraction
	for strings.HasPrefix(text, "0") {
		text = text[1:]
		exponent--
	}
	return negative, strings.TrimRight(text, "0"), exponent
}
