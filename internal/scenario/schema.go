package scenario

// obj is a JSON object of a schema.
type obj = map[string]any

func ref(name string) obj { return obj{"$ref": "#/$defs/" + name} }

func anyOf(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

func shareSchema() obj {
	return obj{"examples": []any{"5%"}, "anyOf": []any{
		obj{"type": "number", "minimum": 0, "maximum": 1},
		obj{"type": "string", "pattern": `^((100(\.0+)?|\d{1,2}(\.\d{1,9})?) ?%|0(\.\d{1,9})?|1(\.0+)?)$`},
	}}
}

func durationSchema() obj {
	return obj{"type": "string", "pattern": `^(0|` + durationPattern + `)$`, "examples": []any{"10s"}}
}

// durationPattern is a time as Go writes it.
const durationPattern = `(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+`

func rateSchema() obj {
	return obj{"type": "string", "pattern": `^(max|` + durationPattern + `|\d+(\.\d{1,9})?/[smh])$`, "examples": []any{"500/s", "max"}}
}

func pairOf(item obj) obj {
	return obj{"type": "array", "items": item, "minItems": 2, "maxItems": 2}
}

// described returns the schema of a key's value with what it means.
func (a attr) described() obj {
	s := obj{"description": a.about}
	for k, v := range a.schema {
		s[k] = v
	}
	return s
}

// mappingSchema returns the schema of a mapping with these keys and no others.
func mappingSchema(table []attr) obj {
	properties := obj{}
	required := []any{}
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
