package registry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/registry/shape"
)

// maxDoubleDigits is how many decimal digits every double keeps.
const maxDoubleDigits = 15

// deriveProtobuf returns a .proto file in the syntax proto3. Fields are numbered in their
// order, so that a field that comes after the others in the next version of a shape is
// compatible; one that has another name at the same place keeps its number. proto3 has no
// defaults: they are in Source.Defaults, and a field with one that is not the type's zero
// value is optional, so that other programs see that a record does not have it.
func deriveProtobuf(name, namespace string, t shape.Type) (Source, []Misfit) {
	d := protoDeriver{defaults: map[string]string{}, timestamp: "google.protobuf.Timestamp"}
	if t.Kind != shape.Object {
		return Source{}, []Misfit{{Text: "a Protobuf message is an object, and the value is not always one"}}
	}
	if t.Nullable {
		d.refuse("", shape.Place{}, "a Protobuf message can't be null")
	}
	if !protoName(name) {
		d.refuse("", shape.Place{}, "%q is no name in Protobuf", name)
	}
	for part := range strings.SplitSeq(namespace, ".") {
		if namespace != "" && !protoName(part) {
			d.refuse("", shape.Place{}, "%q is no package in Protobuf", namespace)
		}
		if part == "google" { // and not the one of the import
			d.timestamp = ".google.protobuf.Timestamp"
		}
	}
	var body strings.Builder
	d.message(&body, "", "", name, t)
	if len(d.misfits) > 0 {
		return Source{}, d.misfits
	}
	var out strings.Builder
	out.WriteString("syntax = \"proto3\";\n")
	if namespace != "" {
		out.WriteString("\npackage " + namespace + ";\n")
	}
	if d.timestamps {
		out.WriteString("\nimport \"google/protobuf/timestamp.proto\";\n")
	}
	out.WriteString("\n" + body.String())
	s := Source{Form: Protobuf, Text: out.String(), Defaults: d.defaults}
	if _, err := compileProtobuf(context.Background(), s); err != nil { // such as a name twice
		return Source{}, []Misfit{{Text: err.Error()}}
	}
	return s, nil
}

type protoDeriver struct {
	misfits    []Misfit
	defaults   map[string]string
	timestamp  string // the type's name
	timestamps bool   // it is in use
}

func (d *protoDeriver) refuse(path string, place shape.Place, format string, args ...any) {
	d.misfits = append(d.misfits, Misfit{path, place, fmt.Sprintf(format, args...)})
}

// protoName reports whether a text is an identifier in Protobuf. None is reserved: names
// of fields and messages may be words of the language.
func protoName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// protoScope is the names that a message has in use: of its fields, and of the messages,
// enums and values of enums in it.
type protoScope map[string]bool

