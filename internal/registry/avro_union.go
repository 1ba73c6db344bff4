package registry

import (
	"slices"
	"strings"
)

// class is the kind of a JSON value, as its first byte tells.
type class uint8

const (
	nullClass class = iota
	booleanClass
	numberClass
	textClass
	listClass
	objectClass
	classes // how many there are
)

func classOf(c byte) class {
	switch c {
	case 'n':
		return nullClass
	case 't', 'f':
		return booleanClass
	case '"':
		return textClass
	case '[':
		return listClass
	case '{':
		return objectClass
	}
	return numberClass
}

// own returns the classes of JSON that values of a type are read as.
func (t *avroType) own() []class {
	switch {
	case t.kind == "null":
		return []class{nullClass}
	case t.kind == "boolean":
		return []class{booleanClass}
	case t.kind == "array":
		return []class{listClass}
	case t.kind == "map" || t.kind == "record":
		return []class{objectClass}
	case t.kind == "union":
		return nil // a union has no union
	case t.logical == "decimal" || t.logical == "big-decimal" || timestampUnit(strings.TrimPrefix(t.logical, "local-")) > 0:
		return []class{numberClass}
	case t.kind == "float" || t.kind == "double":
		return []class{numberClass, textClass} // NaN and the infinities
	case (t.kind == "int" || t.kind == "long") && t.logical == "":
		return []class{numberClass}
	}
	return []class{textClass}
}

// other returns the class of JSON that is accepted, too; false: there is none.
func (t *avroType) other() (class, bool) {
	switch {
	case t.logical == "decimal" || t.logical == "big-decimal" || timestampUnit(strings.TrimPrefix(t.logical, "local-")) > 0:
		return textClass, true
	case t.logical == "date" || t.logical == "time-millis" || t.logical == "time-micros":
		return numberClass, true
	}
	return 0, false
}

// accepts reports whether JSON of a class may be a value of a type.
func (t *avroType) accepts(c class) bool {
	other, ok := t.other()
	return ok && other == c || slices.Contains(t.own(), c)
}

// avroUnion parses the JSON of a union.
type avroUnion struct {
	want     string
	branches []avroBranch
	by       [classes][]int // the branches that may fit, those first as which the JSON is read
}

type avroBranch struct {
	index  []byte
	parse  avroParser
	record *avroRecord // nil: it is none
}

func (c *avroParsers) union(t *avroType) (avroParser, error) {
	u := &avroUnion{want: t.String(), branches: make([]avroBranch, len(t.branches))}
	for i, b := range t.branches {
		parse, err := c.compile(b)
		if err != nil {
			return nil, err
		}
		u.branches[i] = avroBranch{index: appendLongValue(nil, int64(i)), parse: parse, record: c.records[b]}
		for _, class := range b.own() {
			u.by[class] = append(u.by[class], i)
		}
	}
	for i, b := range t.branches {
		if class, ok := b.other(); ok {
			u.by[class] = append(u.by[class], i)
		}
	}
	return u.parse, nil
}

func (u *avroUnion) parse(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	if at >= len(e.text) {
		return nil, 0, errNotJSON
	}
	class := classOf(e.text[at])
	switch may := u.by[class]; len(may) {
	case 0:
		return nil, 0, e.mismatch(at, u.want)
	case 1:
		b := &u.branches[may[0]]
		return b.parse(e, append(dst, b.index...), at)
	default:
		return u.try(e, dst, at, may)
	}
}

// maxWasted bounds the bytes read for branches that did not fit, in multiples of the
// value's: unions in unions could be tried without end.
const maxWasted = 64

// try takes the first branch that fits. Objects are read carefully, so that what fits does
// not depend on the order of their fields.
func (u *avroUnion) try(e *avroEncoder, dst []byte, at int, may []int) ([]byte, int, error) {
	object := e.text[at] == '{'
	if object && !e.careful {
		e.careful = true
		defer func() { e.careful = false }()
	}
	named := -1 // the only branch whose names fit
	for _, i := range may {
		b := &u.branches[i]
		if b.record != nil && !b.record.named(e, at) {
			continue
		}
		e.quiet++
		out, end, err := b.parse(e, append(dst, b.index...), at)
		e.quiet--
		if err == nil {
			return out, end, nil
		}
		if object {
			if e.waste(at); e.wasted > maxWasted*len(e.text) {
				return nil, 0, e.mismatch(at, "a union with fewer branches to try")
			}
			if named < 0 {
				named = i
			} else {
				named = len(u.branches)
			}
		}
	}
	if e.quiet == 0 && named >= 0 && named < len(u.branches) {
		return u.branches[named].parse(e, append(dst, u.branches[named].index...), at)
	}
	return nil, 0, e.mismatch(at, u.want)
}

// waste counts a value that did not fit.
func (e *avroEncoder) waste(at int) {
	e.wasted += max(1, e.length(at))
}
