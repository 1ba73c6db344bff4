package producer

import "inv/internal/scenario"

// encoder returns the program that writes a value in a format. key is the node whose
// text is also the record's key; nil: no such node. For the format text, n is the text.
func encoder(n *node, format scenario.Format, key *node) *program {
	s := &steps{key: key}
	switch format.Name {
	case "xml":
		if format.Header {
			s.raw("<?xml version='1.1' encoding='UTF-8'?>")
		}
		xmlElement(s, format.Root, n)
	case "csv":
		csvRecord(s, n)
	case "text":
		for _, p := range n.pieces {
			s.piece(p)
		}
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
	case n.null != nil && !n.guarded:
		inner, null := *n, n.null
		inner.null = nil
		value := jsonValue(&inner)
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
		s.array(n, listCommas, jsonInto)
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
		s.piece(piece{inline: n.inline, value: n.json})
	}
}

// jsonObject adds the fields. While all fields so far may be absent, the next one
// needs a comma unless the byte before it opens the object.
func jsonObject(s *steps, n *node) {
	s.raw("{")
	present := false // at least one field so far
	for i, field := range n.fields {
		name := string(appendString(nil, []byte(field.name))) + ":"
		if field.node.absent != nil || i > 0 && !present {
			s.value(unless(field.node.absent, jsonField(name, field.node)))
			present = present || field.node.absent == nil
			continue
		}
		if i > 0 {
			s.raw(",")
		}
		s.raw(name)
		jsonInto(s, field.node)
		present = true
	}
	s.raw("}")
}

func jsonField(name string, n *node) appendFunc {
	value := jsonValue(n)
	return func(w *worker, f *frame, dst []byte) []byte {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		return value(w, f, append(dst, name...))
	}
}

// repeat writes a list's elements with a separator between them, unless it is 0. If num
// is not nil, it is added up over them.
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

// csvRecord writes an object's plain values in the order of the fields. A record of a
// single empty field is quoted: an empty line is no record.
func csvRecord(s *steps, n *node) {
	if len(n.fields) == 1 {
		text := escapedText(n.fields[0].node, appendCSVText)
		s.value(func(w *worker, f *frame, dst []byte) []byte {
			start := len(dst)
			if dst = text(w, f, dst); len(dst) == start {
				dst = append(dst, `""`...)
			}
			return dst
		})
		return
	}
	for i, field := range n.fields {
		if i > 0 {
			s.raw(",")
		}
		s.value(escapedText(field.node, appendCSVText))
	}
}

// escapedText returns a plain value's text, escaped; empty where it is null or absent.
func escapedText(n *node, escaped func(dst, text []byte) []byte) appendFunc {
	text := n.orEmpty()
	if n.safe {
		return text
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		start := len(dst)
		return w.escape(text(w, f, dst), start, escaped)
	}
}
