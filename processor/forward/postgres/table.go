package postgres

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/processor/forward/column"
	"inv/processor/forward/compose"
)

// table is a table of a sink: its columns, how rows are made of records, and its SQL. It is
// immutable.
type table struct {
	name    string // as declared
	schema  string // "" if search_path decides
	quoted  string
	upsert  bool
	columns []tableColumn
	place   int // index of _topic, which _partition and _offset follow
	key     int // of an upsert table
	newest  int // -1: the later record stays
	row     *compose.Row
	sql     tableSQL
}

// tableColumn is a column of a table.
type tableColumn struct {
	name   string
	sql    string // type, as format_type writes it
	source source
	value  int                  // of the row's values, with source declaredValue
	typ    *scenario.SinkColumn // name and type of a declared value
}

// source is what a column is made of.
type source uint8

const (
	declaredValue source = iota
	recordTopic
	recordPartition
	recordOffset
	recordTime
	recordKey
	recordValue
)

// Names of the columns of a key and of newest that are expressions.
const (
	keyName    = "_by"
	newestName = "_newest"
)

var placeColumns = []tableColumn{
	{name: "_topic", sql: "text", source: recordTopic},
	{name: "_partition", sql: "integer", source: recordPartition},
	{name: "_offset", sql: "bigint", source: recordOffset},
}

var wholeColumns = []tableColumn{
	{name: "_time", sql: "timestamp with time zone", source: recordTime},
	{name: "_key", sql: "text", source: recordKey},
	{name: "value", sql: "jsonb", source: recordValue},
}

// newTable returns a table as it is declared.
func newTable(d *scenario.Table) (*table, error) {
	t := &table{name: d.Name, upsert: d.Upsert, key: -1, newest: -1}
	schema, bare, ok := strings.Cut(d.Name, ".")
	if !ok {
		schema, bare = "", d.Name
	}
	t.schema, t.quoted = schema, quoteName(bare)
	if schema != "" {
		t.quoted = quoteName(schema) + "." + t.quoted
	}
	var err error
	if t.row, err = t.addColumns(d); err != nil {
		return nil, fmt.Errorf("table %s: %w", d.Name, err)
	}
	seen := map[string]bool{}
	for _, c := range t.columns {
		if seen[c.name] {
			return nil, fmt.Errorf("table %s has two columns %s", d.Name, c.name)
		}
		seen[c.name] = true
	}
	t.sql = t.statements()
	return t, nil
}

// addColumns sets the columns and returns the selectors of the declared values.
func (t *table) addColumns(d *scenario.Table) (*compose.Row, error) {
	declared := slices.Clone(d.Columns)
	columnOf := func(s *scenario.Selector, name, typ string) string {
		for i := range declared {
			if sameSelector(&declared[i].From, s) {
				return declared[i].Name
			}
		}
		if s.JQ == nil {
			name = strings.Join(s.Path, "_")
		}
		declared = slices.Insert(declared, 0, scenario.SinkColumn{Name: name, Pos: s.Pos, Type: typ, From: *s})
		return name
	}
	var key, newest string
	if d.Upsert && d.Newest != nil {
		newest = columnOf(d.Newest, newestName, "int")
	}
	if d.Upsert {
		key = columnOf(d.Key, keyName, "text")
	}
	selectors := make([]scenario.Selector, 0, len(declared))
	var front, rest []tableColumn
	for i := range declared {
		c := &declared[i]
		selectors = append(selectors, c.From)
		made := tableColumn{name: c.Name, sql: sqlType(c), value: i, typ: c}
		switch {
		case d.Upsert && c.Name == key:
			front = slices.Insert(front, 0, made)
		case d.Upsert && d.Newest != nil && c.Name == newest:
			front = append(front, made)
		default:
			rest = append(rest, made)
		}
	}
	if len(d.Columns) == 0 {
		rest = append(rest, wholeColumns...)
	}
	t.place = len(front)
	t.columns = slices.Concat(front, placeColumns, rest)
	if d.Upsert {
		t.key = 0
		if d.Newest != nil {
			t.newest = slices.IndexFunc(t.columns, func(c tableColumn) bool { return c.name == newest })
		}
	}
	return compose.NewRow(selectors)
}

func sameSelector(a, b *scenario.Selector) bool {
	if a.JQ != nil || b.JQ != nil {
		return a.JQ != nil && b.JQ != nil && a.JQ.Source == b.JQ.Source
	}
	return slices.Equal(a.Path, b.Path)
}

// sqlType returns the type of a declared column, as format_type writes it.
func sqlType(c *scenario.SinkColumn) string {
	switch c.Type {
	case "int":
		return "bigint"
	case "float":
		return "double precision"
	case "bool":
		return "boolean"
	case "decimal":
		return fmt.Sprintf("numeric(%d,%d)", c.Total, c.Scale)
	case "time_ms":
		return "timestamp with time zone"
	case "json":
		return "jsonb"
	}
	return "text"
}

// typeName returns the type of a column for an error, as the scenario has it if it does.
func (c *tableColumn) typeName() string {
	if c.typ != nil {
		return column.TypeName(c.typ)
	}
	return c.sql
}

// same reports whether two tables of one name mean the same.
func (t *table) same(o *table) bool {
	return t.upsert == o.upsert && t.sql == o.sql && slices.EqualFunc(t.columns, o.columns, func(a, b tableColumn) bool {
		return a.name == b.name && a.source == b.source && (a.typ == nil || sameSelector(&a.typ.From, &b.typ.From))
	})
}

// stageName returns a name that differs for other columns, since a pooler may give several
// sinks the same session.
func (t *table) stageName() string {
	h := fnv.New64a()
	for _, c := range t.columns {
		fmt.Fprintf(h, "%s,", c.sql)
	}
	fmt.Fprint(h, t.upsert)
	return fmt.Sprintf("inv_stage_%016x", h.Sum64())
}
