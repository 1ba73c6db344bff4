package files

import (
	"fmt"

	"inv/internal/scenario"
	"inv/processor/forward/column"
)

// kind is the type of a column.
type kind int

const (
	textField kind = iota
	intField
	partitionField // an int of 32 bits
	floatField
	boolField
	decimalField
	timeField
	jsonField
	valueField // text, and JSON in JSON Lines
)

// field is a column of a file.
type field struct {
	name     string
	kind     kind
	required bool // it has no nulls
	total    int  // digits of a decimal
	scale    int  // of them behind the point
}

// maxDigits is what readers of Parquet take as a decimal.
const maxDigits = 38

var kinds = map[string]kind{
	"text": textField, "int": intField, "float": floatField, "bool": boolField,
	"decimal": decimalField, "time_ms": timeField, "json": jsonField,
}

// placeFields are before those of every sink.
var placeFields = []field{
	{name: "_topic", kind: textField, required: true},
	{name: "_partition", kind: partitionField, required: true},
	{name: "_offset", kind: intField, required: true},
}

// wholeFields are those of a sink that declares none.
var wholeFields = []field{
	{name: "_time", kind: timeField},
	{name: "_key", kind: textField},
	{name: "value", kind: valueField},
}

// compileFields returns the columns of a sink's files.
func compileFields(declared []scenario.SinkColumn) ([]field, error) {
	fields := append([]field(nil), placeFields...)
	if declared == nil {
		return append(fields, wholeFields...), nil
	}
	seen := map[string]bool{}
	for _, c := range fields {
		seen[c.name] = true
	}
	for _, d := range declared {
		k, ok := kinds[d.Type]
		switch {
		case !ok:
			return nil, fmt.Errorf("column %s: type %q is unknown", d.Name, d.Type)
		case seen[d.Name]:
			return nil, fmt.Errorf("column %s is there twice", d.Name)
		case k == decimalField && (d.Total < 1 || d.Total > maxDigits || d.Scale < 0 || d.Scale > d.Total):
			return nil, fmt.Errorf("column %s: a decimal in files has 1 to %d digits", d.Name, maxDigits)
		}
		seen[d.Name] = true
		c := field{name: d.Name, kind: k}
		if k == decimalField {
			c.total, c.scale = d.Total, d.Scale
		}
		fields = append(fields, c)
	}
	return fields, nil
}

// typeName is a column's type as in a scenario.
func (f *field) typeName() string {
	for name, k := range kinds {
		if k == f.kind {
			return column.TypeName(&scenario.SinkColumn{Type: name, Total: f.total, Scale: f.scale})
		}
	}
	if f.kind == partitionField {
		return "int"
	}
	return "text"
}
