package scenario

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Topology is an entry of `topologies:`: one that is part of the program, or one that is
// declared here. docs/topologies.md says what the keys mean, and package declared, in
// processor, compiles and runs it.
type Topology struct {
	Name string
	Pos  Position
	// BuiltIn reports that the program has the topology under this name; then nothing
	// below is set.
	BuiltIn bool
	// Off reports that it runs only when it is named, as in `inv process NAME`.
	Off bool

	About  string
	From   []Input // in the file's order, at least one
	Let    []Let
	Keep   []Aggregate
	Timers []Timer
	Emit   []Emit // in the file's order
	Window *Window
	Until  *JQ // the key is forgotten when it holds

	Time  *JQ            // the event time, epoch ms; nil: the view's, else the record's
	Order Order          // of the lines of a key
	Grace *time.Duration // nil: the default, see [Topology.Graceful]
	Ahead *time.Duration // by which a record's time may be after its timestamp; nil: without a limit
	Idle  time.Duration  // a partition that is silent for so long doesn't hold time back

	TTL        time.Duration // after which a key without a step is forgotten
	TTLForever bool          // keys are never forgotten; one of the two is set if there are keys

	Version int // of the state; 1 without `version:`
	Upgrade *JQ // from the state of an earlier version, nil if there is none
}

// Order is the order in which the lines of a key are applied.
type Order int

const (
	ByArrival Order = iota // as they come
	ByTime                 // by event time, source and offset, held for the grace
)

// JQ is an expression in jq's language.
type JQ struct {
	Source string
	Pos    Position // of its first character
	// jumps are where the next character of Source is not the next one of the file: in
	// the next line, or behind a quote or an escape.
	jumps []jump
}

// jump is the position of a byte of an expression, from which on the columns count.
type jump struct {
	offset int
	pos    Position
}

// At returns the position in the file of a byte of the expression.
func (x *JQ) At(offset int) Position {
	p, from := x.Pos, 0
	for _, j := range x.jumps {
		if j.offset > offset {
			break
		}
		p, from = j.pos, j.offset
	}
	offset = min(max(offset, from), len(x.Source))
	p.Column += utf8.RuneCountInString(x.Source[from:offset])
	return p
}

// Input is a topic that a topology reads.
type Input struct {
	Alias   string // of the topic, and the value of $in
	Pos     Position
	Format  string   // "": JSON, or what a registry describes; "xml" or "csv"
	Lists   []string // paths of XML elements that are lists also when there is one
	Columns []string // names of the fields of a CSV record
	Where   *JQ
	Each    *JQ
	Join    []Join
	Key     *JQ // nil: the topology has no state
	Set     []Assignment
}

// Join is a table that a line gets a row of, as the variable $NAME.
type Join struct {
	Name    string
	Pos     Position
	Table   string // alias of a topic, whose records' keys are the rows' keys
	Key     JQ
	Missing Missing
}

// Missing is what happens to a record for which a table has no row.
type Missing int

const (
	MissingNull       Missing = iota // the row is null
	MissingDrop                      // the record is dropped
	MissingDeadLetter                // it is dead-lettered
)

// Let is an expression with a name.
type Let struct {
	Name string
	Pos  Position
	JQ   JQ
}

// Assignment sets a field of a key's state.
type Assignment struct {
	Field string
	Pos   Position
	JQ    JQ
}

// Aggregate is a field of a key's state that is computed from the values of an
// expression.
type Aggregate struct {
	Field  string
	Pos    Position
	Kind   string // count, sum, mean, min, max or distinct
	Of     JQ
	Within time.Duration // of the newest; 0: all
	Last   int           // so many values; 0: all
}

// Timer falls due a time after its condition began to hold.
type Timer struct {
	Name  string
	Pos   Position
	While JQ
	After time.Duration
}

// Window divides a key's state by event time.
type Window struct {
	Pos   Position
	Every time.Duration // tumbling: the length; hopping: from one beginning to the next
	Size  time.Duration // the length; equal to Every unless it is given
	Gap   time.Duration // session: it ends so long after its last line; Every and Size are 0
}

