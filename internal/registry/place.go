package registry

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

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
	text = err.Error()
	if s.Form == Protobuf {
		return "", declared(s.Text, text), text
	}
	source := s.Text
	for _, r := range s.References {
		if strings.Contains(text, " schema of "+r.Name+": ") || strings.Contains(text, "JSON Schema "+r.Name+" ") {
			reference, source = r.Name, r.Text
		}
	}
	root, parseError := jsonplace.Parse(source)
	var syntax *jsonplace.SyntaxError
	if errors.As(parseError, &syntax) {
		return reference, shape.Place{Line: syntax.Line, Column: syntax.Column}, syntax.Text
	}
	n := nodeIn(root, text)
	return reference, shape.Place{Line: n.Line, Column: n.Column}, text
}

var (
	pointerInText  = regexp.MustCompile(`#(/[^\s'",:]*)`)
	quotedInText   = regexp.MustCompile(`"([^"]+)"`)
	declaration    = regexp.MustCompile(`\b(?:message|enum)\s+(\w+)`)
	separateInText = regexp.MustCompile(`[\s:,;()]+`)
)

// nodeIn returns the value of a schema that an error's text names: by a JSON Pointer, by its
// text in quotes, of which the last one is the innermost, by a path with dots, or as the
// name of a type or a field. It is the root if the text names none.
func nodeIn(root *jsonplace.Node, text string) *jsonplace.Node {
	if m := pointerInText.FindStringSubmatch(text); m != nil {
		if n := find(root, func(_ string, n *jsonplace.Node) bool { return n.Text == m[0] }); n != nil {
			return n
		}
		return root.At(m[1])
	}
	for _, quoted := range slices.Backward(quotedInText.FindAllStringSubmatch(text, -1)) {
		if n := find(root, func(_ string, n *jsonplace.Node) bool {
			return n.Text == quoted[1] || n.Text != "" && strings.HasSuffix(quoted[1], "."+n.Text)
		}); n != nil {
			return n
		}
	}
	words := separateInText.Split(text, -1)
	for _, word := range words {
		if n := root.At("/" + strings.ReplaceAll(word, ".", "/")); strings.ContainsRune(word, '.') && n != root {
			return n
		}
	}
	for _, word := range slices.Backward(words) {
		if n := find(root, func(key string, n *jsonplace.Node) bool { return key == "name" && n.Text == word }); n != nil && word != "" {
			return n
		}
	}
	return root
}

// find returns the last text of a schema for which match holds, with its key; nil if there
// is none.
func find(n *jsonplace.Node, match func(key string, n *jsonplace.Node) bool) (found *jsonplace.Node) {
	for i, m := range n.Members {
		key := ""
		if n.Kind == jsonplace.Object {
			key = n.Keys[i]
		}
		if m.Kind == jsonplace.Text && match(key, m) {
			found = m
		} else if inner := find(m, match); inner != nil {
			found = inner
		}
	}
	return found
}

// declared returns where a Protobuf file declares the first message or enum that an error's
// text names; the beginning, if it names none.
func declared(source, text string) shape.Place {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" .:,;()", r) })
	for _, m := range declaration.FindAllStringSubmatchIndex(source, -1) {
		if slices.Contains(words, source[m[2]:m[3]]) {
			before := source[:m[2]]
			line := before[strings.LastIndexByte(before, '\n')+1:]
			return shape.Place{Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(line) + 1}
		}
	}
	return shape.Place{Line: 1, Column: 1}
}
