package jq

import (
	"fmt"
	"strings"

	"inv/internal/jsonscan"

	"github.com/itchyny/gojq"
)

// Scope is what expressions can refer to. It must not change, and no expression be
// compiled in it, once an Evaluator is in use; then it is safe for concurrent use.
type Scope struct {
	slots []slot // 0 is the record
	names []string
	lets  []*gojq.FuncDef
	texts []string // of the definitions, for gojq
	uses  int      // slots for values that expressions bind
}

// slot is the record or a variable.
type slot struct {
	name   string
	fields *jsonscan.Fields // nil: its values come from the evaluator's Source
}

// Source gives the variables that a Scope has as looked up: what is not used costs
// nothing. Variables are numbered from 1 in the order of their addition.
type Source interface {
	Variable(i int) Value
	// Member returns the value of a key of a variable that is an object.
	Member(i int, key string) Value
	// Native returns a variable as gojq has values: maps, slices, strings and numbers.
	Native(i int) any
}

// NewScope returns a Scope with the record. The paths that expressions need are added
// to fields; nil: fields of its own.
func NewScope(fields *jsonscan.Fields) *Scope {
	if fields == nil {
		fields = jsonscan.NewFields()
	}
	return &Scope{slots: []slot{{name: ".", fields: fields}}}
}

// Variable adds a variable, such as $key, whose value is set with [Evaluator.Set].
func (s *Scope) Variable(name string) int { return s.add(name, jsonscan.NewFields()) }

// Fields returns the paths that expressions need of a variable that is not looked up.
func (s *Scope) Fields(variable int) *jsonscan.Fields { return s.slots[variable].fields }

// LookedUp adds a variable whose value comes from the evaluator's Source.
func (s *Scope) LookedUp(name string) int { return s.add(name, nil) }

func (s *Scope) add(name string, fields *jsonscan.Fields) int {
	s.slots = append(s.slots, slot{name, fields})
	s.names = append(s.names, name)
	return len(s.slots) - 1
}

// Define names an expression, which later ones use as name. It is evaluated only where
// it is used, and once in an evaluation. The error is an *Error.
func (s *Scope) Define(name, source string, o Options) error {
	if alone, err := gojq.Parse(source); err != nil {
		return syntaxError(source, err)
	} else if isEmptyQuery(alone) {
		return &Error{source, -1, errEmpty}
	}
	text := fmt.Sprintf("def %s: (%s\n); ", name, source)
	q, err := gojq.Parse(text + ".")
	if err != nil || len(q.FuncDefs) != 1 || q.FuncDefs[0].Name != name || strings.ContainsRune(name, '(') {
		return &Error{source, -1, fmt.Errorf("%q can't be the name of a definition", name)}
	}
	if o.Strict {
		if err := s.allow(source, q.FuncDefs[0].Body, o); err != nil {
			return err
		}
	}
	s.lets = append(s.lets, q.FuncDefs[0])
	s.texts = append(s.texts, text)
	return nil
}

// definitions returns the text of the definitions that an expression uses, itself or
// through others.
func (s *Scope) definitions(q *gojq.Query) string {
	if len(s.lets) == 0 {
		return ""
	}
	r := references{scope: s, seen: map[string]bool{}, lets: map[int]bool{}}
	r.collect(q, len(s.lets), "")
	var b strings.Builder
	for i, text := range s.texts {
		if r.lets[i] {
			b.WriteString(text)
		}
	}
	return b.String()
}

func (s *Scope) slot(name string) int {
	for i := len(s.slots) - 1; i > 0; i-- {
		if s.slots[i].name == name {
			return i
		}
	}
	return -1
}

func (s *Scope) let(name string) int {
	for i := len(s.lets) - 1; i >= 0; i-- {
		if s.lets[i].Name == name {
			return i
		}
	}
	return -1
}
