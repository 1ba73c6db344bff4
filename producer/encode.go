package producer

import "inv/internal/scenario"

// encoder writes a value in a format. key is the node whose text is the record's
// key, too; nil: there is none.
func encoder(n *node, format scenario.Format, key *node) *program {
	s := &steps{key: key}
	switch format.Name {
	case "xml":
		xmlDocument(s, n, format)
	case "csv":
		csvRecord(s, n)
	default:
		jsonInto(s, n)
	}
	return s.done()
}

func jsonValue(n *node) appendFunc {
	s := &steps{}
	jsonInto(s, n)
	return s.function()
}

// jsonInto adds a value's pieces.
func jsonInto(s *steps, n *node) {
	switch {
	case n.null != nil:
		inner := *n
		inner.null = nil
		null, value := n.null, jsonValue(&inner)
		s.value(func(w *worker, f *frame, dst []byte) []byte {
			if null(w, f) {
				return append(dst, "null"...)
			}
			return value(w, f, dst)
		})
	case n.bytes != nil:
		s.raw(string(n.bytes))
	case n.drawn != nil:
		s.draw(n.pick, n.drawn)
	case n.kind == kindObject:
		jsonObject(s, n)
	case n.kind == kindList && n.elem != nil:
		s.raw("[")
		s.array(n)
		s.raw("]")
	case n.kind == kindList:
		s.raw("[")
		for i, item := range n.items {
			if i > 0 {
				s.raw(",")
			}
			jsonInto(s, item)
		}
		s.raw("]")
	case n.safe && n.pieces != nil:
		s.raw(`"`)
		key := s.beginKey(n)
		for _, p := range n.pieces {
			s.piece(p)
		}
		if key {
			s.endKey()
		}
		s.raw(`"`)
	case s.sum(n):
	default:
		s.piece(piece{short: n.short, value: n.json})
	}
}

// jsonObject adds the fields. As long as every field so far may be absent, the
// next one finds out whether it needs a comma by looking at what stands before it.
func jsonObject(s *steps, n *node) {
	s.raw("{")
	for i, field := range n.fields {
		name := `"` + string(appendJSONText(nil, []byte(field.name))) + `":`
		if field.node.absent != nil || i > 0 && !anyPresent(n.fields[:i]) {
			s.value(jsonMaybe([]byte(name), field.node))
			continue
		}
		if i > 0 {
			s.raw(",")
		}
		s.raw(name)
		jsonInto(s, field.node)
	}
	s.raw("}")
}

// anyPresent reports whether at least one field is always there.
func anyPresent(fields []fieldNode) bool {
	for _, f := range fields {
		if f.node.absent == nil {
			return true
		}
	}
	return false
}

func jsonMaybe(name []byte, n *node) appendFunc {
	absent, value := n.absent, jsonValue(n)
	return func(w *worker, f *frame, dst []byte) []byte {
		if absent != nil && absent(w, f) {
			return dst
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		return value(w, f, append(dst, name...))
	}
}

// repeat writes a list's elements with a separator between them (0: none), and
// adds up num of them, if there is one.
func repeat(n *node, elem appendFunc, separator byte, num numFunc) appendFunc {
	length, enter, slot := n.length, n.enter, n.slot
	return func(w *worker, f *frame, dst []byte) []byte {
		count, total := length(w, f), int64(0)
		e := w.push()
		for i := range count {
			if i > 0 && separator != 0 {
				dst = append(dst, separator)
			}
			enter(w, f, e, i)
			dst = elem(w, e, dst)
			if num != nil {
				total += num(w, e)
			}
		}
		w.pop()
		if num != nil {
			w.totals[slot] = total
		}
		return dst
	}
}

// xmlDocument writes an object as the elements of a root element.
func xmlDocument(s *steps, n *node, format scenario.Format) {
	if format.Header {
		s.raw("<?xml version='1.1' encoding='UTF-8'?>")
	}
	xmlElement(s, format.Root, n)
}

// xmlElement adds one element. A list is its element again and again; null is an
// empty element.
func xmlElement(s *steps, name string, n *node) {
	if n.kind == kindList {
		if n.elem != nil {
			inner := &steps{}
			xmlElement(inner, name, n.elem)
			s.value(repeat(n, inner.function(), 0, nil))
			return
		}
		for _, item := range n.items {
			xmlElement(s, name, item)
		}
		return
	}
	s.raw("<" + name + ">")
	if n.kind == kindObject {
		for _, field := range n.fields {
			if field.node.absent == nil {
				xmlElement(s, field.name, field.node)
				continue
			}
			inner := &steps{}
			xmlElement(inner, field.name, field.node)
			absent, value := field.node.absent, inner.function()
			s.value(func(w *worker, f *frame, dst []byte) []byte {
				if absent(w, f) {
					return dst
				}
				return value(w, f, dst)
			})
		}
	} else {
		s.value(escapedText(n, appendXMLText))
	}
	s.raw("</" + name + ">")
}

// csvRecord writes an object's plain values in the order of the fields.
func csvRecord(s *steps, n *node) {
	for i, field := range n.fields {
		if i > 0 {
			s.raw(",")
		}
		s.value(escapedText(field.node, appendCSVText))
	}
}

// escapedText returns a plain value's text, escaped; nothing where it is null or absent.
func escapedText(n *node, escaped func(dst, text []byte) []byte) appendFunc {
	text, safe := n.orEmpty(), n.safe
	if safe {
		return text
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		start := len(dst)
		return w.escape(text(w, f, dst), start, escaped)
	}
}

// orEmpty returns a plain value's text, nothing where it is null or absent.
func (n *node) orEmpty() appendFunc {
	text, null, absent := n.text, n.null, n.absent
	if null == nil && absent == nil {
		return text
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		if null != nil && null(w, f) || absent != nil && absent(w, f) {
			return dst
		}
		return text(w, f, dst)
	}
}
