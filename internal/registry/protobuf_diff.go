package registry

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// diffProtobuf returns what has changed of a message and of those in it. A field is the
// same by its number.
func diffProtobuf(before, after *Schema) []string {
	d := protoDiffer{seen: map[protoPair]bool{}}
	if before.Name != after.Name {
		d.add("", "the message's name from %s to %s", before.Name, after.Name)
	}
	d.message("", before.message, after.message)
	return d.lines
}

type protoDiffer struct {
	lines []string
	seen  map[protoPair]bool
}

func (d *protoDiffer) add(path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	d.lines = append(d.lines, text)
}

func (d *protoDiffer) message(path string, before, after protoreflect.MessageDescriptor) {
	pair := protoPair{before.FullName(), after.FullName()}
	if d.seen[pair] || len(d.seen) > maxTypes {
		return
	}
	d.seen[pair] = true
	for i := range before.Fields().Len() {
		b := before.Fields().Get(i)
		at := join(path, string(b.Name()))
		a, same := after.Fields().ByNumber(b.Number()), after.Fields().ByName(b.Name())
		switch {
		case same != nil && same.Number() != b.Number():
			d.add(at, "number from %d to %d", b.Number(), same.Number())
			continue
		case a == nil:
			d.add(at, "removed, %s with number %d", fieldText(b), b.Number())
			continue
		case same == nil:
			d.add(at, "renamed to %s", a.Name())
		}
		d.field(at, b, a)
	}
	for i := range after.Fields().Len() {
		a := after.Fields().Get(i)
		if before.Fields().ByNumber(a.Number()) == nil && before.Fields().ByName(a.Name()) == nil {
			d.add(join(path, string(a.Name())), "added, %s with number %d", fieldText(a), a.Number())
		}
	}
}

func (d *protoDiffer) field(path string, before, after protoreflect.FieldDescriptor) {
	if b, a := fieldText(before), fieldText(after); b != a {
		d.add(path, "type from %s to %s", b, a)
	}
	if b, a := oneofName(before), oneofName(after); b != a {
		d.add(path, "oneof from %s to %s", b, a)
	}
	b, a := before, after
	if before.IsMap() && after.IsMap() {
		path, b, a = path+"[]", before.MapValue(), after.MapValue()
	} else if before.IsList() {
		path += "[]"
	}
	if b.Enum() != nil && a.Enum() != nil {
		d.enum(path, b.Enum(), a.Enum())
	}
	if b.Message() != nil && a.Message() != nil && !b.IsMap() && !a.IsMap() {
		d.message(path, b.Message(), a.Message())
	}
}

func (d *protoDiffer) enum(path string, before, after protoreflect.EnumDescriptor) {
	for i := range before.Values().Len() {
		b := before.Values().Get(i)
		switch a := after.Values().ByName(b.Name()); {
		case a == nil:
			d.add(path, "value %s = %d removed", b.Name(), b.Number())
		case a.Number() != b.Number():
			d.add(path, "value %s from %d to %d", b.Name(), b.Number(), a.Number())
		}
	}
	for i := range after.Values().Len() {
		if a := after.Values().Get(i); before.Values().ByName(a.Name()) == nil {
			d.add(path, "value %s = %d added", a.Name(), a.Number())
		}
	}
}

// fieldText returns a field's type with its label.
func fieldText(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Cardinality() == protoreflect.Required:
		return "required " + typeText(f)
	case f.HasOptionalKeyword():
		return "optional " + typeText(f)
	}
	return typeText(f)
}

func oneofName(f protoreflect.FieldDescriptor) string {
	if one := f.ContainingOneof(); one != nil && !one.IsSynthetic() {
		return string(one.Name())
	}
	return "none"
}
