package registry

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/registry/shape"
)

// deriveAvro writes the schema of a shape: a field to a line, records within indented.
func deriveAvro(name, namespace string, t shape.Type) (Source, []Misfit) {
	d := avroDeriver{names: map[string]bool{}, namespace: namespace}
	for _, part := range append(strings.Split(namespace, "."), name) {
		if !isAvroName(part) && (part != "" || namespace != "") {
			d.refuse("", shape.Place{}, "%s is no name in Avro", quoted(part))
		}
	}
	branches := d.branches(t, place{name: name})
	if len(d.misfits) > 0 {
		return Source{}, d.misfits
	}
	s := Source{Form: Avro, Text: unionText(branches) + "\n"}
	if _, err := compileAvro(context.Background(), s); err != nil {
		return Source{}, []Misfit{{Text: err.Error()}}
	}
	return s, nil
}

// avroDeriver writes types.
type avroDeriver struct {
	names     map[string]bool // of types
	namespace string          // until it is written
	misfits   []Misfit
}

// place is where a type stands.
type place struct {
	name  string // of the type, if it has one
	path  string
	field shape.Place
	depth int // of the records around
}

func (d *avroDeriver) refuse(path string, field shape.Place, format string, args ...any) {
	d.misfits = append(d.misfits, Misfit{path, field, fmt.Sprintf(format, args...)})
}

// branches returns the types that a union of t has, null first; one if it needs no union.
func (d *avroDeriver) branches(t shape.Type, at place) []string {
	var out []string
	if t.Nullable {
		out = append(out, `"null"`)
	}
	if t.Kind != shape.Union {
		return addBranch(out, d.typ(t, at))
	}
	for _, of := range t.Of {
		for _, b := range d.branches(of, at) {
			if other := slices.IndexFunc(out, func(o string) bool { return o != b && unnamed(o) != "" && unnamed(o) == unnamed(b) }); other >= 0 {
				d.refuse(at.path, at.field, "both %s and %s would be %s in Avro, and a union has that once", out[other], b, unnamed(b))
				continue
			}
			out = addBranch(out, b)
		}
	}
	return out
}

func addBranch(branches []string, b string) []string {
	if slices.Contains(branches, b) {
		return branches
	}
	return append(branches, b)
}

// unnamed returns the kind of a type that a union may have only once, "" for those with a
// name.
func unnamed(text string) string {
	if text[0] == '"' {
		return text
	}
	kind := string(jsonscan.Member([]byte(text), "type"))
	if kind == `"record"` || kind == `"enum"` {
		return ""
	}
	return kind
}

// unionText writes a union, or the type alone if there is one.
func unionText(branches []string) string {
	if len(branches) == 1 {
		return branches[0]
	}
	return "[" + strings.Join(branches, ", ") + "]"
}

// typ writes a type other than a union.
func (d *avroDeriver) typ(t shape.Type, at place) string {
	switch t.Kind {
	case shape.Null:
		return `"null"`
	case shape.Bool:
		return `"boolean"`
	case shape.Int:
		if t.Low < math.MinInt32 || t.High > math.MaxInt32 {
			return `"long"`
		}
		return `"int"`
	case shape.Decimal:
		return fmt.Sprintf(`{"type": "bytes", "logicalType": "decimal", "precision": %d, "scale": %d}`, decimalPrecision(t.Precision), t.Scale)
	case shape.Float:
		return `"double"`
	case shape.Text:
		return `"string"`
	case shape.Enum:
		return d.enum(t, at)
	case shape.Time:
		if logical := map[time.Duration]string{time.Millisecond: "millis", time.Microsecond: "micros", time.Nanosecond: "nanos"}[t.Unit]; logical != "" {
			return `{"type": "long", "logicalType": "timestamp-` + logical + `"}`
		}
		return `"long"`
	case shape.Date:
		return `{"type": "int", "logicalType": "date"}`
	case shape.List:
		at.path += "[]"
		if at.depth++; at.depth > maxSchemaDepth {
			d.refuse(at.path, at.field, "it is nested more than %d levels deep", maxSchemaDepth)
			return `"null"`
		}
		at.depth--
		return `{"type": "array", "items": ` + unionText(d.branches(*t.Elem, at)) + "}"
	case shape.Object:
		return d.record(t, at)
	}
	d.refuse(at.path, at.field, "its type is not known, so that no schema can be derived")
	return `"null"`
}