// Emit is a record that a step may write.
type Emit struct {
	To   string // alias
	Pos  Position
	Type string // ce_type; "": <scenario>.<alias>.v1
	// When is the name of a timer, or closed for a window's end; "": at each line.
	When    string
	whenPos Position
	If      *JQ
	Each    *JQ
	Once    time.Duration // at most one for a key in this time; 0: no limit
	Key     *JQ           // nil: $key, or the input's key if the topology has none
	Fields  *Mapping      // nil: the record itself
	Set     []Assignment
}

// FieldPos returns the position of what makes a field of the output, given the field's path
// there, such as items[2].quantity: that of the field in Fields, or of the emit.
func (e *Emit) FieldPos(path string) Position {
	if e.Fields == nil {
		return e.Pos
	}
	at, members := e.Pos, e.Fields.Members
	for _, part := range SplitPath(path) {
		name, _, _ := strings.Cut(part.Name, "[") // [2] is an element of a list
		i := slices.IndexFunc(members, func(m Member) bool { return m.Name == name })
		if i < 0 {
			return at
		}
		m := &members[i]
		if m.JQ != nil {
			return m.JQ.Pos
		}
		if at = m.Pos; m.Mapping == nil {
			return at
		}
		members = m.Mapping.Members
	}
	return at
}

// Closed is the Emit.When of a window's end.
const Closed = "closed"

// Mapping is a JSON object whose values are expressions.
type Mapping struct{ Members []Member }

// Member is a field of a Mapping: an expression, an object or a list.
type Member struct {
	Name    string // "" in a list
	Pos     Position
	JQ      *JQ
	Mapping *Mapping
	List    []Member // if neither of the others is set
}

// Declared returns the names of the topologies that the scenario declares itself.
func (s *Scenario) Declared() (names []string) {
	for i := range s.Topologies {
		if t := &s.Topologies[i]; !t.BuiltIn {
			names = append(names, t.Name)
		}
	}
	return names
}

// Keyed reports whether the topology has state.
func (t *Topology) Keyed() bool { return len(t.From) > 0 && t.From[0].Key != nil }

// DefaultGrace is the grace of topologies that order by time or have windows.
const DefaultGrace = 10 * time.Second

// DefaultIdle is after how long a silent partition doesn't hold time back.
const DefaultIdle = 5 * time.Second

// Graceful returns how long after its time a line is accepted, and whether there is such a
// limit: without one, no line is late.
func (t *Topology) Graceful() (time.Duration, bool) {
	switch {
	case t.Grace != nil:
		return *t.Grace, true
	case t.Order == ByTime || t.Window != nil:
		return DefaultGrace, true
	}
	return 0, false
}

// Timed reports whether event time makes anything happen.
func (t *Topology) Timed() bool {
	_, limited := t.Graceful()
	return t.Keyed() && (limited || len(t.Timers) > 0 || !t.TTLForever)
}

// Log and Changelog return the aliases of the topics that a topology keeps for itself.
func (t *Topology) Log() string       { return t.Name + "-log" }
func (t *Topology) Changelog() string { return t.Name + "-changelog" }

// Test is a case of `tests:`.
type Test struct {
	Name        string
	Pos         Position
	Topology    string
	topologyPos Position
	Start       time.Time // of its time; zero without start:
	When        []TestEvent
	Then        []TestOutput // in the file's order; a topic that is not named gets nothing
}

// TestEvent is a record, or a time that passes.
type TestEvent struct {
	At       time.Duration // since the test's beginning
	Pos      Position
	Alias    string // "" if only time passes
	aliasPos Position
	Key      *string
	Headers  []TestHeader
	Value    []byte // JSON, or the text of a topic that is not JSON; nil is a tombstone
}

// TestHeader is a header of a record; a nil value is null.
type TestHeader struct {
	Name  string
	Value *string
}

// TestOutput is what a topic must get: in order for each key, no more and no less.
type TestOutput struct {
	Alias string
	Pos   Position
	Want  []TestRecord
}

// TestRecord names fields of a record; those that are not named are not compared.
type TestRecord struct {
	Pos   Position
	Value []byte // JSON
}