// typeName returns a name for a type of a field that is not in use.
func (s protoScope) typeName(field string) string {
	base := camel(field)
	name := base
	for i := 2; s[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	s[name] = true
	return name
}

// camel returns a name in camel case, such as LineItems of line_items.
func camel(name string) string {
	var out []byte
	upper := true
	for _, c := range []byte(name) {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		out = append(out, c)
	}
	if len(out) == 0 || out[0] >= '0' && out[0] <= '9' {
		return "Field" + string(out)
	}
	return string(out)
}

// message writes the message of an object. path is that of the value.
func (d *protoDeriver) message(out *strings.Builder, indent, path, name string, t shape.Type) {
	scope := protoScope{}
	json := map[string]string{}
	for _, f := range t.Fields {
		at := join(path, f.Name)
		switch lower := lowerCamel(f.Name); {
		case !protoName(f.Name):
			d.refuse(at, f.Place, "%q is no name in Protobuf: letters, digits and _ are", f.Name)
		case json[lower] != "":
			d.refuse(at, f.Place, "it has the same name in JSON as %s, %s", json[lower], lower)
		default:
			json[lower] = f.Name
		}
		scope[f.Name], scope["_"+f.Name] = true, true // of an optional one
	}
	out.WriteString(indent + "message " + name + " {\n")
	var fields, types strings.Builder
	for i, f := range t.Fields {
		if f.Default != "" {
			d.defaults[join(path, f.Name)] = compactJSON(f.Default)
		}
		typeText := d.fieldType(&types, indent+"  ", join(path, f.Name), scope, f)
		if f.About != "" {
			for line := range strings.Lines(f.About) {
				fields.WriteString(strings.TrimRight(indent+"  // "+strings.TrimSpace(line), " ") + "\n")
			}
		}
		fmt.Fprintf(&fields, "%s  %s %s = %d;\n", indent, typeText, f.Name, protoNumber(i))
	}
	out.WriteString(types.String() + fields.String() + indent + "}\n")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// lowerCamel returns the JSON name of a field.
func lowerCamel(name string) string {
	var out []byte
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '_' {
			continue
		}
		if i > 0 && name[i-1] == '_' && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}

// protoNumber returns the number of a field at an index. Protobuf keeps 19000 to 19999 for
// itself.
func protoNumber(i int) int {
	if i+1 >= 19000 {
		return i + 1001
	}
	return i + 1
}

// fieldType returns the type of a field with its label, and writes the types that it
// needs to types.
func (d *protoDeriver) fieldType(types *strings.Builder, indent, path string, scope protoScope, f shape.Field) string {
	t := f.Type
	if t.Kind == shape.List {
		return d.listType(types, indent, path, scope, f)
	}
	name := d.typeName(types, indent, path, scope, f, t)
	if t.Nullable || f.Optional || f.Default != "" && !zeroDefault(f.Default) {
		return "optional " + name
	}
	return name
}

// zeroDefault reports whether a default is what a field without presence has when it is
// not there.
func zeroDefault(json string) bool {
	return json == "0" || json == "false" || json == `""` || json == "0.0" || json == "[]"
}

func (d *protoDeriver) listType(types *strings.Builder, indent, path string, scope protoScope, f shape.Field) string {
	switch elem := f.Type.Elem; {
	case f.Type.Nullable:
		d.refuse(path, f.Place, "a list that may be null has no form in Protobuf, where a list that is not there is empty")
	case elem == nil:
		d.refuse(path, f.Place, "the type of the list's elements is not known")
	case elem.Kind == shape.List:
		d.refuse(path+"[]", f.Place, "a list of lists has no form in Protobuf")
	case elem.Nullable:
		d.refuse(path+"[]", f.Place, "a list of Protobuf can't hold null")
	default:
		return "repeated " + d.typeName(types, indent, path+"[]", scope, f, *elem)
	}
	return "repeated string"
}

// typeName returns the type of a value that is no list.
func (d *protoDeriver) typeName(types *strings.Builder, indent, path string, scope protoScope, f shape.Field, t shape.Type) string {
	switch t.Kind {
	case shape.Bool:
		return "bool"
	case shape.Int:
		if t.Low >= -1<<31 && t.High < 1<<31 {
			return "int32"
		}
		return "int64"
	case shape.Decimal, shape.Float:
		return "double"
	case shape.Text, shape.Date:
		return "string"
	case shape.Enum:
		return d.enum(types, indent, scope, f, t)
	case shape.Time:
		if t.Unit != time.Millisecond {
			return "int64"
		}
		d.timestamps = true
		return d.timestamp
	case shape.Object:
		name := scope.typeName(f.Name)
		d.message(types, indent, path, name, t)
		types.WriteByte('\n')
		return name
	case shape.Null:
		d.refuse(path, f.Place, "a value that is always null has no form in Protobuf")
	case shape.Union:
		d.refuse(path, f.Place, "a value of one of several types has no form in Protobuf that is the same JSON")
	default:
		d.refuse(path, f.Place, "its type is not known, so that no Protobuf type can be derived")
	}
	return "string"
}

// enum returns the type of an enum: string if a symbol can't be a name beside the others
// in the message.
func (d *protoDeriver) enum(types *strings.Builder, indent string, scope protoScope, f shape.Field, t shape.Type) string {
	zero := strings.ToUpper(snake(f.Name)) + "_UNSPECIFIED"
	names := append([]string{zero}, t.Symbols...)
	seen := map[string]bool{camel(f.Name): true}
	for _, name := range names {
		if !protoName(name) || scope[name] || seen[name] {
			return "string"
		}
		seen[name] = true
	}
	if short := shortValues(camel(f.Name), names); short {
		return "string"
	}
	typeName := scope.typeName(f.Name)
	for _, name := range names {
		scope[name] = true
	}
	types.WriteString(indent + "enum " + typeName + " {\n")
	for i, name := range names {
		fmt.Fprintf(types, "%s  %s = %d;\n", indent, name, i)
	}
	types.WriteString(indent + "}\n\n")
	return typeName
}

// shortValues reports whether values would be the same in languages that drop the enum's
// name from theirs, which the syntax proto3 refuses.
func shortValues(enum string, names []string) bool {
	var short []string
	prefix := strings.ToUpper(enum)
	for _, name := range names {
		plain := strings.ToUpper(strings.ReplaceAll(name, "_", ""))
		if rest, ok := strings.CutPrefix(plain, prefix); ok && rest != "" {
			plain = rest
		}
		short = append(short, plain)
	}
	slices.Sort(short)
	return len(slices.Compact(short)) < len(names)
}

// snake returns a name in snake case, such as line_items of lineItems.
func snake(name string) string {
	var out []byte
	for i, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			if i > 0 && name[i-1] != '_' && (name[i-1] < 'A' || name[i-1] > 'Z') {
				out = append(out, '_')
			}
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}
