package registry

import (
	"fmt"
	"math"
	"strings"
	"time"

	"inv/internal/registry/shape"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fitProtobuf compares a shape with a message: a field that the message doesn't have, one
// that may be null where null would come back as zero, and values out of range. Of text
// that the schema wants in base64, as a time or as the name of an enum's value nothing is
// known before it is written.
func fitProtobuf(sch *Schema, s shape.Type) []Misfit {
	var f protoFitter
	f.value("", shape.Place{}, protoTarget{message: sch.message, presence: false}, s)
	return f.misfits
}

type protoFitter struct{ misfits []Misfit }

func (f *protoFitter) refuse(path string, place shape.Place, format string, args ...any) {
	f.misfits = append(f.misfits, Misfit{path, place, fmt.Sprintf(format, args...)})
}

// protoTarget is where a value is to go: a field, or a whole message.
type protoTarget struct {
	field    protoreflect.FieldDescriptor
	message  protoreflect.MessageDescriptor // of the field, if it is one
	presence bool                           // null is kept, as a field that is not there
	element  bool                           // of a list or a map
}

func targetOf(fd protoreflect.FieldDescriptor, element bool) protoTarget {
	return protoTarget{fd, fd.Message(), fd.HasPresence() && !element && fd.Cardinality() != protoreflect.Required, element}
}

func (t protoTarget) kind() protoreflect.Kind {
	if t.field == nil {
		return protoreflect.MessageKind
	}
	return t.field.Kind()
}

func (t protoTarget) text() string {
	switch {
	case t.field == nil:
		return string(t.message.FullName())
	case t.element && !t.field.IsMap():
		return strings.TrimPrefix(typeText(t.field), "repeated ")
	}
	return typeText(t.field)
}

func (f *protoFitter) value(path string, place shape.Place, to protoTarget, t shape.Type) {
	if t.Kind == shape.Any {
		return
	}
	known := knownNone
	if to.message != nil {
		known = knownType(to.message)
	}
	null := known == knownValue || to.field != nil && to.field.Enum() != nil && to.field.Enum().FullName() == "google.protobuf.NullValue"
	if (t.Nullable || t.Kind == shape.Null) && !to.presence && !null {
		f.null(path, place, to)
	}
	switch {
	case t.Kind == shape.Null || known == knownValue:
	case t.Kind == shape.Union:
		for _, one := range t.Of {
			one.Nullable = one.Nullable && !t.Nullable // it has been told
			f.value(path, place, to, one)
		}
	case to.field != nil && to.field.IsMap() && !to.element:
		f.table(path, place, to.field, t)
	case to.field != nil && to.field.IsList() && !to.element:
		if t.Kind != shape.List {
			f.refuse(path, place, "is %s, and the schema's %s a list", nameOf(t), to.text())
		} else if t.Elem != nil {
			f.value(path+"[]", place, targetOf(to.field, true), *t.Elem)
		}
	case known != knownNone:
		f.known(path, place, to, known, t)
	case to.message != nil:
		if t.Kind != shape.Object {
			f.refuse(path, place, "is %s, and the schema's %s an object", nameOf(t), to.text())
			return
		}
		f.object(path, place, to.message, t)
	default:
		f.scalar(path, place, to, t)
	}
}

func (f *protoFitter) null(path string, place shape.Place, to protoTarget) {
	switch {
	case to.field == nil:
		f.refuse(path, place, "may be null, which a Protobuf message can't be")
	case to.element:
		f.refuse(path, place, "may be null, which a list or a map of Protobuf can't hold")
	case to.field.IsList() || to.field.IsMap():
		f.refuse(path, place, "may be null, which would be read as empty")
	case to.field.Cardinality() == protoreflect.Required:
		f.refuse(path, place, "may be null, and the schema requires it")
	default:
		f.refuse(path, place, "may be null, which would be read as zero: make the schema's field optional")
	}
}

func (f *protoFitter) object(path string, place shape.Place, m protoreflect.MessageDescriptor, t shape.Type) {
	there := map[protoreflect.Name]bool{}
	oneofs := map[protoreflect.Name]string{}
	for _, field := range t.Fields {
		at := join(path, field.Name)
		fd := m.Fields().ByName(protoreflect.Name(field.Name))
		if fd == nil {
			fd = m.Fields().ByJSONName(field.Name)
		}
		if fd == nil {
			f.refuse(at, field.Place, "the schema's message %s has no such field", m.FullName())
			continue
		}
		there[fd.Name()] = true
		if fd.Cardinality() == protoreflect.Required && field.Optional {
			f.refuse(at, field.Place, "may be absent, and the schema requires it")
		}
		if one := fd.ContainingOneof(); one != nil && !one.IsSynthetic() && !field.Optional && !field.Type.Nullable {
			if other := oneofs[one.Name()]; other != "" {
				f.refuse(at, field.Place, "is always there beside %s, and the schema has one of them in %s", other, one.Name())
			}
			oneofs[one.Name()] = field.Name
		}
		f.value(at, field.Place, targetOf(fd, false), field.Type)
	}
	for i := range m.Fields().Len() {
		if fd := m.Fields().Get(i); fd.Cardinality() == protoreflect.Required && !there[fd.Name()] {
			f.refuse(join(path, string(fd.Name())), place, "is never there, and the schema requires it")
		}
	}
}

func (f *protoFitter) table(path string, place shape.Place, fd protoreflect.FieldDescriptor, t shape.Type) {
	if t.Kind != shape.Object {
		f.refuse(path, place, "is %s, and the schema's %s an object", nameOf(t), typeText(fd))
		return
	}
	if fd.MapKey().Kind() != protoreflect.StringKind {
		f.refuse(path, place, "has names as keys, and the schema's %s has %s", typeText(fd), fd.MapKey().Kind())
		return
	}
	for _, field := range t.Fields {
		f.value(join(path, field.Name), field.Place, targetOf(fd.MapValue(), true), field.Type)
	}
}

// known checks a value of a type that has a form of its own in JSON.
func (f *protoFitter) known(path string, place shape.Place, to protoTarget, known protoKnown, t shape.Type) {
	ok := false
	switch known {
	case knownWrapper:
		t.Nullable = false
		f.value(path, place, targetOf(to.message.Fields().Get(0), false), t)
		return
	case knownTimestamp:
		if t.Kind == shape.Time && t.Unit != time.Millisecond {
			f.refuse(path, place, "is a time in %s, and a google.protobuf.Timestamp is made of milliseconds", unitName(t.Unit))
			return
		}
		ok = t.Kind == shape.Time || t.Kind == shape.Text || t.Kind == shape.Object ||
			t.Kind == shape.Int && t.Low >= minTimestamp*1000 && t.High <= maxTimestamp*1000+999
	case knownDuration, knownFieldMask:
		ok = t.Kind == shape.Text || t.Kind == shape.Object
	case knownStruct, knownAny:
		ok = t.Kind == shape.Object
	case knownList:
		ok = t.Kind == shape.List
	}
	if !ok {
		f.refuse(path, place, "is %s, and the schema has %s", nameOf(t), to.text())
	}
}

func (f *protoFitter) scalar(path string, place shape.Place, to protoTarget, t shape.Type) {
	kind := to.kind()
	ok := false
	switch kind {
	case protoreflect.BoolKind:
		ok = t.Kind == shape.Bool
	case protoreflect.StringKind:
		ok = t.Kind == shape.Text || t.Kind == shape.Enum || t.Kind == shape.Date
	case protoreflect.BytesKind:
		ok = t.Kind == shape.Text
	case protoreflect.EnumKind:
		f.enum(path, place, to, t)
		return
	case protoreflect.FloatKind:
		f.float(path, place, to, t, 1<<24, 6)
		return
	case protoreflect.DoubleKind:
		f.float(path, place, to, t, 1<<53, maxDoubleDigits)
		return
	default:
		f.whole(path, place, to, t)
		return
	}
	if !ok {
		f.refuse(path, place, "is %s, and the schema has %s", nameOf(t), kind)
	}
}

func (f *protoFitter) enum(path string, place shape.Place, to protoTarget, t shape.Type) {
	enum := to.field.Enum()
	switch t.Kind {
	case shape.Text:
	case shape.Enum:
		var missing []string
		for _, symbol := range t.Symbols {
			if enum.Values().ByName(protoreflect.Name(symbol)) == nil {
				missing = append(missing, symbol)
			}
		}
		if missing != nil {
			f.refuse(path, place, "the schema's enum %s has no %s", enum.FullName(), strings.Join(missing, ", "))
		}
	case shape.Int:
		if t.Low < math.MinInt32 || t.High > math.MaxInt32 {
			f.refuse(path, place, "the schema's enum %s is too small for %d to %d", enum.FullName(), t.Low, t.High)
		}
	default:
		f.refuse(path, place, "is %s, and the schema has the enum %s", nameOf(t), enum.FullName())
	}
}

// float checks a number that is written as a float or a double, which keep whole numbers
// up to exact and some digits.
func (f *protoFitter) float(path string, place shape.Place, to protoTarget, t shape.Type, exact int64, digits int) {
	switch t.Kind {
	case shape.Float:
	case shape.Int:
		if t.Low < -exact || t.High > exact {
			f.refuse(path, place, "the schema's %s does not keep all digits of %d to %d", to.kind(), t.Low, t.High)
		}
	case shape.Decimal:
		if to.kind() == protoreflect.FloatKind && t.Precision > digits { // Encode refuses what a double does not keep
			f.refuse(path, place, "the schema's %s keeps %d digits, and it has %d", to.kind(), digits, t.Precision)
		}
	case shape.Time:
		if to.kind() == protoreflect.FloatKind || t.Unit < time.Microsecond {
			f.refuse(path, place, "the schema's %s does not keep all digits of a time", to.kind())
		}
	default:
		f.refuse(path, place, "is %s, and the schema has %s", nameOf(t), to.kind())
	}
}

func (f *protoFitter) whole(path string, place shape.Place, to protoTarget, t shape.Type) {
	low, high := kindRange(to.kind())
	switch t.Kind {
	case shape.Int:
		if t.Low < 0 && (low == 0 || t.Low < -int64(low-1)-1) || t.High > 0 && uint64(t.High) > high {
			f.refuse(path, place, "the schema's %s is too small for %d to %d", to.kind(), t.Low, t.High)
		}
	case shape.Decimal:
		if t.Scale > 0 {
			f.refuse(path, place, "has %d decimals, and the schema's %s none", t.Scale, to.kind())
		} else if math.Pow10(t.Precision) > float64(high) {
			f.refuse(path, place, "the schema's %s is too small for %d digits", to.kind(), t.Precision)
		}
	case shape.Time:
		if high < math.MaxInt64 && (t.Unit != time.Second || high < math.MaxUint32) {
			f.refuse(path, place, "the schema's %s is too small for a time in %s", to.kind(), unitName(t.Unit))
		}
	default:
		f.refuse(path, place, "is %s, and the schema has %s", nameOf(t), to.kind())
	}
}
