// Package shape describes the values of a topic as a scenario or a program knows them:
// the types of fields, without a format. From a shape the schema of a topic is derived,
// and a given schema is compared with it, field by field. It is pure.
package shape

import "time"

// Kind is the kind of a type.
type Kind uint8

// The kinds. The JSON of each is what a producer with the format json writes.
const (
	Any     Kind = iota // not known
	Null                // always null
	Bool                // true, false
	Int                 // a whole number from Low to High
	Decimal             // a number with at most Precision digits, Scale of them after the point
	Float               // any other number
	Text                // a string
	Enum                // a string, one of Symbols
	Time                // a whole number of Units since 1970, UTC
	Date                // a string such as "2026-05-01"
	Object              // Fields, in this order
	List                // any number of Elem
	Union               // one of Of
)

// Type is the type of a value.
type Type struct {
	Kind     Kind
	Nullable bool // or null

	Low, High        int64         // of an Int
	Precision, Scale int           // of a Decimal; Scale is from 0 to Precision
	Symbols          []string      // of an Enum, each once
	Unit             time.Duration // of a Time: a second, a millisecond, a microsecond or a nanosecond
	Fields           []Field       // of an Object
	Elem             *Type         // of a List
	Of               []Type        // of a Union, at least two
}

// Field is a field of an object.
type Field struct {
	Name     string
	Type     Type
	Optional bool     // it may be absent
	Aliases  []string // its names in earlier versions
	Default  string   // the JSON of its value where a record doesn't have it; "": none
	About    string   // for the schema's documentation; "": nothing
	Place    Place
}

// Place is where a file defines a field; the zero Place is not in a file.
type Place struct{ Line, Column int }