func (d *avroDeriver) enum(t shape.Type, at place) string {
	symbols := make([]string, len(t.Symbols))
	for i, s := range t.Symbols {
		if !isAvroName(s) || slices.Contains(t.Symbols[:i], s) {
			return `"string"`
		}
		symbols[i] = quoted(s)
	}
	if len(symbols) == 0 {
		return `"string"`
	}
	return `{"type": "enum", ` + d.define(at.name) + `, "symbols": [` + strings.Join(symbols, ", ") + "]}"
}

// define returns the name of a new type, and the namespace in the first one.
func (d *avroDeriver) define(name string) string {
	unique := name
	for i := 2; d.names[unique]; i++ {
		unique = name + strconv.Itoa(i)
	}
	d.names[unique] = true
	text := `"name": ` + quoted(unique)
	if d.namespace != "" {
		text += `, "namespace": ` + quoted(d.namespace)
		d.namespace = ""
	}
	return text
}

func (d *avroDeriver) record(t shape.Type, at place) string {
	if at.depth++; at.depth > maxSchemaDepth {
		d.refuse(at.path, at.field, "it is nested more than %d levels deep", maxSchemaDepth)
		return `"null"`
	}
	indent := "\n" + strings.Repeat("    ", at.depth-1)
	text := "{" + indent + `  "type": "record",` + indent + "  " + d.define(at.name) + "," + indent + `  "fields": [`
	for i, f := range t.Fields {
		if i > 0 {
			text += ","
		}
		text += indent + "    " + d.field(f, at)
	}
	if len(t.Fields) > 0 {
		text += indent + "  "
	}
	return text + "]" + indent + "}"
}

// field writes a field of a record.
func (d *avroDeriver) field(f shape.Field, record place) string {
	at := place{name: record.name + camel(f.Name), path: join(record.path, f.Name), field: f.Place, depth: record.depth}
	for _, name := range append([]string{f.Name}, f.Aliases...) {
		if !isAvroName(name) {
			d.refuse(at.path, at.field, "%s is no name in Avro: letters, digits and _", quoted(name))
		}
	}
	t := f.Type
	t.Nullable = t.Nullable || f.Optional
	branches := d.branches(t, at)
	value := f.Default
	if value == "" && t.Nullable {
		value = "null"
	}
	if value != "" && len(d.misfits) == 0 {
		branches, value = d.value(branches, value, at)
	}
	text := `{"name": ` + quoted(f.Name) + `, "type": ` + unionText(branches)
	if f.About != "" {
		text += `, "doc": ` + quoted(f.About)
	}
	if len(f.Aliases) > 0 {
		aliases := make([]string, len(f.Aliases))
		for i, a := range f.Aliases {
			aliases[i] = quoted(a)
		}
		text += `, "aliases": [` + strings.Join(aliases, ", ") + "]"
	}
	if value != "" {
		text += `, "default": ` + value
	}
	return text + "}"
}

// value returns a default as a schema has it, with the union's branch that it is of as
// the first, as versions of Avro before 1.12 want it.
func (d *avroDeriver) value(branches []string, json string, at place) ([]string, string) {
	s, err := compileAvro(context.Background(), Source{Form: Avro, Text: unionText(branches)})
	if err != nil {
		d.refuse(at.path, at.field, "%v", err)
		return branches, ""
	}
	payload, err := s.Encode(nil, []byte(json))
	if err != nil {
		d.refuse(at.path, at.field, "its default does not fit: %v", err)
		return branches, ""
	}
	if len(branches) > 1 {
		in := avroInput{payload: payload}
		if i, err := in.long(); err == nil && i > 0 {
			first := branches[i]
			branches = append([]string{first}, slices.Delete(slices.Clone(branches), int(i), int(i)+1)...)
		}
	}
	value, err := newAvroDecoder(s.avroType, raw)(nil, payload)
	if err != nil {
		d.refuse(at.path, at.field, "its default does not fit: %v", err)
	}
	return branches, string(value)
}

// isAvroName reports whether Avro has such a name: letters, digits and _, no digit first.
func isAvroName(s string) bool {
	for i, c := range []byte(s) {
		if !(c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

func quoted(s string) string { return string(jsonscan.AppendString(nil, []byte(s))) }

// decimalPrecision returns the precision of a derived decimal: 9 or 18 if the digits fit,
// so that a price or an amount may grow without another schema, which most registries
// would refuse.
func decimalPrecision(digits int) int {
	switch {
	case digits <= 9:
		return 9
	case digits <= 18:
		return 18
	}
	return digits
}
