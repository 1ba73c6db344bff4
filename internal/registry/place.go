package registry

import (
	"errors"
	"regexp"
	"strings"

	"inv/internal/jsonplace"
	"inv/internal/registry/shape"

	"github.com/bufbuild/protocompile/reporter"
)

// PlaceOf returns where in a schema's text an error of [Compile] is, and the error's text
// without the place. reference is the name of the reference in whose text it is; "" is the
// schema itself. The place of an error that has none is the text's beginning.
func PlaceOf(s Source, err error) (reference string, at shape.Place, text string) {
	var placed reporter.ErrorWithPos
	if errors.As(err, &placed) {
		p := placed.GetPosition()
		if p.Filename != mainFile {
			reference = p.Filename
		}
		return reference, shape.Place{Line: max(p.Line, 1), Column: max(p.Col, 1)}, placed.Unwrap().Error()
	}
	at, text = shape.Place{Line: 1, Column: 1}, err.Error()
	if s.Form == Protobuf {
		return "", at, text
	}
	root, parseError := jsonplace.Parse(s.Text)
	var syntax *jsonplace.SyntaxError
	if errors.As(parseError, &syntax) {
		return "", shape.Place{Line: syntax.Line, Column: syntax.Column}, syntax.Text
	}
	if n := nodeIn(root, text); n != nil {
		at = shape.Place{Line: n.Line, Column: n.Column}
	}
	return "", at, text
}

var (
	pointerInText = regexp.MustCompile(`#(/[^\s'",:]*)`)
	quotedInText  = regexp.MustCompile(`"([^"]+)"`)
)

// nodeIn returns the value of a schema that an error's text names: by a JSON Pointer, or
// by its text in quotes, of which the last one is the innermost.
func nodeIn(root *jsonplace.Node, text string) (found *jsonplace.Node) {
	if m := pointerInText.FindStringSubmatch(text); m != nil {
		return root.At(m[1])
	}
	quoted := quotedInText.FindAllStringSubmatch(text, -1)
	for i := len(quoted) - 1; i >= 0 && found == nil; i-- {
		root.Walk(func(n *jsonplace.Node) bool {
			if n.Kind == jsonplace.Text && (n.Text == quoted[i][1] || strings.HasSuffix(quoted[i][1], "."+n.Text)) {
				found = n
			}
			return true
		})
	}
	return found
}
