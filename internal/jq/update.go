package jq

import (
	"github.com/itchyny/gojq"
)

// What a strict expression may change of its value, with [Options].Updates: = and |= and
// del, of paths that are nothing but names and [], so that nothing grows by them but by
// what is put there. An index that a record chooses could make an array of gigabytes.

const pathsOnly = "what is changed must be a path of names and [], such as .items[].price"

// allowUpdate refuses an update of something else than such a path, and the other updates.
func allowUpdate(q *gojq.Query, refuse func(what, why string)) {
	switch {
	case q.Op != gojq.OpAssign && q.Op != gojq.OpModify:
		refuse(q.Op.String(), "there are = and |=")
	case !isPath(q.Left):
		refuse(q.Op.String(), pathsOnly)
	}
}

// allowDelete does so for del.
func allowDelete(f *gojq.Func, refuse func(what, why string)) {
	if len(f.Args) != 1 || !isPath(f.Args[0]) {
		refuse(f.Name, pathsOnly)
	}
}

// isPath reports whether a query is one or more paths of names and [].
func isPath(q *gojq.Query) bool {
	switch {
	case q == nil || len(q.FuncDefs) > 0 || len(q.Patterns) > 0:
		return false
	case q.Term == nil:
		return (q.Op == gojq.OpPipe || q.Op == gojq.OpComma) && isPath(q.Left) && isPath(q.Right)
	}
	t := q.Term
	for _, s := range t.SuffixList {
		if s.Index != nil && !isName(s.Index) {
			return false
		}
	}
	switch t.Type {
	case gojq.TermTypeIdentity:
		return true
	case gojq.TermTypeIndex:
		return isName(t.Index)
	case gojq.TermTypeQuery:
		return isPath(t.Query)
	}
	return false
}

// isName reports whether an index is .name, ."name" or ["name"].
func isName(i *gojq.Index) bool {
	switch {
	case i.IsSlice || i.End != nil:
		return false
	case i.Name != "":
		return true
	case i.Str != nil:
		return len(i.Str.Queries) == 0
	case i.Start == nil || i.Start.Term == nil || len(i.Start.FuncDefs) > 0:
		return false
	}
	_, ok := literal(i.Start.Term)
	return ok
}
