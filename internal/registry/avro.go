package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// The JSON of an Avro value: unions are bare, records have their fields in schema
// order, bytes and fixed are strings of one character per byte (as in Avro's own JSON
// encoding), and logical types are what they mean, see avro_logical.go. A logical type
// that the specification does not define is ignored, as it asks.

// Limits of schemas.
const (
	maxFixed       = 1 << 20 // bytes of a fixed, for writing
	maxSchemaDepth = 100     // for writing; reading is as deep as values may be
	maxTypes       = 10_000
)

// compileAvro compiles a schema for both directions.
func compileAvro(ctx context.Context, s Source) (*Schema, error) {
	sch, err := compileAvroReader(ctx, s)
	if err != nil {
		return nil, err
	}
	if _, err := sch.avroType.writable("", map[*avroType]int{}); err != nil {
		return nil, fmt.Errorf("compiling the Avro schema: %w", err)
	}
	if sch.encode, err = newAvroEncoder(sch.avroType); err != nil {
		return nil, fmt.Errorf("compiling the Avro schema: %w", err)
	}
	return sch, nil
}

// compileAvroReader compiles a schema for reading alone: it may be recursive.
func compileAvroReader(ctx context.Context, s Source) (*Schema, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var cache avro.SchemaCache
	for _, r := range s.References {
		if _, err := cache.Parse(r.Text); err != nil {
			return nil, fmt.Errorf("parsing the Avro schema of %s: %w", r.Name, err)
		}
	}
	parsed, err := cache.Parse(s.Text)
	if err != nil {
		return nil, fmt.Errorf("parsing the Avro schema: %w", err)
	}
	root := parsed.Root()
	t, err := newAvroType(root)
	if err != nil {
		return nil, fmt.Errorf("compiling the Avro schema: %w", err)
	}
	sch := &Schema{Source: s, Name: t.name, avro: root, avroType: t}
	sch.encode = func(dst, _ []byte) ([]byte, error) { return dst, errReadOnly }
	for _, style := range []Style{Display, Data} {
		sch.decode[style] = newAvroDecoder(t, style)
	}
	return sch, nil
}

var errReadOnly = errors.New("the schema is compiled for reading alone")

// avroType is a type of a schema, with names replaced by the types that they stand for.
// A recursive type is a cycle.
type avroType struct {
	kind    string // as in the specification
	logical string // "" unless it applies to the kind
	name    string // the full name of a record, an enum or a fixed
	aliases []string

	size             int // of a fixed
	precision, scale int // of a decimal
	symbols          []string
	otherwise        string // the enum's default, "": it has none
	fields           []avroField
	elem             *avroType // of an array or a map
	branches         []*avroType
}

// avroField is a field of a record.
type avroField struct {
	name       string
	aliases    []string
	typ        *avroType
	hasDefault bool
	value      any // the default, see avro.SchemaField
}

// avroTypes builds the types of a schema.
type avroTypes struct {
	named map[string]*avroType
	count int
}

func newAvroType(root *avro.SchemaNode) (*avroType, error) {
	b := avroTypes{named: map[string]*avroType{}}
	return b.build(root, "", 0)
}

