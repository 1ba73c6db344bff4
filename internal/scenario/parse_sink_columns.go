package scenario

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// columnTypes are the types that have no digits.
var columnTypes = []string{"text", "int", "float", "bool", "time_ms", "json"}

const (
	columnNamePattern = `^[A-Za-z][A-Za-z0-9_]{0,62}$`
	columnTypePattern = `^(text|int|float|bool|time_ms|json|decimal\( ?\d{1,2} ?, ?\d{1,2} ?\))$`
)

var (
	columnName  = regexp.MustCompile(columnNamePattern)
	decimalForm = regexp.MustCompile(`^decimal\( ?(\d{1,2}) ?, ?(\d{1,2}) ?\)$`)
)

func columnsAttr[T any](at func(*T) *[]SinkColumn) attr {
	of := obj{"if": obj{"type": "object"}, "then": mappingSchema(sinkColumnTable()), "else": columnTypeSchema()}
	schema := obj{"type": "object", "minProperties": 1, "maxProperties": maxColumns, "propertyNames": obj{"pattern": columnNamePattern}, "additionalProperties": of}
	return valueAttr("columns", "the columns by name, each a type, or {type: …, from: …}; without any the value is one column, `value`, and the key another, `_key`", schema, at, (*Decoder).columns)
}

func columnTypeSchema() obj {
	return obj{"type": "string", "pattern": columnTypePattern, "examples": []any{"text", "int", "float", "bool", "decimal(12,2)", "time_ms", "json"}}
}

func sinkColumnTable() []attr {
	return []attr{
		must(attr{name: "type", about: "text, int (64 bits), float, bool, decimal(P,S), time_ms (epoch milliseconds) or json", schema: columnTypeSchema(),
			read: func(d *Decoder, n *yaml.Node, t any) { d.columnType(n, "type", t.(*SinkColumn)) }}),
		valueAttr("from", "a field, or {jq: …}; by default the field of the column's name", selectorSchema(),
			func(c *SinkColumn) *Selector { return &c.From }, (*Decoder).selector),
	}
}

func (d *Decoder) columns(n *yaml.Node, what string) []SinkColumn {
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.Problem(n, "%s is empty; leave it out to keep the whole value", what)
	}
	seen := map[string]string{}
	return entriesUpTo(d, n, what, maxColumns, func(key, value *yaml.Node) SinkColumn {
		c := d.sinkColumn(key, value)
		folded := strings.ToLower(c.Name)
		if other, ok := seen[folded]; ok {
			d.Problem(key, "%s: %q and %q differ in case only; databases take them for one", what, other, c.Name)
		}
		seen[folded] = c.Name
		return c
	})
}

// cutType matches what a comma without quotes has cut off a type: decimal(12,2).
var cutType = regexp.MustCompile(`^\d+ ?\)$`)

func (d *Decoder) sinkColumn(key, n *yaml.Node) SinkColumn {
	c := SinkColumn{Name: key.Value, Pos: positionOf(key), From: Selector{Pos: positionOf(key), Path: []string{key.Value}}}
	switch {
	case cutType.MatchString(c.Name) && n.Tag == "!!null":
		return c // the type has the problem
	case strings.HasPrefix(c.Name, "_"):
		d.Problem(key, "column %q: names that begin with _ are those of inv's own columns; take another, with `from:`", shortened(c.Name))
	case !columnName.MatchString(c.Name):
		d.Problem(key, "column %q: a name has letters, digits and _, begins with a letter, and has at most %d characters; {type: …, from: …} names the field", shortened(c.Name), maxIdentifier)
	}
	if !d.another(key) {
		return c
	}
	if n.Kind == yaml.MappingNode {
		d.mapping(n, "column "+strconv.Quote(c.Name), sinkColumnTable(), &c)
	} else {
		d.columnType(n, "column "+strconv.Quote(c.Name), &c)
	}
	return c
}

// columnType reads a type with the digits of a decimal.
func (d *Decoder) columnType(n *yaml.Node, what string, c *SinkColumn) {
	text := d.String(n, what)
	if text == "" {
		return
	}
	if m := decimalForm.FindStringSubmatch(text); m != nil {
		c.Type = "decimal"
		c.Total, _ = strconv.Atoi(m[1])
		c.Scale, _ = strconv.Atoi(m[2])
		switch {
		case c.Total < 1 || c.Total > maxDigits:
			d.Problem(n, "%s: a decimal has from 1 to %d digits, not %d", what, maxDigits, c.Total)
		case c.Scale > c.Total:
			d.Problem(n, "%s: of %d digits, %d can't be behind the point; decimal(12,2) has 12 digits, 2 of them behind it", what, c.Total, c.Scale)
		}
		return
	}
	c.Type = "text"
	switch {
	case slices.Contains(columnTypes, text):
		c.Type = text
	case strings.HasPrefix(text, "decimal(") && !strings.HasSuffix(text, ")"):
		d.Problem(n, "%s: a type with a comma is quoted within braces: \"decimal(12,2)\"", what)
	case strings.HasPrefix(text, "decimal"):
		d.Problem(n, "%s: a decimal has its digits, and those behind the point: decimal(12,2), not %q", what, shortened(text))
	default:
		d.Problem(n, "%s: there is no type %q%s", what, shortened(text), typeHint(text))
	}
}

// typeHint returns the type that is meant by that of another language.
func typeHint(text string) string {
	others := map[string]string{
		"string": "text", "varchar": "text", "char": "text", "str": "text", "uuid": "text",
		"integer": "int", "bigint": "int", "int64": "int", "int32": "int", "long": "int", "smallint": "int",
		"double": "float", "real": "float", "float64": "float", "float32": "float", "boolean": "bool",
		"numeric": "decimal(12,2)", "money": "decimal(12,2)", "number": "decimal(12,2)",
		"timestamp": "time_ms", "timestamptz": "time_ms", "datetime": "time_ms", "time": "time_ms", "date": "time_ms",
		"jsonb": "json", "object": "json", "array": "json", "list": "json",
	}
	word, _, _ := strings.Cut(strings.ToLower(text), "(")
	if t := others[strings.TrimSpace(word)]; t != "" {
		return "; did you mean \"" + t + "\"?"
	}
	return suggestion(text, append(slices.Clone(columnTypes), "decimal(12,2)"))
}
