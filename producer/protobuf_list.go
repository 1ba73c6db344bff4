package producer

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// list adds a repeated field.
func (e *protoEncoder) list(s *steps, n *node, f *protoField, path string) bool {
	if n.elem != nil && n.elem.null != nil || slices.ContainsFunc(n.items, func(of *node) bool { return of.null != nil }) {
		return false
	}
	if f.Kind() != protoreflect.MessageKind || f.Message().ParentFile().Package() == "google.protobuf" {
		return e.plainList(s, n, f, path)
	}
	for _, of := range append(slices.Clone(n.items), n.elem) {
		if of != nil && of.kind != kindObject {
			return false
		}
	}
	if n.elem != nil {
		s.array(n, listBare, func(s *steps, elem *node) { e.sized(s, elem, f, path+"[]") })
	}
	for i, item := range n.items {
		e.sized(s, item, f, fmt.Sprintf("%s[%d]", path, i))
	}
	return true
}

// plainList adds a repeated field of numbers or texts; false if an element has no steps.
func (e *protoEncoder) plainList(s *steps, n *node, f *protoField, path string) bool {
	one := &protoElement{protoField: f}
	if n.elem == nil || !one.fits(n.elem) {
		return false
	}
	if !f.IsPacked() {
		s.array(n, listBare, func(s *steps, elem *node) {
			s.raw(string(f.tag()))
			one.into(s, elem)
		})
		return true
	}
	elements, length, tag := s.inner(), n.length, f.tag()
	elements.array(n, listBare, one.into)
	value := elements.function()
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		if length(w, f) == 0 {
			return dst
		}
		return appendSized(w, f, append(dst, tag...), 0, value)
	})
	return true
}

// protoElement is an element of a list of numbers or texts.
type protoElement struct{ *protoField }

// fits reports whether there are steps for an element.
func (e *protoElement) fits(n *node) bool {
	if e.Kind() == protoreflect.StringKind {
		return n.kind == kindString
	}
	_, l, ok := e.number(n)
	return ok && n.limits.low >= l.low && n.limits.high <= l.high
}

// into adds an element without its tag.
func (e *protoElement) into(s *steps, n *node) {
	if e.Kind() == protoreflect.StringKind {
		if !s.sizedText(n, 0) {
			s.sizedValue(n, 0)
		}
		return
	}
	b, _, _ := e.number(n)
	b.tag, b.size, b.zero = 0, 0, false
	s.number(n, b)
}
