package registry

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/registry/shape"
)

// fitAvro compares a shape with a schema. Text that may stand for something else, such as
// a time, is left to Encode: it can't be known.
func fitAvro(sch *Schema, s shape.Type) []Misfit {
	f := avroFit{open: map[*avroType]int{}}
	f.typ(s, sch.avroType, "", shape.Place{})
	return f.misfits
}

// avroFit collects what does not fit.
type avroFit struct {
	misfits []Misfit
	open    map[*avroType]int // records around, of recursive schemas
}

func (f *avroFit) refuse(path string, at shape.Place, format string, args ...any) {
	f.misfits = append(f.misfits, Misfit{path, at, fmt.Sprintf(format, args...)})
}

func (f *avroFit) typ(s shape.Type, t *avroType, path string, at shape.Place) {
	if s.Nullable && s.Kind != shape.Any && !t.takesNull() {
		f.refuse(path, at, "it may be null, and the schema has %s", t)
	}
	switch s.Kind {
	case shape.Any:
		return
	case shape.Null:
		if !t.takesNull() {
			f.refuse(path, at, "it is null, and the schema has %s", t)
		}
		return
	case shape.Union:
		for _, of := range s.Of {
			f.typ(of, t, path, at)
		}
		return
	}
	if t.kind == "union" {
		f.union(s, t, path, at)
		return
	}
	switch s.Kind {
	case shape.Object:
		f.object(s, t, path, at)
	case shape.List:
		if t.kind != "array" {
			f.refuse(path, at, "it is a list, and the schema has %s", t)
			return
		}
		f.typ(*s.Elem, t.elem, path+"[]", at)
	default:
		if wrong := scalarFit(s, t); wrong != "" {
			f.refuse(path, at, "%s", wrong)
		}
	}
}

func (t *avroType) takesNull() bool { return t.kind == "null" || t.nullBranch() >= 0 }

// union takes the first branch that fits. If none does, the misfits are those of the only
// one that might.
func (f *avroFit) union(s shape.Type, t *avroType, path string, at shape.Place) {
	s.Nullable = false
	var may []avroFit
	for _, b := range t.branches {
		if b.kind == "null" {
			continue
		}
		branch := avroFit{open: f.open}
		branch.typ(s, b, path, at)
		if len(branch.misfits) == 0 {
			return
		}
		if len(t.branches) == 2 && t.takesNull() || b.accepts(classOfShape(s)) {
			may = append(may, branch)
		}
	}
	if len(may) == 1 {
		f.misfits = append(f.misfits, may[0].misfits...)
		return
	}
	f.refuse(path, at, "it is %s, and the schema has %s", nameOf(s), t)
}

// classOfShape returns the class of the JSON of a shape.
func classOfShape(s shape.Type) class {
	switch s.Kind {
	case shape.Bool:
		return booleanClass
	case shape.Int, shape.Decimal, shape.Float, shape.Time:
		return numberClass
	case shape.Object:
		return objectClass
	case shape.List:
		return listClass
	}
	return textClass
}

func (f *avroFit) object(s shape.Type, t *avroType, path string, at shape.Place) {
	if t.kind == "map" {
		for _, field := range s.Fields {
			f.typ(field.Type, t.elem, join(path, field.Name), field.Place)
		}
		return
	}
	if t.kind != "record" {
		f.refuse(path, at, "it is an object, and the schema has %s", t)
		return
	}
	if f.open[t] > maxSchemaDepth {
		return
	}
	f.open[t]++
	defer func() { f.open[t]-- }()
	for _, field := range s.Fields {
		path := join(path, field.Name)
		i := slices.IndexFunc(t.fields, func(a avroField) bool { return a.name == field.Name })
		if i < 0 {
			f.refuse(path, field.Place, "the schema's %s has no such field", t)
			continue
		}
		if _, optional, _ := t.fields[i].absent(); field.Optional && !optional {
			f.refuse(path, field.Place, "it may be absent, and the schema has neither a default nor null for it")
		}
		f.typ(field.Type, t.fields[i].typ, path, field.Place)
	}
	for i := range t.fields {
		name := t.fields[i].name
		if _, optional, _ := t.fields[i].absent(); !optional && !slices.ContainsFunc(s.Fields, func(field shape.Field) bool { return field.Name == name }) {
			f.refuse(join(path, name), at, "the schema wants it, %s without a default, and it is never there", t.fields[i].typ)
		}
	}
}

