package scenario

import "slices"

// JSONSchema returns the grammar as a JSON Schema (draft 2020-12), generated from the
// parser's tables, so that editors complete what the parser accepts. It can't resolve
// names.
func JSONSchema() map[string]any {
	s := mappingSchema(scenarioTable())
	s["required"] = []any{"scenario"}
	s["patternProperties"] = obj{"^" + extension: obj{"description": "anything; a place for anchors, whose mappings others merge with <<"}}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "inv scenario"
	defs := obj{
		"scalar":    obj{"type": []any{"string", "number", "boolean", "null"}},
		"setting":   obj{"type": []any{"string", "number", "boolean"}},
		"topic":     titled("topic", mappingSchema(topicTable())),
		"view":      titled("view", mappingSchema(viewTable())),
		"producer":  titled("producer", producerSchema()),
		"fields":    obj{"type": "object", "propertyNames": obj{"pattern": fieldName}, "additionalProperties": ref("generator")},
		"generator": generatorSchema(),
		"key":       keyGeneratorSchema(),
		"topology":  titled("topology", mappingSchema(topologyTable())),
		"sink":      titled("sink", sinkSchema()),
		"sink-body": bodySchema(),
		"jq":        jqSchema(),
		"jq-fields": memberSchema(),
	}
	for _, a := range commonAttrs() {
		defs[a.name] = a.described()
	}
	s["$defs"] = defs
	return s
}

// titled sets a schema's title, which editors show.
func titled(title string, s obj) obj {
	s["title"] = title
	return s
}

func producerSchema() obj {
	s := mappingSchema(producerTable())
	s["oneOf"] = []any{
		obj{"required": []any{"value"}}, obj{"required": []any{"rows"}},
		obj{"required": []any{"read"}, "properties": obj{"read": obj{"const": true}}},
	}
	return s
}

// generatorSchema accepts a plain value, a list or a mapping. The generator of a
// mapping decides its other keys, as a chain of `if` and `else`. With anyOf, an editor
// would complete every key of every generator, some thirty times, and report of a
// wrong key only that the value is no text.
func generatorSchema() obj {
	return obj{
		"if":   obj{"type": "array"},
		"then": obj{"items": ref("generator")},
		"else": choose(nil),
		// All types: without any, editors guess one to complete.
		"type": []any{"string", "number", "boolean", "null", "array", "object"},
	}
}

// keyGeneratorSchema returns the schema of a generator with an encoding.
func keyGeneratorSchema() obj {
	s := choose([]attr{keyAttr()})
	s["type"] = "object"
	return s
}

// choose returns the schema of a mapping that is one of the generators, with further
// modifiers.
func choose(more []attr) obj {
	all := generators()
	names := obj{}
	for _, g := range all {
		names[g.arg.name] = g.key().described()
	}
	// If it is none of them, editors complete their names.
	s := obj{"properties": names, "additionalProperties": false, "minProperties": 1}
	for _, g := range slices.Backward(all) {
		s = obj{
			"if":   obj{"type": "object", "required": []any{g.arg.name}},
			"then": oneGenerator(g, more),
			"else": s,
		}
	}
	return s
}

func oneGenerator(g generator, more []attr) obj {
	s := titled(g.arg.name, mappingSchema(slices.Concat([]attr{must(g.key())}, g.modifiers, more)))
	properties := s["properties"].(obj)
	for _, a := range commonAttrs() {
		if !g.has(a.name) {
			properties[a.name] = ref(a.name)
		}
	}
	if g.arg.name == "list" {
		s["anyOf"] = []any{obj{"required": []any{"of"}}, obj{"required": []any{"each"}}}
	}
	return s
}

// key returns the key that names the generator, with the generator's description.
func (g generator) key() attr {
	a := g.arg
	a.about = g.about + ": " + g.example + "\n\n" + a.about
	return a
}
