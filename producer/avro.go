package producer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"inv/internal/registry"

	"github.com/twmb/avro"
)

// avroEncoder adds the pieces of a value's payload by an Avro schema. Whatever is constant
// is encoded when the plan is compiled, by [registry.Schema.Encode], which has the rules;
// a value for which there is no step here is written as JSON and encoded by that, too.
type avroEncoder struct {
	named map[string]*avro.SchemaNode           // the types with names
	parts map[*avro.SchemaNode]*registry.Schema // schemas of a part alone
	lacks map[*avro.SchemaField]lack
}

// lack is the payload of a field that a record does not have, or why it can't lack it.
type lack struct {
	payload []byte
	err     error
}

func newAvroEncoder(schema *registry.Schema) *avroEncoder {
	e := &avroEncoder{named: map[string]*avro.SchemaNode{}, parts: map[*avro.SchemaNode]*registry.Schema{schema.Avro(): schema},
		lacks: map[*avro.SchemaField]lack{}}
	e.name(schema.Avro())
	return e
}

// name finds the types with names.
func (e *avroEncoder) name(t *avro.SchemaNode) {
	switch t.Type {
	case "record", "error", "enum", "fixed":
		e.named[fullName(t)] = t
	}
	for i := range t.Fields {
		e.name(&t.Fields[i].Type)
	}
	for i := range t.Branches {
		e.name(&t.Branches[i])
	}
	for _, of := range []*avro.SchemaNode{t.Items, t.Values} {
		if of != nil {
			e.name(of)
		}
	}
}

func fullName(t *avro.SchemaNode) string {
	if t.Namespace == "" {
		return t.Name
	}
	return t.Namespace + "." + t.Name
}

// resolved returns the type that a reference refers to.
func (e *avroEncoder) resolved(t *avro.SchemaNode) *avro.SchemaNode {
	if of := e.named[t.Type]; of != nil {
		return of
	}
	return t
}

// part returns the schema of a part alone.
func (e *avroEncoder) part(t *avro.SchemaNode) (*registry.Schema, error) {
	if known := e.parts[t]; known != nil {
		return known, nil
	}
	s, err := t.Schema()
	if err != nil {
		return nil, err
	}
	part, err := registry.Compile(context.Background(), registry.Source{Form: registry.Avro, Text: s.String()}) // it refers to nothing
	if err == nil {
		e.parts[t] = part
	}
	return part, err
}

// constant returns the payload of a JSON value.
func (e *avroEncoder) constant(t *avro.SchemaNode, json []byte) ([]byte, error) {
	part, err := e.part(t)
	if err != nil {
		return nil, err
	}
	return part.Encode(nil, json)
}

// missing returns the payload of a field that a record does not have.
func (e *avroEncoder) missing(f *avro.SchemaField) ([]byte, error) {
	known, ok := e.lacks[f]
	if !ok {
		alone := *f
		alone.Type = *f.Type.ExpandReferences()
		known.payload, known.err = e.constant(&avro.SchemaNode{Type: "record", Name: "Missing", Fields: []avro.SchemaField{alone}}, []byte("{}"))
		if known.err == nil && known.payload == nil {
			known.payload = []byte{} // of the type null
		}
		e.lacks[f] = known
	}
	return known.payload, known.err
}

// into adds a value's pieces. path is where it is, for messages.
func (e *avroEncoder) into(s *steps, n *node, t *avro.SchemaNode, path string) {
	t = e.resolved(t)
	switch {
	case n.null != nil && !n.guarded:
		e.nullable(s, n, t, path)
	case n.bytes != nil:
		if payload, err := e.constant(t, n.bytes); err == nil {
			s.raw(string(payload))
		} else {
			e.encoded(s, n, t, path)
		}
	case n.drawn != nil:
		e.drawn(s, n, t, path)
	case n.null != nil:
		e.nullable(s, n, t, path)
	case t.Type == "union":
		e.union(s, n, t, path)
	case n.kind == kindChoice:
		values := make([]appendFunc, len(n.choices))
		for i, of := range n.choices {
			values[i] = e.function(s, of, t, path)
		}
		s.value(choice(n.pickChoice, values))
	case !e.direct(s, n, t, path):
		e.encoded(s, n, t, path)
	}
}