// build builds a type that stands in a namespace.
func (b *avroTypes) build(n *avro.SchemaNode, namespace string, depth int) (*avroType, error) {
	if b.count++; b.count > maxTypes {
		return nil, fmt.Errorf("it has more than %d types", maxTypes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	}
	t := &avroType{kind: n.Type, size: n.Size, precision: n.Precision, scale: n.Scale, symbols: n.Symbols}
	t.logical = logicalOf(n)
	var err error
	switch n.Type {
	case "null", "boolean", "int", "long", "float", "double", "string", "bytes":
	case "fixed", "enum":
		t.otherwise = n.EnumDefault
		b.define(t, n)
	case "union":
		t.branches = make([]*avroType, len(n.Branches))
		for i := range n.Branches {
			if t.branches[i], err = b.build(&n.Branches[i], namespace, depth+1); err != nil {
				return nil, err
			}
		}
	case "array":
		t.elem, err = b.build(n.Items, namespace, depth+1)
	case "map":
		t.elem, err = b.build(n.Values, namespace, depth+1)
	case "record", "error":
		t.kind = "record"
		b.define(t, n)
		err = b.record(t, n, depth)
	default:
		if t := b.find(n.Type, namespace); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("type %q is not defined", n.Type)
	}
	return t, err
}

func (b *avroTypes) record(t *avroType, n *avro.SchemaNode, depth int) error {
	t.fields = make([]avroField, len(n.Fields))
	for i := range n.Fields {
		f := &n.Fields[i]
		typ, err := b.build(fieldType(f), n.Namespace, depth+1)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		t.fields[i] = avroField{name: f.Name, aliases: f.Aliases, typ: typ, hasDefault: f.HasDefault, value: f.Default}
	}
	return nil
}

// define remembers a named type.
func (b *avroTypes) define(t *avroType, n *avro.SchemaNode) {
	t.name = fullName(n)
	t.aliases = n.Aliases
	b.named[t.name] = t
}

func (b *avroTypes) find(name, namespace string) *avroType {
	if namespace != "" && !strings.Contains(name, ".") {
		if t := b.named[namespace+"."+name]; t != nil {
			return t
		}
	}
	return b.named[name]
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// fieldType returns a field's schema. A logical type beside the field's type belongs to
// that type, as many schemas have it.
func fieldType(f *avro.SchemaField) *avro.SchemaNode {
	logical, ok := f.Props["logicalType"].(string)
	if !ok || f.Type.LogicalType != "" {
		return &f.Type
	}
	t := f.Type
	t.LogicalType = logical
	precision, _ := f.Props["precision"].(int64)
	scale, _ := f.Props["scale"].(int64)
	t.Precision, t.Scale = int(precision), int(scale)
	return &t
}

// logicalKinds are the types that each logical type of the Avro specification 1.12 may
// stand for. A duration is a fixed of 12 bytes, a UUID one of 16.
var logicalKinds = map[string][]string{
	"decimal": {"bytes", "fixed"}, "big-decimal": {"bytes"}, "uuid": {"string", "fixed"}, "duration": {"fixed"},
	"date": {"int"}, "time-millis": {"int"}, "time-micros": {"long"},
	"timestamp-millis": {"long"}, "timestamp-micros": {"long"}, "timestamp-nanos": {"long"},
	"local-timestamp-millis": {"long"}, "local-timestamp-micros": {"long"}, "local-timestamp-nanos": {"long"},
}

// logicalOf returns the logical type of a node, "" if it has none that applies.
func logicalOf(n *avro.SchemaNode) string {
	l := n.LogicalType
	if !slices.Contains(logicalKinds[l], n.Type) || n.Type == "fixed" && (l == "duration" && n.Size != 12 || l == "uuid" && n.Size != 16) {
		return ""
	}
	return l
}

// writable returns how deeply a type is nested, or what must not be written: a recursion
// and what is beyond the limits. heights are those of the records that are done, 0 of
// those around the type.
func (t *avroType) writable(path string, heights map[*avroType]int) (height int, err error) {
	if h, ok := heights[t]; ok && h == 0 {
		return 0, fmt.Errorf("%s refers to itself at %s: recursive types can't be written", t.name, path)
	} else if ok {
		return h, nil
	}
	if t.kind == "fixed" && t.size > maxFixed {
		return 0, fmt.Errorf("%s has %d bytes: at most %d can be written", t.name, t.size, maxFixed)
	}
	inner := func(t *avroType, path string) {
		if err == nil {
			var h int
			h, err = t.writable(path, heights)
			height = max(height, h)
		}
	}
	if t.kind == "record" {
		heights[t] = 0
	}
	for i := range t.fields {
		inner(t.fields[i].typ, join(path, t.fields[i].name))
	}
	if t.elem != nil {
		inner(t.elem, path+"[]")
	}
	for _, b := range t.branches {
		inner(b, path)
	}
	if height++; height > maxSchemaDepth && err == nil {
		err = fmt.Errorf("it is nested more than %d levels deep", maxSchemaDepth)
	}
	if t.kind == "record" {
		heights[t] = height
	}
	return height, err
}

// String returns how errors call the type.
func (t *avroType) String() string {
	switch {
	case t.logical == "decimal":
		return fmt.Sprintf("decimal(%d, %d)", t.precision, t.scale)
	case t.logical != "":
		return t.logical
	case t.kind == "fixed":
		return fmt.Sprintf("fixed(%d)", t.size)
	case t.name != "":
		return t.kind + " " + t.name
	case t.kind == "array":
		return "array of " + t.elem.String()
	case t.kind == "map":
		return "map of " + t.elem.String()
	case t.kind == "union":
		names := make([]string, len(t.branches))
		for i, b := range t.branches {
			names[i] = b.String()
		}
		return "union [" + strings.Join(names, ", ") + "]"
	}
	return t.kind
}
