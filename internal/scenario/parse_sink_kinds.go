package scenario

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

func httpTable() []attr {
	method := func(key string) attr {
		return attr{name: key, about: "the URL; the method is " + strings.ToUpper(key), schema: obj{"type": "string", "minLength": 1}, read: func(d *Decoder, n *yaml.Node, t any) {
			h := t.(*HTTPSink)
			if h.Method != "" {
				d.Problem(n, "http has `%s:` and `%s:`; leave out one of them", strings.ToLower(h.Method), key)
			}
			h.Method, h.URL = strings.ToUpper(key), d.sinkText(n, key, true)
		}}
	}
	return []attr{
		method("post"), method("put"), method("patch"),
		namedAttr("headers", "headers of the request, by name", func(h *HTTPSink) *[]NamedBody { return &h.Headers }),
		selectorAttr("idempotency_key", "a field, or {jq: …}: the value of the header Idempotency-Key", func(h *HTTPSink) **Selector { return &h.IdempotencyKey }),
		optionalTextAttr("sign", "secrets of Standard Webhooks, whsec_…, separated by blanks: the request is signed with each", false, func(h *HTTPSink) **SinkText { return &h.Sign }),
		optionalTextAttr("basic", "USER:PASSWORD of basic authentication", false, func(h *HTTPSink) **SinkText { return &h.Basic }),
		optionalTextAttr("bearer", "a bearer token", false, func(h *HTTPSink) **SinkText { return &h.Bearer }),
		optionalTextAttr("ca", "a file with the certificates (PEM) that the server's is checked with; by default the system's", false, func(h *HTTPSink) **SinkText { return &h.CA }),
		valueAttr("body", "the request's body, sent as JSON: texts with placeholders, {jq: …}, mappings and lists of them; by default the record's value", ref("sink-body"),
			func(h *HTTPSink) **Body { return &h.Body }, optional((*Decoder).body)),
		namedAttr("form", "in place of a body: the fields of a form", func(h *HTTPSink) *[]NamedBody { return &h.Form }),
		limitAttr("how many requests are sent at most: COUNT/s, COUNT/m or COUNT/h", func(h *HTTPSink) *Limit { return &h.Limit }),
	}
}

func httpSchema() obj { return oneKey(mappingSchema(httpTable()), "post", "put", "patch") }

func (d *Decoder) http(n *yaml.Node, what string) *HTTPSink {
	h := &HTTPSink{Pos: positionOf(n)}
	before := len(d.Problems)
	d.mapping(n, what, httpTable(), h)
	if len(d.Problems) == before {
		if h.Method == "" {
			d.Problem(n, "http needs `post:`, `put:` or `patch:`, the URL")
		}
		d.checkHTTP(h)
	}
	return h
}

func limitAttr[T any](about string, at func(*T) *Limit) attr {
	return valueAttr("limit", about, obj{"type": "string", "pattern": `^[1-9]\d{0,6}/[smh]$`, "examples": []any{"20/s"}}, at, (*Decoder).limit)
}

var limitForm = regexp.MustCompile(`^(\d{1,9})/([smh])$`)

func (d *Decoder) limit(n *yaml.Node, what string) Limit {
	text := d.quantity(n, what)
	m := limitForm.FindStringSubmatch(text)
	if text == "" {
		return Limit{}
	}
	if m == nil {
		if near := nearLimit(text); near != "" {
			d.Problem(n, "%s: %q is no limit; did you mean %q?", what, shortened(text), near)
		} else {
			d.Problem(n, "%s: %q is no limit; write COUNT/s, COUNT/m or COUNT/h, such as 20/s", what, shortened(text))
		}
		return Limit{}
	}
	count, _ := strconv.Atoi(m[1])
	if count < 1 || count > maxCount {
		d.Problem(n, "%s: the count must be from 1 to %d, not %d", what, maxCount, count)
		return Limit{}
	}
	return Limit{count, map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[m[2]]}
}

// nearLimit returns the limit that is meant by a rate in other words; "" if it is none.
func nearLimit(text string) string {
	if m := perSecond.FindStringSubmatch(text); m != nil && !strings.Contains(m[1], ".") {
		return m[1] + "/s"
	}
	count, per, slash := strings.Cut(text, "/")
	if !slash {
		count, per = text, "s"
	}
	if near := nearRate(count, per); limitForm.MatchString(near) {
		return near
	}
	return ""
}

