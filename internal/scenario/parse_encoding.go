package scenario

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The formats of topics with schemas.
const (
	avroFormat       = "avro"
	protobufFormat   = "protobuf"
	jsonSchemaFormat = "json_schema"
)

func formatNames() []string { return []string{avroFormat, protobufFormat, jsonSchemaFormat} }

// compatibilities returns the levels of a registry, in its words.
func compatibilities(letters func(string) string) []string {
	return strings.Fields(letters("backward backward_transitive forward forward_transitive full full_transitive none"))
}

// encodingAttrs returns the keys of a topic that say how its records are encoded.
func encodingAttrs() []attr {
	read := func(names ...string) func(*Decoder, *yaml.Node, string) Encoding {
		return func(d *Decoder, n *yaml.Node, what string) Encoding { return d.encoding(n, what, names) }
	}
	return []attr{
		valueAttr("format", "json (the default), avro, protobuf or json_schema, whose schema is derived from the fields; or the schema's file, such as {avro: order.avsc}", encodingSchema(append([]string{"json"}, formatNames()...)),
			func(t *Topic) *Encoding { return &t.Format }, read(append([]string{"json"}, formatNames()...)...)),
		valueAttr("key_format", "the format of keys, likewise; without it they are bytes", encodingSchema(formatNames()),
			func(t *Topic) *Encoding { return &t.KeyFormat }, read(formatNames()...)),
		{name: "schemas", about: "how the schemas are registered", schema: mappingSchema(schemasTable()),
			read: func(d *Decoder, n *yaml.Node, t any) {
				s := &t.(*Topic).Schemas
				s.Pos = positionOf(n)
				d.mapping(n, "schemas", schemasTable(), s)
			}},
		valueAttr("upgrades", "jq expressions by event type, such as inventory.order.v2: each makes the value of the known version from that of this one", obj{"type": "object", "minProperties": 1, "additionalProperties": ref("jq")},
			func(t *Topic) *[]Upgrade { return &t.Upgrades }, (*Decoder).upgrades),
	}
}

// fileTable returns the keys of a format with a file.
func fileTable() []attr {
	return []attr{
		textAttr(avroFormat, "the file of an Avro schema, beside the scenario's", func(e *Encoding) *string { return &e.File }),
		textAttr(protobufFormat, "the file of a Protobuf schema", func(e *Encoding) *string { return &e.File }),
		textAttr(jsonSchemaFormat, "the file of a JSON Schema", func(e *Encoding) *string { return &e.File }),
		textAttr("message", "of Protobuf: the message's full name, such as shop.Order; the file's first by default", func(e *Encoding) *string { return &e.Message }),
	}
}

func encodingSchema(names []string) obj {
	file := oneKey(mappingSchema(fileTable()), formatNames()...)
	return obj{"anyOf": []any{obj{"enum": names}, file}}
}

// schemasTable returns the keys of `schemas:`.
func schemasTable() []attr {
	return []attr{
		choiceAttr("subject", "topic (the default): TOPIC-value and TOPIC-key; record: the schema's full name; topic-record: TOPIC-NAME", func(s *Schemas) *string { return &s.Subject }, "topic", "record", "topic-record"),
		choiceAttr("ids", "where a record has its schema's ID: value (the default), before the payload, or header", func(s *Schemas) *string { return &s.IDs }, "value", "header"),
		boolAttr("register", "register schemas that the registry doesn't have; true by default", func(s *Schemas) *bool { return &s.Register }),
		valueAttr("compatibility", "the compatibility of subjects that inv creates, such as backward or full_transitive; by default the registry's", obj{"enum": append(compatibilities(strings.ToUpper), compatibilities(strings.ToLower)...)},
			func(s *Schemas) *string { return &s.Compatibility }, (*Decoder).compatibility),
	}
}

// compatibility reads a level in lower case, as in this grammar, or in upper case, as
// registries write it.
func (d *Decoder) compatibility(n *yaml.Node, what string) string {
	if slices.Contains(compatibilities(strings.ToUpper), n.Value) {
		return strings.ToLower(n.Value)
	}
	return d.choice(n, what, compatibilities(strings.ToLower)...)
}

// encoding reads a format: its name, or a mapping with the schema's file.
func (d *Decoder) encoding(n *yaml.Node, what string, names []string) Encoding {
	e := Encoding{Pos: positionOf(n)}
	if n.Kind != yaml.MappingNode {
		if form := formOfFile(n); form != "" {
			d.Problem(n, "%s: %s is a file; write {%s: %s}", what, n.Value, form, n.Value)
			return Encoding{}
		}
		if e.Name = d.choice(n, what, names...); e.Name == "json" {
			e.Name = ""
		}
		return e
	}
	n = d.merged(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		switch {
		case !slices.Contains(formatNames(), key):
		case e.Name != "" && e.Name != key:
			d.Problem(n.Content[i], "%s has `%s:` and `%s:`; it takes one", what, e.Name, key)
			return Encoding{}
		default:
			e.Name = key
		}
	}
	before := d.own()
	d.mapping(n, what, fileTable(), &e)
	switch {
	case d.own() > before:
		return Encoding{}
	case e.Name == "":
		d.Problem(n, "%s needs `avro:`, `protobuf:` or `json_schema:`, the schema's file", what)
	case e.Message != "" && e.Name != protobufFormat:
		d.Problem(valueOf(n, "message"), "%s: `message:` is for Protobuf, whose files have several", what)
	case e.Message != "" && !protobufName.MatchString(e.Message):
		d.Problem(valueOf(n, "message"), "%s: %q is no name of a message, such as shop.Order", what, e.Message)
	default:
		if problem := schemaPath(e.File); problem != "" {
			d.Problem(valueOf(n, e.Name), "%s: %s", what, problem)
			return Encoding{}
		}
	}
	return e
}

