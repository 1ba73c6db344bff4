package scenario

import "maps"

// obj is a JSON object of a schema.
type obj = map[string]any

func ref(name string) obj { return obj{"$ref": "#/$defs/" + name} }

func shareSchema() obj {
	return obj{"examples": []any{"5%"}, "anyOf": []any{
		obj{"type": "number", "minimum": 0, "maximum": 1},
		obj{"type": "string", "pattern": `^((100(\.0+)?|\d{1,2}(\.\d{1,9})?) ?%|0(\.\d{1,9})?|1(\.0+)?)$`},
	}}
}

func durationSchema() obj {
	return obj{"examples": []any{"10s"}, "anyOf": []any{
		obj{"type": "string", "pattern": `^(0|` + durationPattern + `)$`}, obj{"const": 0}}}
}

// durationPattern matches a duration as package when reads it.
const durationPattern = `(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d|w))+`

func rateSchema() obj {
	return obj{"type": "string", "pattern": `^(max|` + durationPattern + `|\d+(\.\d{1,9})?(e\d{1,2})?/[smhd])$`, "examples": []any{"500/s", "max"}}
}

func pairOf(item obj) obj {
	return obj{"type": "array", "items": item, "minItems": 2, "maxItems": 2}
}

// described returns the schema of a key's value with its description.
func (a attr) described() obj {
	s := maps.Clone(a.schema)
	s["description"] = a.about
	return s
}

// mappingSchema returns the schema of a mapping that only has these keys.
func mappingSchema(table []attr) obj {
	properties := obj{}
	var required []string
	for _, a := range table {
		properties[a.name] = a.described()
		if a.required {
			required = append(required, a.name)
		}
	}
	s := obj{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// atLeastOne requires one of the keys of a mapping.
func atLeastOne(s obj) obj {
	s["minProperties"] = 1
	return s
}

// oneKey requires exactly one of these keys of a mapping.
func oneKey(s obj, names ...string) obj {
	var one []any
	for _, name := range names {
		one = append(one, obj{"required": []any{name}})
	}
	s["oneOf"] = one
	return s
}