func emailTable() []attr {
	return []attr{
		must(sinkTextAttr("server", "smtp://[USER:PASSWORD@]HOST[:PORT], or smtps:// for TLS from the beginning", false, func(e *EmailSink) *SinkText { return &e.Server })),
		optionalTextAttr("ca", "a file with the certificates (PEM) that the server's is checked with; by default the system's", false, func(e *EmailSink) **SinkText { return &e.CA }),
		must(sinkTextAttr("from", "the sender's address", false, func(e *EmailSink) *SinkText { return &e.From })),
		must(attr{name: "to", about: "an address, a list of them, or a mapping of the group's values to them, with `else`", schema: toSchema(), read: readTo}),
		must(sinkTextAttr("subject", "the subject", true, func(e *EmailSink) *SinkText { return &e.Subject })),
		optionalTextAttr("text", "what the mail says before the lines", true, func(e *EmailSink) **SinkText { return &e.Text }),
		optionalTextAttr("line", "is written once for each record", true, func(e *EmailSink) **SinkText { return &e.Line }),
		limitAttr("how many messages are sent at most: COUNT/s, COUNT/m or COUNT/h", func(e *EmailSink) *Limit { return &e.Limit }),
	}
}

func (d *Decoder) email(n *yaml.Node, what string) *EmailSink {
	e := &EmailSink{Pos: positionOf(n)}
	before := len(d.Problems)
	d.mapping(n, what, emailTable(), e)
	if len(d.Problems) == before {
		d.checkEmail(e)
	}
	return e
}

func toSchema() obj {
	addresses := obj{"anyOf": []any{obj{"type": "string", "minLength": 1}, obj{"type": "array", "maxItems": maxAddresses, "items": obj{"type": "string", "minLength": 1}}}}
	return obj{"if": obj{"type": "object"},
		"then": obj{"maxProperties": maxGroups, "required": []any{otherwise}, "additionalProperties": addresses},
		"else": obj{"anyOf": []any{obj{"type": "string", "minLength": 1}, obj{"type": "array", "minItems": 1, "maxItems": maxAddresses, "items": obj{"type": "string", "minLength": 1}}}},
	}
}

// otherwise is the key of what holds for all that no other key names.
const otherwise = "else"

func readTo(d *Decoder, n *yaml.Node, target any) {
	e := target.(*EmailSink)
	if n.Kind != yaml.MappingNode {
		if e.To = d.addresses(n, "to"); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.Problem(n, "to is empty; mail needs an address")
		}
		return
	}
	hasElse := false
	before := len(d.Problems)
	e.ToBy = []Addresses{}
	entriesUpTo(d, n, "to", maxGroups, func(key, value *yaml.Node) struct{} {
		of := d.addresses(value, "to "+strconv.Quote(key.Value))
		if key.Value == otherwise {
			hasElse, e.To = true, of
		} else {
			e.ToBy = append(e.ToBy, Addresses{key.Value, positionOf(key), of})
		}
		return struct{}{}
	})
	if !hasElse && len(d.Problems) == before {
		d.Problem(n, "to needs `else:`, the address for all other values of the group; else: [] sends them to nobody")
	}
}

// addresses reads an address or a list of them.
func (d *Decoder) addresses(n *yaml.Node, what string) (out []SinkText) {
	if n.Kind == yaml.SequenceNode {
		d.upTo(n, what, maxAddresses, func(item *yaml.Node) { out = append(out, d.sinkText(item, "an element of "+what, true)) })
		return out
	}
	return []SinkText{d.sinkText(n, what, true)}
}

func filesTable() []attr {
	return []attr{
		must(sinkTextAttr("folder", "where the files are, in a folder for each topic", false, func(f *FilesSink) *SinkText { return &f.Folder })),
		must(choiceAttr("format", "parquet, jsonl or csv", func(f *FilesSink) *string { return &f.Format }, "parquet", "jsonl", "csv")),
		boolAttr("zstd", "the files are compressed; parquet always is", func(f *FilesSink) *bool { return &f.Zstd }),
		{name: "roll", about: "when a file is complete and the next one begins", schema: mappingSchema(rollTable()),
			read: func(d *Decoder, n *yaml.Node, t any) { d.mapping(n, "roll", rollTable(), t) }},
		columnsAttr(func(f *FilesSink) *[]SinkColumn { return &f.Columns }),
	}
}

func rollTable() []attr {
	return []attr{
		intAttr("rows", "it has so many rows; 1000000 by default", 1, maxRows, func(f *FilesSink) *int { return &f.Rows }),
		withinAttr("after", "so long after its first row; 5m by default", minAfter, maxAfter, func(f *FilesSink) *time.Duration { return &f.After }),
	}
}

func (d *Decoder) files(n *yaml.Node, what string) *FilesSink {
	f := &FilesSink{Pos: positionOf(n), Rows: DefaultRows, After: DefaultAfter}
	d.mapping(n, what, filesTable(), f)
	if f.Format == "parquet" && !f.Zstd && hasKey(n, "zstd") {
		d.Problem(valueOf(n, "zstd"), "zstd: Parquet files are always compressed; leave out `zstd:`")
	}
	return f
}

