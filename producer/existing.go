package producer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"inv/internal/scenario"
)

// ExistingRow is a record that a topic has already, for a producer with `read:
// true`: others refer to its fields.
type ExistingRow struct{ Key, Value []byte }

// Reads returns the producers whose rows must be read before [Compile], with the
// aliases of their topics: those with `read: true` that the named ones, or what
// these cause, refer to.
func Reads(s *scenario.Scenario, names []string) map[string]string {
	c := newCompiler(s, CompileOptions{})
	for _, name := range names {
		if spec := c.spec(name); spec != nil {
			c.stream(spec)
		}
	}
	reads := map[string]string{}
	for name, alias := range c.references {
		if spec := c.spec(name); spec != nil && spec.Read {
			reads[name] = alias
		}
	}
	return reads
}

// maxExisting bounds the rows that are kept of a topic.
const maxExisting = 2_000_000

// existingField keeps, of the rows of a topic, the field that a ref names.
func (c *compiler) existingField(set *set, field scenario.Name) *node {
	rows := c.options.Existing[set.name]
	if len(rows) > maxExisting {
		c.problem(field.Pos, "ref: the topic of %q has %d keys; at most %d can be referred to", set.name, len(rows), maxExisting)
		return nil
	}
	scalars := make([]scenario.Scalar, len(rows))
	missing := 0
	for i, row := range rows {
		v, err := fieldOf(row.Value, field.Text)
		if err != nil {
			missing++
		}
		scalars[i] = v
	}
	if missing > 0 {
		c.problem(field.Pos, "ref: %d of the %d records in the topic of %q have no plain field %q", missing, len(rows), set.name, field.Text)
		return nil
	}
	return scalarTable(scalars)
}

// fieldOf finds a plain field at the top of a JSON object.
func fieldOf(value []byte, name string) (scenario.Scalar, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(value, &fields); err != nil {
		return scenario.Scalar{}, fmt.Errorf("no JSON object: %w", err)
	}
	raw := bytes.TrimSpace(fields[name])
	switch {
	case len(raw) == 0:
		return scenario.Scalar{}, fmt.Errorf("no field %q", name)
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return scenario.Scalar{Kind: scenario.KindString, Text: text}, err
	case raw[0] == '{' || raw[0] == '[':
		return scenario.Scalar{}, fmt.Errorf("%q is no plain value", name)
	case raw[0] == 't' || raw[0] == 'f':
		return scenario.Scalar{Kind: scenario.KindBool, Text: string(raw)}, nil
	case raw[0] == 'n':
		return scenario.Scalar{Kind: scenario.KindNull}, nil
	}
	return scenario.Scalar{Kind: scenario.KindNumber, Text: string(raw)}, nil
}

// scalarTable returns the node of a table of constants in which a row is drawn; the
// picker comes later.
func scalarTable(scalars []scenario.Scalar) *node {
	nodes := make([]*node, len(scalars))
	for i, s := range scalars {
		nodes[i] = constant(s)
	}
	return &node{kind: kindList, items: nodes}
}
