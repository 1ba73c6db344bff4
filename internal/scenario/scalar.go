package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

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

// JSON returns the scalar as JSON.
func (s Scalar) JSON() string {
	switch s.Kind {
	case KindNull:
		return "null"
	case KindString:
		return string(appendText(nil, s.Text))
	}
	return s.Text
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
		text, problem := jsonNumber(n)
		if problem != "" {
			d.Problem(n, "%s: %s", what, problem)
		}
		return Scalar{KindNumber, text}, problem == ""
	case "!!timestamp", "!!str", "!!merge":
		return Scalar{KindString, n.Value}, true
	}
	d.Problem(n, "%s has the tag %s; it must be a text, a number, true, false or null", what, n.Tag)
	return Scalar{}, false
}

// jsonNumber returns a number as JSON, or what is wrong with it. YAML's numbers have
// forms that texts have, too: 02134 is octal, and a postal code. Where it would change
// the digits, the text is refused.
func jsonNumber(n *yaml.Node) (text, problem string) {
	if json.Valid([]byte(n.Value)) {
		return n.Value, ""
	}
	var f float64
	if n.Decode(&f) != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", n.Value + " is not a JSON number"
	}
	text = strconv.FormatFloat(f, 'g', -1, 64)
	var i int64
	if !strings.Contains(n.Value, ".") && n.Decode(&i) == nil {
		text = strconv.FormatInt(i, 10)
	}
	if !pointForm.MatchString(n.Value) {
		return "", fmt.Sprintf("YAML reads %s as the number %s; quote it if it is a text, else write %s", n.Value, text, text)
	}
	return text, ""
}

// pointForm matches the numbers without a digit on one side of the point, which YAML
// allows and JSON does not.
var pointForm = regexp.MustCompile(`^-?(\.[0-9]+|(0|[1-9][0-9]*)\.)$`)
