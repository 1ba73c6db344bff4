package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"inv/internal/jsonscan"
)

// resolveAvro compiles the rules of the Avro specification 1.12, "Schema Resolution",
// into an appender. A branch or a symbol that only the writer has is an error of the
// records that have it, as there and in Java.
func resolveAvro(writer, reader *Schema) (func(dst, payload []byte) ([]byte, error), error) {
	c := avroResolver{
		readers: avroCompiler{style: Data, records: map[*avroType]*avroAppender{}},
		skips:   map[*avroType]*avroSkipper{},
		pairs:   map[[2]*avroType]*avroAppender{},
	}
	appendValue, err := c.resolve(writer.avroType, reader.avroType, "")
	if err != nil {
		return nil, fmt.Errorf("resolving the record's schema with the topic's: %w", err)
	}
	return decoderOfAppender(appendValue, Data), nil
}

// avroResolver compiles pairs of a writer's and a reader's type into appenders.
type avroResolver struct {
	readers avroCompiler
	skips   map[*avroType]*avroSkipper
	pairs   map[[2]*avroType]*avroAppender // of records
}

func (c *avroResolver) resolve(w, r *avroType, path string) (avroAppender, error) {
	switch {
	case w.kind == "union":
		return c.writerUnion(w, r, path)
	case r.kind == "union":
		b := r.branchFor(w)
		if b == nil {
			return nil, unresolved(path, w, r)
		}
		return c.resolve(w, b, path)
	case !logicalsMatch(w, r):
		return nil, unresolved(path, w, r)
	case w.kind != r.kind:
		return c.promote(w, r, path)
	case w.name != "" && !namesMatch(w, r) || w.size != r.size:
		return nil, unresolved(path, w, r)
	}
	switch w.kind {
	case "enum":
		return resolvedEnum(w, r), nil
	case "array":
		item, err := c.resolve(w.elem, r.elem, path+"[]")
		return blocks('[', ']', item), err
	case "map":
		value, err := c.resolve(w.elem, r.elem, path+"[]")
		return blocks('{', '}', mapEntry(value)), err
	case "record":
		return c.record(w, r, path)
	}
	if w.logical == "decimal" && r.logical == "decimal" && w.scale < r.scale {
		return scaledDecimal(w, r), nil
	}
	return c.readers.compile(r), nil
}

// logicalsMatch reports whether a value keeps its meaning. The specification has a rule
// for decimals alone: precision and scale are to be equal. Here a decimal may get more
// digits, since those of a derived schema follow from the bounds of a field, but not fewer
// decimals; and a number of milliseconds is not read as one of microseconds.
func logicalsMatch(w, r *avroType) bool {
	a, b := strings.TrimPrefix(w.logical, "local-"), strings.TrimPrefix(r.logical, "local-")
	if a == "" || b == "" {
		return true
	}
	return a == b && (a != "decimal" || w.scale <= r.scale)
}

// scaledDecimal appends decimals of the writer with as many decimals as the reader has.
func scaledDecimal(w, r *avroType) avroAppender {
	zeros := strings.Repeat("0", r.scale-w.scale)
	if w.scale == 0 {
		zeros = "." + zeros
	}
	decimal := decimalAppender(w)
	return func(dst []byte, in *avroInput) ([]byte, error) {
		dst, err := decimal(dst, in)
		return append(dst, zeros...), err
	}
}

// unresolved is the error that a type can't be read as another.
func unresolved(path string, w, r *avroType) error {
	if path == "" {
		return fmt.Errorf("%s can't be read as %s", w, r)
	}
	return fmt.Errorf("%s: %s can't be read as %s", path, w, r)
}

// namesMatch reports whether a named type may be read as another: by the same name
// without its namespace, or by an alias of the reader.
func namesMatch(w, r *avroType) bool {
	return unqualified(w.name) == unqualified(r.name) || r.hasAlias(w.name) || r.hasBareAlias(w.name)
}

// hasAlias reports whether a type had a full name earlier. An alias without a namespace is
// in that of the type.
func (t *avroType) hasAlias(name string) bool {
	namespace := strings.TrimSuffix(t.name, unqualified(t.name))
	return slices.ContainsFunc(t.aliases, func(alias string) bool {
		return alias == name || !strings.Contains(alias, ".") && namespace+alias == name
	})
}

// hasBareAlias reports whether an alias without a namespace is the end of a name.
func (t *avroType) hasBareAlias(name string) bool {
	return slices.Contains(t.aliases, unqualified(name))
}

// unqualified returns a name without its namespace.
func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// promotions are the types that each type can be read as.
var promotions = map[string][]string{
	"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"},
}

// branchFor returns the branch of a reader's union that a type is read as: one of the same
// name or kind, else of the same name without its namespace, else the first that it can
// be promoted to. It is nil if there is none.
func (t *avroType) branchFor(w *avroType) *avroType {
	for _, fits := range []func(b *avroType) bool{
		func(b *avroType) bool { return b.kind == w.kind && (b.name == w.name || b.hasAlias(w.name)) },
		func(b *avroType) bool { return b.kind == w.kind && namesMatch(w, b) },
		func(b *avroType) bool { return slices.Contains(promotions[w.kind], b.kind) },
	} {
		for _, b := range t.branches {
			if fits(b) && b.size == w.size {
				return b
			}
		}
	}
	return nil
}

// writerUnion resolves each branch. It is an error if none can be read.
func (c *avroResolver) writerUnion(w, r *avroType, path string) (avroAppender, error) {
	branches := make([]avroAppender, len(w.branches))
	var failed []error
	for i, b := range w.branches {
		a, err := c.resolve(b, r, path)
		if err != nil {
			failed = append(failed, err)
			a = func(dst []byte, _ *avroInput) ([]byte, error) { return nil, err }
		}
		branches[i] = a
	}
	if len(failed) == len(branches) {
		return nil, errors.Join(failed...)
	}
	return unionOf(branches), nil
}