func (e *avroEncoder) function(s *steps, n *node, t *avro.SchemaNode, path string) appendFunc {
	inner := s.inner()
	e.into(inner, n, t, path)
	return inner.function()
}

// encoded adds a value that is written as JSON first.
func (e *avroEncoder) encoded(s *steps, n *node, t *avro.SchemaNode, path string) {
	s.value(e.slow(n, t, path))
}

// slow returns the function that writes a value as JSON first.
func (e *avroEncoder) slow(n *node, t *avro.SchemaNode, path string) appendFunc {
	part, err := e.part(t)
	if err != nil {
		return refusing(path, err)
	}
	return encodedBy(part, jsonValue(n), path)
}

// encodedBy returns the function that writes a value as JSON and encodes that.
func encodedBy(part *registry.Schema, json appendFunc, path string) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		text := json(w, f, w.takeText())
		out, err := part.Encode(dst, text)
		w.giveText(text)
		if err != nil {
			w.refuse(path, err)
			return dst
		}
		return out
	}
}

// refusing returns the function that refuses each value.
func refusing(path string, err error) appendFunc {
	return func(w *worker, _ *frame, dst []byte) []byte {
		w.refuse(path, err)
		return dst
	}
}

// nullable adds a value that may be null.
func (e *avroEncoder) nullable(s *steps, n *node, t *avro.SchemaNode, path string) {
	there, null := *n, n.null
	there.null = nil
	value := e.function(s, &there, t, path)
	payload, err := e.constant(t, []byte("null"))
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		switch {
		case !null(w, f):
			return value(w, f, dst)
		case err != nil:
			w.refuse(path, err)
		}
		return append(dst, payload...)
	})
}

// drawn adds a draw of constants.
func (e *avroEncoder) drawn(s *steps, n *node, t *avro.SchemaNode, path string) {
	rows := make([][]byte, len(n.drawn))
	for i, row := range n.drawn {
		payload, err := e.constant(t, row)
		if err != nil {
			e.encoded(s, n, t, path)
			return
		}
		rows[i] = payload
	}
	s.draw(n.pick, rows)
}

// union adds a value of the first branch that it fits, if that is known to be the same for
// all of its values.
func (e *avroEncoder) union(s *steps, n *node, t *avro.SchemaNode, path string) {
	var candidates []int
	first := fitsNever
	for i := range t.Branches {
		if of := e.fits(n, &t.Branches[i]); of != fitsNever {
			first = max(first, of)
			candidates = append(candidates, i)
		}
		if first == fitsAlways {
			break
		}
	}
	if len(candidates) == 1 { // what does not fit it, fits none
		s.raw(string(binary.AppendVarint(nil, int64(candidates[0]))))
		e.into(s, n, &t.Branches[candidates[0]], path)
		return
	}
	if n.kind == kindChoice { // each of them may have a branch of its own
		values := make([]appendFunc, len(n.choices))
		for i, of := range n.choices {
			values[i] = e.function(s, of, t, path)
		}
		s.value(choice(n.pickChoice, values))
		return
	}
	e.encoded(s, n, t, path)
}

// direct adds a value, which is not null, by steps; false if there are none for it.
func (e *avroEncoder) direct(s *steps, n *node, t *avro.SchemaNode, path string) bool {
	switch t.Type {
	case "boolean":
		if n.kind != kindBool {
			return false
		}
		num := n.num
		s.value(func(w *worker, f *frame, dst []byte) []byte { return append(dst, byte(num(w, f))) })
		return true
	case "int", "long":
		return e.integer(s, n, t, path)
	case "double":
		l, ok := n.doubleLimits()
		if ok {
			s.numberWithin(n, form{kind: formDouble, dec: n.dec}, l, e.slow(n, t, path))
		}
		return ok
	case "bytes":
		unit, l, ok := n.decimalLimits(t.Precision, t.Scale)
		if ok = ok && t.LogicalType == "decimal"; ok {
			s.numberWithin(n, form{kind: formDecimal, unit: unit}, l, e.slow(n, t, path))
		}
		return ok
	case "string":
		return e.text(s, n, t)
	case "enum":
		return e.enum(s, n, t, path)
	case "record", "error":
		return n.kind == kindObject && e.record(s, n, t, path)
	case "array":
		return n.kind == kindList && e.array(s, n, t, path)
	}
	return false
}

