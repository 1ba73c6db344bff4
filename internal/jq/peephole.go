package jq

import (
	"slices"

	"github.com/itchyny/gojq"
)

// misread reports whether gojq v0.12.20 may evaluate L | R wrongly: if the code of L ends
// with a jump behind a constant, as that of `and`, `or` and `if` does, and that of R
// begins with a constant or a variable, its optimizer drops what it takes for unused. So
// 1 | select((false or .) | 5) is true, where jq has 1. No one needs such expressions, and
// both engines have to agree.
func misread(l, r *gojq.Query) bool { return endsInJump(l) && beginsConstant(r) }

func endsInJump(q *gojq.Query) bool {
	switch {
	case q == nil:
		return false
	case q.Term == nil:
		return q.Op == gojq.OpAnd || q.Op == gojq.OpOr || q.Op == gojq.OpAlt || q.Op == gojq.OpPipe && endsInJump(q.Right)
	case len(q.Term.SuffixList) > 0:
		return q.Term.SuffixList[len(q.Term.SuffixList)-1].Optional
	case q.Term.Type == gojq.TermTypeQuery:
		return endsInJump(q.Term.Query)
	}
	return q.Term.Type == gojq.TermTypeIf || q.Term.Type == gojq.TermTypeTry
}

func beginsConstant(q *gojq.Query) bool {
	if q == nil {
		return false
	}
	if q.Term == nil {
		return (q.Op == gojq.OpPipe || q.Op == gojq.OpAnd || q.Op == gojq.OpOr) && beginsConstant(q.Left)
	}
	if q.Term.Type == gojq.TermTypeQuery {
		return beginsConstant(q.Term.Query)
	}
	return q.Term.Type == gojq.TermTypeFunc && q.Term.Func.Name[0] == '$' || isConstant(q)
}

// isConstant reports whether gojq makes one constant of a query, whatever its suffixes.
func isConstant(q *gojq.Query) bool {
	switch {
	case q == nil:
		return true
	case q.Term == nil:
		return q.Op == gojq.OpComma && isConstant(q.Left) && isConstant(q.Right)
	}
	switch t := q.Term; t.Type {
	case gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
		return true
	case gojq.TermTypeString:
		return len(t.Str.Queries) == 0
	case gojq.TermTypeUnary:
		return isConstant(&gojq.Query{Term: t.Unary.Term})
	case gojq.TermTypeQuery:
		return isConstant(t.Query)
	case gojq.TermTypeArray:
		return isConstant(t.Array.Query)
	case gojq.TermTypeObject:
		return !slices.ContainsFunc(t.Object.KeyVals, func(kv *gojq.ObjectKeyVal) bool { return kv.Val == nil || !isConstant(kv.Val) })
	}
	return false
}
