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
	return obj{"anyOf": []any{
		obj{"type": "number", "minimum": 0, "maximum": 1},
		obj{"type": "string", "pattern": `^((100(\.0+)?|\d{1,2}(\.\d{1,9})?) ?%|0(\.\d{1,9})?|1(\.0+)?)$`},
	}}
}

func durationSchema() obj {
	return obj{"type": "string", "pattern": `^(0|` + durationPattern + `)$`}
}

// durationPattern is a time as Go writes it.
const durationPattern = `(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+`

func rateSchema() obj {
	return obj{"type": "string", "pattern": `^(max|` + durationPattern + `|\d+(\.\d{1,9})?/[smh])$`}
}

func pairOf(item obj) obj {
	return obj{"type": "array", "items": item, "minItems": 2, "maxItems": 2}
}

// mappingSchema is the schema of a mapping with these keys and no others.
func mappingSchema(table []attr) obj {
	properties := obj{}
	required := []any{}
	for _, a := range table {
		described := obj{"description": a.about}
		for k, v := range a.schema {
			described[k] = v
		}
		properties[a.name] = described
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