func (e *avroEncoder) integer(s *steps, n *node, t *avro.SchemaNode, path string) bool {
	switch {
	case t.LogicalType == "date" && n.date && n.day:
		at := n.instant
		s.value(func(w *worker, f *frame, dst []byte) []byte {
			return binary.AppendVarint(dst, floorDiv(at(w, f), msPerDay))
		})
	case t.Type == "int" && n.isWhole():
		s.numberWithin(n, form{kind: formZigzag}, limits32(), e.slow(n, t, path))
	case n.isWhole():
		s.number(n, form{kind: formZigzag})
	default:
		return false
	}
	return true
}

// text adds a text. A logical type restricts what it can be.
func (e *avroEncoder) text(s *steps, n *node, t *avro.SchemaNode) bool {
	if n.kind != kindString || t.LogicalType != "" && !(t.LogicalType == "uuid" && n.uuid) {
		return false
	}
	if !s.sizedText(n, 1) {
		s.sizedValue(n, 1)
	}
	return true
}

func (e *avroEncoder) enum(s *steps, n *node, t *avro.SchemaNode, path string) bool {
	if n.kind != kindString {
		return false
	}
	indexes := map[string]int64{}
	for i, symbol := range t.Symbols {
		indexes[symbol] = int64(i)
	}
	text := n.text
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		symbol := text(w, f, w.takeText())
		index, known := indexes[string(symbol)]
		if !known {
			w.refuse(path, &registry.ValueError{Text: fmt.Sprintf("%.40q is not a symbol of the enum %s", symbol, t.Name)})
		}
		w.giveText(symbol)
		return binary.AppendVarint(dst, index)
	})
	return true
}

// record adds an object's fields in the order of the schema; false if a field of either
// can't be in the other.
func (e *avroEncoder) record(s *steps, n *node, t *avro.SchemaNode, path string) bool {
	for _, f := range n.fields {
		if !slices.ContainsFunc(t.Fields, func(of avro.SchemaField) bool { return of.Name == f.name }) {
			return false
		}
	}
	absent := make([][]byte, len(t.Fields))
	for i := range t.Fields {
		f := n.written(t.Fields[i].Name)
		if f != nil && f.absent == nil {
			continue
		}
		payload, err := e.missing(&t.Fields[i])
		if err != nil && f == nil {
			return false
		}
		absent[i] = payload // nil if it must not be missing
	}
	for i := range t.Fields {
		of, f := &t.Fields[i], n.written(t.Fields[i].Name)
		at := joined(path, of.Name)
		switch {
		case f == nil:
			s.raw(string(absent[i]))
		case f.absent == nil:
			e.into(s, f, &of.Type, at)
		default:
			s.value(e.optional(e.function(s, f, &of.Type, at), f.absent, absent[i], at))
		}
	}
	return true
}

var errMissing = errors.New("the field is missing, and has no default in the schema")

// optional returns the function of a field that is sometimes absent; payload nil: it must
// not be.
func (e *avroEncoder) optional(value appendFunc, absent testFunc, payload []byte, path string) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		switch {
		case !absent(w, f):
			return value(w, f, dst)
		case payload == nil:
			w.refuse(path, &registry.ValueError{Text: errMissing.Error()})
		}
		return append(dst, payload...)
	}
}

// written returns a field that is written; nil if there is no such field.
func (n *node) written(name string) *node {
	for _, f := range n.fields {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

// array adds a list in one block.
func (e *avroEncoder) array(s *steps, n *node, t *avro.SchemaNode, path string) bool {
	if n.elem != nil {
		s.array(n, listCounted, func(s *steps, elem *node) { e.into(s, elem, t.Items, path+"[]") })
	} else if len(n.items) > 0 {
		s.raw(string(binary.AppendVarint(nil, int64(len(n.items)))))
		for i, item := range n.items {
			e.into(s, item, t.Items, fmt.Sprintf("%s[%d]", path, i))
		}
	}
	s.raw("\x00")
	return true
}