// promote resolves types of different kinds.
func (c *avroResolver) promote(w, r *avroType, path string) (avroAppender, error) {
	if !slices.Contains(promotions[w.kind], r.kind) {
		return nil, unresolved(path, w, r)
	}
	switch {
	case r.kind == "double" && w.kind == "float":
		return ofFixed(4, func(dst, b []byte) []byte {
			return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 64)
		}), nil
	case r.kind == "double":
		return ofLong(func(dst []byte, v int64) []byte { return appendFloat(dst, float64(v), 64) }), nil
	case r.kind == "float":
		return ofLong(func(dst []byte, v int64) []byte { return appendFloat(dst, float64(float32(v)), 32) }), nil
	}
	return c.readers.compile(r), nil // int as long, string as bytes and back: the same bytes
}

// resolvedEnum appends the writer's symbols; the reader's default for those that it does
// not have.
func resolvedEnum(w, r *avroType) avroAppender {
	quoted := make([][]byte, len(w.symbols))
	for i, s := range w.symbols {
		if !slices.Contains(r.symbols, s) {
			if s = r.otherwise; s == "" {
				continue
			}
		}
		quoted[i] = jsonscan.AppendString(nil, []byte(s))
	}
	return ofSymbols(quoted, func(i int64) error {
		return fmt.Errorf("%s has no symbol %s, and no default", r, w.symbols[i])
	})
}

// resolvedField is a field of a reader's record.
type resolvedField struct {
	name   []byte // with what precedes and follows it
	from   int    // the writer's field, -1: it has none
	append avroAppender
	value  []byte // the default as JSON, without a writer's field
}

func (c *avroResolver) record(w, r *avroType, path string) (avroAppender, error) {
	pair := [2]*avroType{w, r}
	if a := c.pairs[pair]; a != nil {
		return func(dst []byte, in *avroInput) ([]byte, error) { return (*a)(dst, in) }, nil
	}
	self := new(avroAppender)
	c.pairs[pair] = self
	fields := make([]resolvedField, len(r.fields))
	last, ordered := -1, true
	for i := range r.fields {
		f := &r.fields[i]
		at := join(path, f.name)
		fields[i] = resolvedField{name: memberName(f.name, i == 0), from: w.fieldFor(f)}
		var err error
		if from := fields[i].from; from >= 0 {
			fields[i].append, err = c.resolve(w.fields[from].typ, f.typ, at)
			ordered = ordered && from > last
			last = from
		} else {
			fields[i].value, err = c.valueOf(f, at)
		}
		if err != nil {
			return nil, err
		}
	}
	skips := make([]avroSkipper, len(w.fields))
	for i := range w.fields {
		skips[i] = c.skipper(w.fields[i].typ)
	}
	*self = inDisorder(fields, skips)
	if ordered {
		*self = inOrder(fields, skips)
	}
	return *self, nil
}

// fieldFor returns the index of the writer's field that a reader's field is read from, -1
// if there is none.
func (t *avroType) fieldFor(f *avroField) int {
	for _, name := range append([]string{f.name}, f.aliases...) {
		if i := slices.IndexFunc(t.fields, func(w avroField) bool { return w.name == name }); i >= 0 {
			return i
		}
	}
	return -1
}

// valueOf returns the JSON of a reader's default.
func (c *avroResolver) valueOf(f *avroField, path string) ([]byte, error) {
	if !f.hasDefault {
		return nil, fmt.Errorf("%s: the records don't have it, and it has no default", path)
	}
	b, err := appendAvroDefault(nil, f.typ, f.value)
	if err != nil {
		return nil, fmt.Errorf("%s: the default: %w", path, err)
	}
	return c.readers.compile(f.typ)([]byte{}, &avroInput{payload: b})
}

// inOrder appends a record whose fields the writer has in the reader's order.
func inOrder(fields []resolvedField, skips []avroSkipper) avroAppender {
	return func(dst []byte, in *avroInput) (_ []byte, err error) {
		if in.depth++; in.depth > maxDepth {
			return nil, errDeep
		}
		if len(fields) == 0 {
			dst = append(dst, '{')
		}
		next := 0
		for i := range fields {
			f := &fields[i]
			dst = append(dst, f.name...)
			if f.from < 0 {
				dst = append(dst, f.value...)
				continue
			}
			for ; next < f.from; next++ {
				if err := skips[next](in); err != nil {
					return nil, err
				}
			}
			next++
			if dst, err = f.append(dst, in); err != nil {
				return nil, err
			}
		}
		for ; next < len(skips); next++ {
			if err := skips[next](in); err != nil {
				return nil, err
			}
		}
		in.depth--
		return append(dst, '}'), nil
	}
}

// inDisorder appends any other record: the places of the writer's fields are found first.
func inDisorder(fields []resolvedField, skips []avroSkipper) avroAppender {
	return func(dst []byte, in *avroInput) (_ []byte, err error) {
		if in.depth++; in.depth > maxDepth {
			return nil, errDeep
		}
		base := len(in.places)
		for i := range skips {
			in.places = append(in.places, in.at)
			if err := skips[i](in); err != nil {
				return nil, err
			}
		}
		end := in.at
		for i := range fields {
			f := &fields[i]
			dst = append(dst, f.name...)
			if f.from < 0 {
				dst = append(dst, f.value...)
				continue
			}
			in.at = in.places[base+f.from]
			if dst, err = f.append(dst, in); err != nil {
				return nil, err
			}
		}
		in.places, in.at = in.places[:base], end
		in.depth--
		return append(dst, '}'), nil
	}
}
