// Package declared compiles and runs the topologies that scenarios declare.
//
// [Compile] checks a topology's expressions and makes a [Program]. A [Router] decides the
// records of its inputs and writes lines; a [Machine] applies the lines of one log
// partition to the state of its keys and gives outputs; a [Mapper] is both for a topology
// without keys. These three are pure: they know no Kafka, clock or file, and what they
// give is a function of what they are given. [Bench] runs a topology in memory with them.
// Stages adapt them to the engine.
//
// What they do, exactly, is written down in docs/dev/declared.md; package
// inspect/verify/declared does it a second time, as simply as possible, for comparison.
package declared

import (
	"inv/internal/event"
)

// Tables are the rows that lines are joined with.
type Tables interface {
	// Row returns the row of a key as JSON text in the form of jsonscan.AppendSafe, nil if
	// the table has none, or one that is not JSON. That it has none must be certain: the table has been read to an end that was asked for after the
	// record was fetched. The row is valid until the next call. An error ends the routing.
	Row(table string, key []byte) ([]byte, error)
}

// Output is a record that a step writes. What it points to is valid until the call that it
// is given to returns.
type Output struct {
	Emit       int // index in the topology's emits
	Key, Value []byte
	ID         []byte // ce_id
	Time       int64  // epoch ms
}

// Takes looks at an output before it is given: it replaces the key and the value by what
// its topic has, which it appends to room and returns. An error, an [*ExpressionError] or a
// refusal, says why the topic does not take it. It must depend on nothing but the output.
type Takes func(o *Output, room []byte) ([]byte, error)

// Refusal is why a record, or a step without one, is dead-lettered.
type Refusal struct {
	Reason  event.Reason
	Message string
}

// Reasons of declared topologies, besides those of package event.
const (
	ReasonExpression event.Reason = "expression"      // an expression failed
	ReasonMissingRow event.Reason = "missing-row"     // a joined table lacks the row
	ReasonLate       event.Reason = "late"            // its time is before what is done with
	ReasonFuture     event.Reason = "future"          // its time is too far ahead of its timestamp
	ReasonState      event.Reason = "state-too-large" // the key's state would be over MaxState
	ReasonTimer                   = event.Timer       // a timer's or window's step failed; there is no record
	ReasonNotXML     event.Reason = "not-xml"
	ReasonNotCSV     event.Reason = "not-csv"
)

// Limits, in bytes.
const (
	MaxState = 64 << 10  // of a key
	MaxLine  = 256 << 10 // of the log
)

// Letter is a dead letter of a [Machine].
type Letter struct {
	Refusal
	// Record is where the input record is; its Topic is "" for a timer.
	Record Origin
	// Value is the line's own copy of the record, for when the original is gone, or the
	// description of a timer's step.
	Key, Value []byte
}

// Origin is where a record came from.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64 // epoch ms
}

// Effects takes what a [Machine] or a [Mapper] gives. What is passed is valid until the
// call returns.
type Effects interface {
	Output(*Output) error
	Letter(*Letter) error
}

// Lines takes what a [Router] gives: the lines of a record, each with its line feed. They
// are valid until the call returns.
type Lines interface {
	Line(key, line []byte) error
}

// Outcome is what became of a record in a [Router] or a [Mapper].
type Outcome int

const (
	Routed  Outcome = iota // it has lines, or outputs
	Dropped                // where, each or a join left nothing of it, or it is a tombstone
	Refused                // see the Refusal
)
