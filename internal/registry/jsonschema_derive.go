package registry

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"inv/internal/registry/shape"
)

// deriveJSONSchema returns a JSON Schema of draft-07: a registry takes a schema without
// $schema as one of it, and all registries can compare its versions, which is not so for
// later drafts. The title is the full name, by which the record strategy names the
// subject. Objects have no other properties: a registry refuses a version with one more
// property if the earlier one let it have any value, so that an open schema could never
// get a field.
func deriveJSONSchema(name, namespace string, t shape.Type) (Source, []Misfit) {
	var d jsonDeriver
	d.text.WriteString(`{"$schema":"http://json-schema.org/draft-07/schema#","title":`)
	d.string(strings.TrimPrefix(namespace+"."+name, "."))
	d.text.WriteByte(',')
	d.members(t)
	d.text.WriteByte('}')
	var out bytes.Buffer
	if err := json.Indent(&out, d.text.Bytes(), "", "  "); err != nil {
		d.misfits = append(d.misfits, Misfit{Text: err.Error()})
	}
	if len(d.misfits) > 0 {
		return Source{}, d.misfits
	}
	s := Source{Form: JSONSchema, Text: out.String() + "\n"}
	if _, err := newJSONValidator(s); err != nil { // such as a nesting that is too deep
		return Source{}, []Misfit{{Text: err.Error()}}
	}
	return s, nil
}

type jsonDeriver struct {
	text    bytes.Buffer
	misfits []Misfit
}

func (d *jsonDeriver) string(s string) {
	b, _ := json.Marshal(s) // of a string there is no error
	d.text.Write(b)
}

// members writes the members of the schema of a type; nothing for any value.
func (d *jsonDeriver) members(t shape.Type) {
	if t.Kind == shape.Union {
		d.union(t)
		return
	}
	name := map[shape.Kind]string{
		shape.Null: "null", shape.Bool: "boolean", shape.Int: "integer", shape.Decimal: "number", shape.Float: "number",
		shape.Text: "string", shape.Enum: "string", shape.Time: "integer", shape.Date: "string",
		shape.Object: "object", shape.List: "array",
	}[t.Kind]
	if name == "" {
		return
	}
	d.text.WriteString(`"type":`)
	if t.Nullable && t.Kind != shape.Null {
		d.text.WriteString(`["` + name + `","null"]`)
	} else {
		d.text.WriteString(`"` + name + `"`)
	}
	switch t.Kind {
	case shape.Int:
		if t.Low > math.MinInt64 {
			d.text.WriteString(`,"minimum":` + strconv.FormatInt(t.Low, 10))
		}
		if t.High < math.MaxInt64 {
			d.text.WriteString(`,"maximum":` + strconv.FormatInt(t.High, 10))
		}
	case shape.Date:
		d.text.WriteString(`,"format":"date"`)
	case shape.Enum:
		d.symbols(t)
	case shape.List:
		if t.Elem != nil {
			d.text.WriteString(`,"items":{`)
			d.members(*t.Elem)
			d.text.WriteByte('}')
		}
	case shape.Object:
		d.object(t)
	}
}

func (d *jsonDeriver) symbols(t shape.Type) {
	d.text.WriteString(`,"enum":[`)
	for i, s := range t.Symbols {
		if i > 0 {
			d.text.WriteByte(',')
		}
		d.string(s)
	}
	if t.Nullable {
		d.text.WriteString(",null")
	}
	d.text.WriteByte(']')
}

func (d *jsonDeriver) union(t shape.Type) {
	d.text.WriteString(`"anyOf":[`)
	of := t.Of
	if t.Nullable && !slices.ContainsFunc(of, func(t shape.Type) bool { return t.Nullable || t.Kind == shape.Null }) {
		of = append(slices.Clone(of), shape.Type{Kind: shape.Null})
	}
	for i, t := range of {
		if i > 0 {
			d.text.WriteByte(',')
		}
		d.text.WriteByte('{')
		d.members(t)
		d.text.WriteByte('}')
	}
	d.text.WriteByte(']')
}

func (d *jsonDeriver) object(t shape.Type) {
	d.text.WriteString(`,"properties":{`)
	var required []string
	for i, f := range t.Fields {
		if i > 0 {
			d.text.WriteByte(',')
		}
		d.string(f.Name)
		d.text.WriteString(":{")
		start := d.text.Len()
		d.members(f.Type)
		if f.About != "" {
			d.member(start, "description")
			d.string(f.About)
		}
		if f.Default != "" {
			d.member(start, "default")
			d.text.WriteString(f.Default)
		}
		d.text.WriteByte('}')
		if !f.Optional && f.Default == "" {
			required = append(required, f.Name)
		}
	}
	d.text.WriteString(`},"additionalProperties":false`)
	if len(required) == 0 {
		return
	}
	d.text.WriteString(`,"required":[`)
	for i, name := range required {
		if i > 0 {
			d.text.WriteByte(',')
		}
		d.string(name)
	}
	d.text.WriteByte(']')
}

// member begins a member of an object whose other members begin at start.
func (d *jsonDeriver) member(start int, name string) {
	if d.text.Len() > start {
		d.text.WriteByte(',')
	}
	d.string(name)
	d.text.WriteByte(':')
}
