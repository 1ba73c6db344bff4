package jq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// absence is the dialect in which neither a comparison with an absent field nor its
// negation holds: it is null, and `not` of null is null. Comparisons with the literal
// null are jq's, and so are sides, and `not`, of paths into the plain variables.
type absence struct{ plain []string }

// sides reports which sides of a comparison make it null if they are.
func (a *absence) sides(q *gojq.Query) (left, right bool) {
	if a == nil || isNullLiteral(q.Left) || isNullLiteral(q.Right) {
		return false, false
	}
	return !a.exempt(q.Left), !a.exempt(q.Right)
}

// exempt reports whether q is a path into a plain variable.
func (a *absence) exempt(q *gojq.Query) bool {
	if q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeQuery {
		return a.exempt(q.Term.Query)
	}
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeFunc && slices.Contains(a.plain, q.Term.Func.Name)
}

func isNullLiteral(q *gojq.Query) bool {
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeNull && len(q.Term.SuffixList) == 0
}

// rewrite makes each comparison of a query null if one of its sides is, for gojq.
func (a *absence) rewrite(q *gojq.Query) {
	eachQuery(q, func(q *gojq.Query) {
		if q.Op == gojq.OpPipe && isCall(q.Right, "not") && a.exempt(q.Left) {
			q.Right = plainNot()
		}
		if !isComparison(q.Op) {
			return
		}
		left, right := a.sides(q)
		var tests []string
		if left {
			tests = append(tests, "$__l == null")
		}
		if right {
			tests = append(tests, "$__r == null")
		}
		if len(tests) == 0 {
			return
		}
		text := fmt.Sprintf("((%s) as $__l | (%s) as $__r | if %s then null else $__l %s $__r end)", q.Left, q.Right, strings.Join(tests, " or "), q.Op)
		if out, err := gojq.Parse(text); err == nil {
			out.FuncDefs = q.FuncDefs
			*q = *out
		}
	})
}

// plainNot is jq's `not`, where the name means that of the dialect.
func plainNot() *gojq.Query {
	constant := func(t gojq.TermType) *gojq.Query { return &gojq.Query{Term: &gojq.Term{Type: t}} }
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIf, If: &gojq.If{
		Cond: constant(gojq.TermTypeIdentity), Then: constant(gojq.TermTypeFalse), Else: constant(gojq.TermTypeTrue)}}}
}

// absentNot is `not` in the dialect.
const absentNot = "def not: if . == null then null elif . then false else true end; "

// eachQuery calls f on a query and all in it, the inner ones first.
func eachQuery(q *gojq.Query, f func(*gojq.Query)) {
	if q == nil {
		return
	}
	for _, d := range q.FuncDefs {
		eachQuery(d.Body, f)
	}
	eachQuery(q.Left, f)
	eachQuery(q.Right, f)
	for _, p := range q.Patterns {
		eachInPattern(p, f)
	}
	eachInTerm(q.Term, f)
	f(q)
}

func eachInPattern(p *gojq.Pattern, f func(*gojq.Query)) {
	if p == nil {
		return
	}
	for _, a := range p.Array {
		eachInPattern(a, f)
	}
	for _, o := range p.Object {
		eachInString(o.KeyString, f)
		eachQuery(o.KeyQuery, f)
		eachInPattern(o.Val, f)
	}
}

func eachInString(s *gojq.String, f func(*gojq.Query)) {
	if s == nil {
		return
	}
	for _, q := range s.Queries {
		eachQuery(q, f)
	}
}

func eachInIndex(i *gojq.Index, f func(*gojq.Query)) {
	if i == nil {
		return
	}
	eachInString(i.Str, f)
	eachQuery(i.Start, f)
	eachQuery(i.End, f)
}

func eachInTerm(t *gojq.Term, f func(*gojq.Query)) {
	if t == nil {
		return
	}
	eachQuery(t.Query, f)
	eachInIndex(t.Index, f)
	eachInString(t.Str, f)
	for _, s := range t.SuffixList {
		eachInIndex(s.Index, f)
	}
	if t.Func != nil {
		for _, a := range t.Func.Args {
			eachQuery(a, f)
		}
	}
	if t.Object != nil {
		for _, kv := range t.Object.KeyVals {
			eachInString(kv.KeyString, f)
			eachQuery(kv.KeyQuery, f)
			eachQuery(kv.Val, f)
		}
	}
	if t.Array != nil {
		eachQuery(t.Array.Query, f)
	}
	if t.Unary != nil {
		eachInTerm(t.Unary.Term, f)
	}
	if t.If != nil {
		eachQuery(t.If.Cond, f)
		eachQuery(t.If.Then, f)
		eachQuery(t.If.Else, f)
		for _, e := range t.If.Elif {
			eachQuery(e.Cond, f)
			eachQuery(e.Then, f)
		}
	}
	eachInControl(t, f)
}

// eachInControl visits what loops and handles errors.
func eachInControl(t *gojq.Term, f func(*gojq.Query)) {
	if t.Try != nil {
		eachQuery(t.Try.Body, f)
		eachQuery(t.Try.Catch, f)
	}
	if t.Reduce != nil {
		for _, q := range []*gojq.Query{t.Reduce.Query, t.Reduce.Start, t.Reduce.Update} {
			eachQuery(q, f)
		}
	}
	if t.Foreach != nil {
		for _, q := range []*gojq.Query{t.Foreach.Query, t.Foreach.Start, t.Foreach.Update, t.Foreach.Extract} {
			eachQuery(q, f)
		}
	}
	if t.Label != nil {
		eachQuery(t.Label.Body, f)
	}
}
