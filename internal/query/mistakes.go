package query

import (
	"slices"

	"inv/internal/jq"

	"github.com/itchyny/gojq"
)

// Assigns reports whether the condition is an assignment such as .a = 1, whose result,
// the changed value, holds for every record.
func (c *Condition) Assigns() bool { return c.assigns }

// RecordFields returns the fields at the top of the value that the condition names and
// that have the name of a part of the record, such as value in .value.a.
func (c *Condition) RecordFields() []string { return c.recordFields }

// assigns looks for an assignment where a condition is expected.
func assigns(q *gojq.Query) bool {
	switch {
	case q == nil:
		return false
	case q.Op == gojq.OpAssign:
		return true
	case q.Op == gojq.OpAnd, q.Op == gojq.OpOr:
		return assigns(q.Left) || assigns(q.Right)
	case q.Op == gojq.OpPipe:
		return assigns(q.Right)
	case q.Term == nil || len(q.Term.SuffixList) > 0:
		return false
	case q.Term.Type == gojq.TermTypeQuery:
		return assigns(q.Term.Query)
	}
	call := q.Term.Func
	return call != nil && call.Name == "select" && len(call.Args) == 1 && assigns(call.Args[0])
}

// recordFields collects the names from the operands of comparisons and connections,
// where . is the whole value.
func recordFields(q *gojq.Query, names []string) []string {
	if q == nil {
		return names
	}
	if q.Term != nil {
		switch t := q.Term; {
		case t.Type == gojq.TermTypeIndex:
			first, _ := jq.Name(t.Index)
			if slices.Contains(variables[:], "$"+first) || first == "value" {
				names = append(names, first)
			}
		case t.Type == gojq.TermTypeQuery:
			names = recordFields(t.Query, names)
		case t.Type == gojq.TermTypeFunc:
			for _, a := range t.Func.Args {
				names = recordFields(a, names)
			}
		}
		return names
	}
	names = recordFields(q.Left, names)
	if q.Op == gojq.OpPipe {
		return names // . is something else on the right
	}
	return recordFields(q.Right, names)
}
