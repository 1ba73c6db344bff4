package scenario

import "time"

// Producer is one producer as in the file: where its records go, how often, and what
// they contain. Package producer resolves names of topics, fields and producers.
type Producer struct {
	Name string
	Pos  Position

	Topic       Name // alias
	Type        string
	Key         *Key
	Rate        *Rate // nil: as fast as it goes for rows, else one a second
	Pace        Pace
	Format      Format
	Value       *Gen // an Object; nil if Rows or Read
	Rows        []*Gen
	More        *Gen // the rows behind Rows, an Object; nil: there are none
	Read        bool // the rows are those of the topic, as it is
	Headers     []Field
	Partition   *Gen
	Partitioner string
	Earlier     Share // of the records, those that update an earlier key
	Tombstones  Share // of the records, those that delete an earlier key
	States      *States
	Causes      []Cause
}

// Name is a word that refers to something elsewhere in the file.
type Name struct {
	Text string
	Pos  Position
}

// Key is a record's key: a field of the value, a generator of its own, or
// (with neither) null. Encoding is how the bytes are written.
type Key struct {
	Pos      Position
	Field    Name
	Gen      *Gen
	Encoding string // "string", "int32" or "int64" (big endian)
}

// Format is how a value is written.
type Format struct {
	Name   string // "json", "xml" or "csv"
	Root   string // xml: the name of the root element
	Header bool   // xml: begin with the XML declaration
}

// Field is one named value of an object.
type Field struct {
	Name string
	Pos  Position
	Gen  *Gen
}

// Gen is a generator: a source of one value a record, and its modifiers. Spec is nil
// if the file is wrong there.
type Gen struct {
	Pos      Position
	Spec     any       // *Int, *Ref, …: one of the types below
	As       *Template // {} in it is the value
	Optional Share     // how often the field is there; 1 by default
	Null     Share     // how often it is null; 0 by default
	In       []Name    // only in these states
	Fresh    bool      // a new value for every state of an entity
	Hidden   bool      // not written, but there for keys, headers, refs and other fields
}

// The generators, one type for each key of the grammar.
type (
	// Literal is always the same.
	Literal struct{ Value Scalar }
	// Sequence numbers the records: {n} from From up, {seed}.
	Sequence struct {
		Text Template
		From int
	}
	// Text is built from other fields by name.
	Text struct {
		Text Template
		Case string // "lower", "upper" or ""
	}
	// Int is uniform over whole numbers; Unique repeats none.
	Int struct {
		Low, High int64
		Unique    bool
	}
	// Decimal is uniform over the numbers with so many decimals.
	Decimal struct {
		Low, High Number
		Decimals  int
	}
	// Normal is normally distributed.
	Normal struct {
		Mean, SD Number
		Shape
	}
	// Exponential is exponentially distributed.
	Exponential struct {
		Mean Number
		Shape
	}
	// Zipf is a rank from 1 to N, whose probability falls as rank^-S.
	Zipf struct {
		N int64
		S Number
	}
	// Bool is true with this probability.
	Bool struct{ Share Share }
	// OneOf is one of some generators, by weight.
	OneOf struct{ Choices []Choice }
	// Fake is a function of gofakeit, called for a pool of values beforehand.
	Fake struct {
		Function Name
		Params   []Param
		Pool     int
	}
	// Time is a point in time: the record's, or one so long before it.
	Time struct {
		Ago    [2]time.Duration
		Format string // "epoch_ms", "epoch_s", "rfc3339" or "date"
	}
	// Date is a day, uniform from Low to High.
	Date struct {
		Low, High time.Time
		Format    string
	}
	// UUID is a random (version 4) UUID.
	UUID struct{}
	// Hex is so many random hexadecimal digits.
	Hex struct{ Digits int }
	// Ref is a field of a row of another producer.
	Ref struct {
		Producer, Field Name
		Skew            *Number
		Weight          *Name
		First           int // among the first so many; 0: all
	}
	// Copy is another field again.
	Copy struct{ Path Name }
	// Sum adds an expression up over the elements of a list.
	Sum struct {
		Expr     *Expr
		Decimals int
	}
	// Calc is an expression of numbers.
	Calc struct {
		Expr     *Expr
		Decimals int
	}
	// Compare is true or false.
	Compare struct{ Expr *Expr }
	// If is one of two generators.
	If struct {
		Expr       *Expr
		Then, Else *Gen
	}
	// Count is the length of a list.
	Count struct{ Path Name }
	// List is a list of Of; Length is a generator of whole numbers.
	List struct{ Length, Of *Gen }
	// Tuple is a list with these elements.
	Tuple struct{ Items []*Gen }
	// Object is an object of fields.
	Object struct{ Fields []Field }
	// State is the name of the entity's state, or how many it had before.
	State struct{ Step bool }
	// Caused is a field of the record that caused this one.
	Caused struct{ Path Name }
	// Drift is a smooth curve over time with noise: a sensor.
	Drift struct {
		Base, Daily, PerDay, Noise Number
		Decimals                   int
		By                         Name // the field whose every value has its own curve
	}
)

// Shape bounds and rounds a distribution.
type Shape struct {
	Min, Max *Number
	Decimals int
}

// Choice is one of several, with its weight.
type Choice struct {
	Gen    *Gen
	Weight float64
}

// Param is one parameter of a gofakeit function.
type Param struct {
	Name  Name
	Value []string
}

// States is a state machine: each entity goes through it once, and each state
// that it enters is a record.
type States struct {
	Pos    Position
	Start  Name
	States []StateSpec
}

// StateSpec is one state: what comes next and when.
type StateSpec struct {
	Name  string
	Pos   Position
	Then  []Next
	After Delay
}

// Next is a possible next state; the shares of a state add up to at most 1, the
// rest ends there.
type Next struct {
	State Name
	Share Share
}

// Delay is how long after: uniform over Range, or exponential with Mean.
type Delay struct {
	Range [2]time.Duration
	Mean  time.Duration
}

// Cause is records of another producer that follow a record of this one.
type Cause struct {
	Producer Name
	Pos      Position
	In       []Name // states; none: each record
	Share    Share
	Count    *Gen // how many; nil: one
	After    Delay
}
