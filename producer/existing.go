package producer

import (
	"encoding/json"
	"maps"

	"inv/internal/scenario"
)

// ExistingRow is a record that is already in the topic of a producer with `read: true`;
// others refer to its fields.
type ExistingRow struct{ Key, Value []byte }

// reads returns the producers whose rows must be read before [Compile], with the
// aliases of their topics: those with `read: true` that the named ones, or what they
// cause, refer to.
func reads(s *scenario.Scenario, names []string) map[string]string {
	c := newCompiler(s, CompileOptions{})
	c.checking = true
	for _, name := range names {
		if spec := c.spec(name); spec != nil {
			c.stream(spec)
		}
	}
	maps.DeleteFunc(c.references, func(name, _ string) bool { return !c.spec(name).Read })
	return c.references
}

// maxExisting bounds the number of rows that are read from a topic.
const maxExisting = 2_000_000

// existingField returns the field that a ref names, of each existing row; nil with a
// problem if one of them lacks it.
func (c *compiler) existingField(set *set, field scenario.Name) []*node {
	name, rows := set.spec.Name, c.options.Existing[set.spec.Name]
	if len(rows) > maxExisting {
		c.problem(field.Pos, "ref: the topic of %q has %d keys; at most %d can be referred to", name, len(rows), maxExisting)
		return nil
	}
	nodes := make([]*node, 0, len(rows))
	for _, row := range rows {
		if v, ok := plainField(row.Value, scenario.Unquoted(field.Text)); ok {
			nodes = append(nodes, constant(v))
		}
	}
	if missing := len(rows) - len(nodes); missing > 0 {
		c.problem(field.Pos, "ref: %d of the %d records in the topic of %q have no plain field %q", missing, len(rows), name, field.Text)
		return nil
	}
	return nodes
}

// plainField returns a field of a JSON object, if it has a plain value.
func plainField(value []byte, name string) (v scenario.Scalar, ok bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil || len(fields[name]) == 0 {
		return v, false
	}
	raw := fields[name]
	switch v.Text = string(raw); raw[0] {
	case '{', '[':
		return v, false
	case '"':
		v.Kind = scenario.KindString
		return v, json.Unmarshal(raw, &v.Text) == nil
	case 't', 'f':
		v.Kind = scenario.KindBool
	case 'n':
		v.Text = ""
	default:
		v.Kind = scenario.KindNumber
	}
	return v, true
}
