package producer

import "strings"

// Names of fields that are no elements in XML: attributes begin with a mark, and one
// name is the element's own text. These are the names that converters between JSON and
// XML use.
const (
	attributeMark = "@"
	textName      = "#text"
)

// listItem is the name of the elements of a list in a list.
const listItem = "item"

// xmlElement adds an element. A list repeats its element, and has none if it is null;
// otherwise null is an empty element.
func xmlElement(s *steps, name string, n *node) {
	switch {
	case n.null != nil && n.text == nil:
		xmlNullable(s, name, n)
	case n.choices != nil:
		values := make([]appendFunc, len(n.choices))
		for i, c := range n.choices {
			values[i] = xmlFunction(name, c)
		}
		s.value(choice(n.pickChoice, values))
	case n.kind == kindList && n.elem != nil:
		s.value(repeat(n, xmlItem(name, n.elem), 0, nil))
	case n.kind == kindList:
		for _, item := range n.items {
			s.value(xmlItem(name, item))
		}
	case n.kind == kindObject:
		xmlObject(s, name, n)
	default:
		s.raw("<" + name + ">")
		s.value(escapedText(n, appendXMLText))
		s.raw("</" + name + ">")
	}
}

func xmlFunction(name string, n *node) appendFunc {
	s := &steps{}
	xmlElement(s, name, n)
	return s.function()
}

// xmlItem returns the function that writes an element of a list. A list in a list is an
// element of its own, so that its end is known.
func xmlItem(name string, n *node) appendFunc {
	if n.kind != kindList {
		return xmlFunction(name, n)
	}
	s := &steps{}
	s.raw("<" + name + ">")
	xmlElement(s, listItem, n)
	s.raw("</" + name + ">")
	return s.function()
}

func xmlNullable(s *steps, name string, n *node) {
	present, empty := *n, ""
	if present.null = nil; n.kind != kindList {
		empty = "<" + name + "></" + name + ">"
	}
	null, write := n.null, xmlFunction(name, &present)
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		if null(w, f) {
			return append(dst, empty...)
		}
		return write(w, f, dst)
	})
}

func xmlObject(s *steps, name string, n *node) {
	s.raw("<" + name)
	for _, field := range n.fields {
		if name, ok := strings.CutPrefix(field.name, attributeMark); ok {
			s.value(unless(field.node.missing(), xmlAttribute(name, field.node)))
		}
	}
	s.raw(">")
	for _, field := range n.fields {
		switch {
		case strings.HasPrefix(field.name, attributeMark):
		case field.name == textName:
			s.value(escapedText(field.node, appendXMLText))
		case field.node.absent == nil:
			xmlElement(s, field.name, field.node)
		default:
			s.value(unless(field.node.absent, xmlFunction(field.name, field.node)))
		}
	}
	s.raw("</" + name + ">")
}

func xmlAttribute(name string, n *node) appendFunc {
	text := escapedText(n, appendXMLAttribute)
	return func(w *worker, f *frame, dst []byte) []byte {
		dst = append(append(append(dst, ' '), name...), `="`...)
		return append(text(w, f, dst), '"')
	}
}