func postgresTable() []attr {
	return []attr{
		must(sinkTextAttr("url", "postgres://USER:PASSWORD@HOST[:PORT]/DATABASE", false, func(p *PostgresSink) *SinkText { return &p.URL })),
		must(attr{name: "tables", about: "the table of each topic, by alias, or under `else`", schema: obj{"type": "object", "minProperties": 1, "maxProperties": maxInputs + 1, "additionalProperties": tableSchema()}, read: readTables}),
	}
}

func (d *Decoder) postgres(n *yaml.Node, what string) *PostgresSink {
	p := &PostgresSink{Pos: positionOf(n)}
	before := len(d.Problems)
	d.mapping(n, what, postgresTable(), p)
	if len(d.Problems) == before {
		d.checkPostgres(p)
	}
	return p
}

func readTables(d *Decoder, n *yaml.Node, target any) {
	p := target.(*PostgresSink)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.Problem(n, "tables is empty; write ALIAS: {append: TABLE}, or else: {append: TABLE} for all topics")
	}
	entriesUpTo(d, n, "tables", maxInputs+1, func(key, value *yaml.Node) struct{} {
		t := d.sinkTableOf(key, value)
		if key.Value == otherwise {
			p.Else = &t
		} else {
			p.Tables = append(p.Tables, t)
		}
		return struct{}{}
	})
}

func tableTable() []attr {
	named := func(key, about string, upsert bool) attr {
		return attr{name: key, about: about, schema: obj{"type": "string", "pattern": tablePattern}, read: func(d *Decoder, n *yaml.Node, target any) {
			t := target.(*Table)
			if t.Name != "" {
				d.Problem(n, "a table has `append:` or `upsert:`, not both")
			}
			t.Name, t.Upsert = d.tableName(n, key), upsert
		}}
	}
	return []attr{
		named("append", "[SCHEMA.]NAME of the table: each record is a row", false),
		named("upsert", "[SCHEMA.]NAME of the table: each key is a row, the newest record's", true),
		selectorAttr("key", "with upsert: a field, or {jq: …}, the row's key", func(t *Table) **Selector { return &t.Key }),
		selectorAttr("newest", "with upsert: a field, or {jq: …}; the record with its greatest value stays, by default the last one", func(t *Table) **Selector { return &t.Newest }),
		columnsAttr(func(t *Table) *[]SinkColumn { return &t.Columns }),
	}
}

func tableSchema() obj { return oneKey(mappingSchema(tableTable()), "append", "upsert") }

// tablePattern matches [SCHEMA.]NAME.
const tablePattern = `^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`

var tableForm = regexp.MustCompile(tablePattern)

func (d *Decoder) tableName(n *yaml.Node, what string) string {
	name := d.String(n, what)
	switch {
	case name == "":
	case !tableForm.MatchString(name):
		d.Problem(n, "%s: %q is no name of a table; it is [SCHEMA.]NAME of letters, digits and _, begins with no digit, and each has at most %d characters", what, shortened(name), maxIdentifier)
	case name[strings.LastIndexByte(name, '.')+1:] == positionsTable:
		d.Problem(n, "%s: %s is where inv keeps its positions; take another table", what, positionsTable)
	}
	return name
}

// positionsTable is the table in which a database has what it has got.
const positionsTable = "inv_positions"

func (d *Decoder) sinkTableOf(key, n *yaml.Node) Table {
	t := Table{Alias: key.Value, Pos: positionOf(key)}
	what := "table " + strconv.Quote(key.Value)
	if key.Value == otherwise {
		t.Alias, what = "", "table else"
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		d.Problem(n, "%s must be a mapping, not %s; write {append: %s}", what, d.kindOf(n), shortened(n.Value))
		return t
	}
	before := len(d.Problems)
	d.mapping(n, what, tableTable(), &t)
	switch {
	case len(d.Problems) > before:
	case t.Name == "":
		d.Problem(n, "%s needs `append:` or `upsert:`, the table's name", what)
	case t.Upsert && t.Key == nil:
		d.Problem(n, "%s needs `key:`, the row's key", what)
	case !t.Upsert && t.Key != nil:
		d.ProblemAt(t.Key.Pos, "%s: `key:` is for `upsert:`; with `append:` each record is a row", what)
	case !t.Upsert && t.Newest != nil:
		d.ProblemAt(t.Newest.Pos, "%s: `newest:` is for `upsert:`; with `append:` each record is a row", what)
	}
	return t
}