var protobufName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// formOfFile returns the form of schemas that a text, if it is a file's name, has.
func formOfFile(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	for extension, form := range map[string]string{".avsc": avroFormat, ".proto": protobufFormat, ".json": jsonSchemaFormat} {
		if strings.HasSuffix(n.Value, extension) {
			return form
		}
	}
	return ""
}

// schemaPath returns what is wrong with the path of a schema's file; "" for nothing.
func schemaPath(path string) string {
	switch {
	case path == "":
		return "the file has no name"
	case strings.ContainsRune(path, '\\'):
		return strconv.Quote(path) + " has a backslash; folders are separated by /"
	case !filepath.IsLocal(filepath.FromSlash(path)):
		return strconv.Quote(path) + " is not in the scenario's folder; copy the file there"
	}
	return ""
}

// upgrades reads expressions by event type.
func (d *Decoder) upgrades(n *yaml.Node, what string) []Upgrade {
	return entries(d, n, what, func(key, value *yaml.Node) Upgrade {
		if !versioned.MatchString(key.Value) {
			d.Problem(key, "upgrades: %q is no event type with a version, such as inventory.order.v2", key.Value)
		}
		return Upgrade{Type: key.Value, With: *d.jq(value, key.Value), Pos: positionOf(key)}
	})
}

var versioned = regexp.MustCompile(`^.+\.v[1-9][0-9]{0,8}$`)

// defaultOf reads the default of a field.
func (d *Decoder) defaultOf(n *yaml.Node, g *Gen) {
	e := g.evolved(n)
	e.Default = string(d.json(n))
}

// aliasesOf reads a field's earlier names.
func (d *Decoder) aliasesOf(n *yaml.Node, g *Gen) {
	e := g.evolved(n)
	if n.Kind == yaml.ScalarNode {
		e.Aliases = []string{d.String(n, "alias")}
		return
	}
	if e.Aliases = d.Strings(n, "alias"); n.Kind == yaml.SequenceNode && len(e.Aliases) == 0 {
		d.Problem(n, "alias has no name")
	}
}

func (g *Gen) evolved(n *yaml.Node) *Evolved {
	if g.Evolved == nil {
		g.Evolved = &Evolved{Pos: positionOf(n)}
	}
	return g.Evolved
}

// evolution checks that only a field that is written has a default and aliases. The default
// of a copy is also that of its field.
func (d *Decoder) evolution(g *Gen, isField bool) {
	if c, ok := g.Spec.(*Copy); ok && isField && c.Default != nil {
		if l, ok := c.Default.Spec.(*Literal); ok && l.Value.Kind != KindNull {
			if g.Evolved == nil {
				g.Evolved = &Evolved{Pos: c.Default.Pos}
			}
			g.Evolved.Default = l.Value.JSON()
		}
	}
	switch {
	case g.Evolved == nil:
	case !isField:
		d.ProblemAt(g.Evolved.Pos, "`default:` and `alias:` are for fields of the value")
	case g.Hidden:
		d.ProblemAt(g.Evolved.Pos, "`default:` and `alias:` have no effect on a field that is hidden")
	}
}

// notEvolved refuses defaults and aliases of headers.
func (d *Decoder) notEvolved(fields []Field) {
	for _, f := range fields {
		if f.Gen.Evolved != nil {
			d.ProblemAt(f.Gen.Evolved.Pos, "`default:` and `alias:` are for fields of the value, and headers have no schema")
		}
	}
}

// checkAliases checks that the earlier names of an object's fields are no other field's.
func (d *Decoder) checkAliases(fields []Field) {
	taken := map[string]string{}
	for _, f := range fields {
		taken[f.Name] = f.Name
	}
	for _, f := range fields {
		if f.Gen == nil || f.Gen.Evolved == nil {
			continue
		}
		for _, alias := range f.Gen.Evolved.Aliases {
			switch of, ok := taken[alias]; {
			case alias == "":
			case !validName(alias):
				d.ProblemAt(f.Gen.Evolved.Pos, "%q is not a valid name of a field: it has no braces or backticks, and is not empty", alias)
			case of == f.Name:
				d.ProblemAt(f.Gen.Evolved.Pos, "alias: %s is the field's own name, or given twice", alias)
			case ok:
				d.ProblemAt(f.Gen.Evolved.Pos, "alias: %s is a name of the field %s already", alias, of)
			default:
				taken[alias] = f.Name
			}
		}
	}
}
