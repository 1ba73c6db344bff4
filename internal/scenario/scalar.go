package scenario

import (
	"encoding/json"
	"math"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Kind is the JSON type of a value.
type Kind int

// The kinds of values.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
)

// Scalar is a plain value. The Text of a number is valid JSON, and as in the file if
// that is.
type Scalar struct {
	Kind Kind
	Text string
}

// Number returns the scalar as an exact number.
func (s Scalar) Number() (Number, bool) {
	if s.Kind != KindNumber {
		return Number{}, false
	}
	return ParseNumber(s.Text)
}

// scalar reads a plain value.
func (d *Decoder) scalar(n *yaml.Node, what string) (Scalar, bool) {
	if n.Kind != yaml.ScalarNode {
		d.Problem(n, "%s must be a plain value, not %s", what, d.kindOf(n))
		return Scalar{}, false
	}
	switch n.Tag {
	case "!!null":
		return Scalar{KindNull, ""}, true
	case "!!bool":
		v := d.Bool(n, what)
		return Scalar{KindBool, strconv.FormatBool(v)}, true
	case "!!int", "!!float":
		text, ok := jsonNumber(n)
		if !ok {
			d.Problem(n, "%s is %s, which is not a JSON number", what, n.Value)
		}
		return Scalar{KindNumber, text}, ok
	case "!!timestamp", "!!str":
		return Scalar{KindString, n.Value}, true
	}
	d.Problem(n, "%s has the tag %s; it must be a text, a number, true, false or null", what, n.Tag)
	return Scalar{}, false
}

func jsonNumber(n *yaml.Node) (string, bool) {
	if json.Valid([]byte(n.Value)) {
		return n.Value, true
	}
	var i int64
	if n.Decode(&i) == nil {
		return strconv.FormatInt(i, 10), true
	}
	var f float64
	if n.Decode(&f) != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}
