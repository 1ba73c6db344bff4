package scenario

// JSONSchema is the grammar as a JSON Schema (draft 2020-12), made from the
// tables that the parser reads by, so that an editor completes what the parser
// takes. It can't say what names refer to.
func JSONSchema() map[string]any {
	s := mappingSchema(scenarioTable())
	s["required"] = []any{"scenario"}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "inv scenario"
	s["$defs"] = obj{
		"scalar":    obj{"type": []any{"string", "number", "boolean", "null"}},
		"topic":     mappingSchema(topicTable()),
		"view":      mappingSchema(viewTable()),
		"producer":  producerSchema(),
		"fields":    obj{"type": "object", "propertyNames": obj{"pattern": fieldName}, "additionalProperties": ref("generator")},
		"generator": generatorSchema(),
		"key":       keyGeneratorSchema(),
	}
	return s
}

// fieldName is what a field may be called.
const fieldName = `^[^. {}]+$`

func producerSchema() obj {
	s := mappingSchema(producerTable())
	s["oneOf"] = []any{
		obj{"required": []any{"value"}}, obj{"required": []any{"rows"}},
		obj{"required": []any{"read"}, "properties": obj{"read": obj{"const": true}}},
	}
	return s
}

func generatorSchema() obj {
	choices := []any{ref("scalar"), obj{"type": "array", "items": ref("generator")}}
	for _, g := range generators() {
		choices = append(choices, oneGenerator(g))
	}
	return obj{"anyOf": choices}
}

// keyGeneratorSchema is a generator that may also say how it is encoded.
func keyGeneratorSchema() obj {
	var choices []any
	for _, g := range generators() {
		g.modifiers = append(g.modifiers[:len(g.modifiers):len(g.modifiers)], keyAttr())
		choices = append(choices, oneGenerator(g))
	}
	return obj{"anyOf": choices}
}

func oneGenerator(g generator) obj {
	table := append([]attr{must(g.arg)}, g.modifiers...)
	s := mappingSchema(append(table, commonAttrs()...))
	s["description"] = g.about + ", such as " + g.example
	if g.arg.name == "list" {
		s["anyOf"] = []any{obj{"required": []any{"of"}}, obj{"required": []any{"each"}}}
	}
	return s
}