// scalarFit returns why values of a shape without parts do not fit a type, "" if they may.
func scalarFit(s shape.Type, t *avroType) string {
	other := fmt.Sprintf("it is %s, and the schema has %s", nameOf(s), t)
	switch s.Kind {
	case shape.Bool:
		if t.kind == "boolean" {
			return ""
		}
	case shape.Int:
		return intFit(s, t, other)
	case shape.Decimal:
		return decimalFit(s, t, other)
	case shape.Float:
		if t.kind == "double" || t.kind == "float" || t.logical == "big-decimal" {
			return ""
		}
	case shape.Time:
		return timeFit(s, t, other)
	case shape.Enum:
		return enumFit(s, t, other)
	case shape.Date:
		if t.logical == "date" || t.kind == "string" && t.logical == "" || t.kind == "bytes" && t.logical == "" {
			return ""
		}
	case shape.Text:
		if t.accepts(textClass) && t.kind != "float" && t.kind != "double" {
			return ""
		}
	}
	return other
}

// intFit tries the bounds.
func intFit(s shape.Type, t *avroType, other string) string {
	if !t.accepts(numberClass) || strings.Contains(t.logical, "timestamp") {
		return other
	}
	limit := int64(0)
	switch t.kind {
	case "float":
		limit = 1 << 24
	case "double":
		limit = 1 << 53
	}
	if limit > 0 {
		if s.Low < -limit || s.High > limit {
			return fmt.Sprintf("it is from %d to %d, and a %s is exact up to %d", s.Low, s.High, t, limit)
		}
		return ""
	}
	parse := scalarParser(t)
	for _, bound := range []int64{s.Low, s.High} {
		if _, _, err := parse(&avroEncoder{text: fmt.Append(nil, bound)}, nil, 0); err != nil {
			return err.Error()
		}
	}
	return ""
}

// The digits that types other than decimals keep.
var exactDigits = map[string]int{"float": 6, "double": 15, "int": 9, "long": 18}

func decimalFit(s shape.Type, t *avroType, other string) string {
	digits := exactDigits[t.kind]
	switch {
	case t.logical == "big-decimal":
		return ""
	case t.logical == "decimal" && s.Scale > t.scale:
		return fmt.Sprintf("it has %d decimals, and the schema's %s has %d", s.Scale, t, t.scale)
	case t.logical == "decimal":
		if whole := s.Precision - s.Scale; whole > t.precision-t.scale {
			return fmt.Sprintf("it has %d digits before the point, and the schema's %s has %d", whole, t, t.precision-t.scale)
		}
		return ""
	case digits == 0 || t.logical != "" || s.Scale > 0 && (t.kind == "int" || t.kind == "long"):
		return other
	case s.Precision > digits:
		return fmt.Sprintf("it has %d digits, and a %s is exact up to %d", s.Precision, t, digits)
	}
	return ""
}

// timeFit compares units: a number of milliseconds is no number of microseconds.
func timeFit(s shape.Type, t *avroType, other string) string {
	if unit := timestampUnit(strings.TrimPrefix(t.logical, "local-")); unit > 0 {
		if unit == s.Unit {
			return ""
		}
		return other
	}
	exact := t.kind == "long" || t.kind == "double" && s.Unit > time.Nanosecond || t.kind == "int" && s.Unit == time.Second
	if t.logical == "" && exact {
		return ""
	}
	return other
}

// enumFit tries each symbol.
func enumFit(s shape.Type, t *avroType, other string) string {
	if !t.accepts(textClass) {
		return other
	}
	parse := scalarParser(t)
	var lacks []string
	for _, symbol := range s.Symbols {
		text := jsonscan.AppendString(nil, []byte(symbol))
		if _, _, err := parse(&avroEncoder{text: text}, nil, 0); err != nil {
			lacks = append(lacks, symbol)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return fmt.Sprintf("the schema's %s does not have %s", t, strings.Join(lacks, ", "))
}
