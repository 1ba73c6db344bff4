package jq

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// maxSource bounds the text of a strict expression, maxPattern that of a regular
// expression in it.
const (
	maxSource  = 16 << 10
	maxPattern = 1 << 10
)

// allowed are the functions of strict expressions: each has results that follow from its
// values alone, and ends after as many steps as there is data.
var allowed = strings.Fields(`
	abs add all any arrays ascii ascii_downcase ascii_upcase booleans capture ceil
	contains decimals empty endswith error explode fabs first flatten floor from_entries
	fromdate fromdateiso8601 fromjson gmtime group_by gsub has implode in index indices
	inside iterables isempty join keys last length ltrim ltrimstr map map_values match
	max max_by min min_by mktime not nth nulls numbers objects pow reverse rindex round
	rtrim rtrimstr scalars scan select sort sort_by split sqrt startswith strftime
	strings strptime sub test to_entries toboolean todate todateiso8601 tojson tonumber
	tostring transpose trim trimstr trunc type unique unique_by utf8bytelength values
	with_entries IN`)

// patterned are the functions whose first argument is a regular expression, with the
// number of arguments from which it is one.
var patterned = map[string]int{"test": 1, "match": 1, "capture": 1, "scan": 1, "sub": 1, "gsub": 1, "split": 2}

// refusals tell why some functions are not allowed.
var refusals = map[string]string{
	"now": "it differs from run to run", "localtime": "it depends on the machine", "strflocaltime": "it depends on the machine",
	"input": "there is no other input", "inputs": "there is no other input", "debug": "it writes to a terminal",
	"env": "it depends on the machine", "$ENV": "it depends on the machine", "halt": "it ends the process", "halt_error": "it ends the process",
	"range": "it is a loop over something other than data", "repeat": "it may not end", "while": "it may not end", "until": "it may not end",
	"recurse": "it may not end", "limit": "it is a loop over something other than data",
}

// allow refuses what a strict expression must not have.
func (s *Scope) allow(source string, q *gojq.Query, o Options) error {
	if len(source) > maxSource {
		return &Error{source[:64] + "…", -1, fmt.Errorf("an expression of %d bytes; at most %d", len(source), maxSource)}
	}
	var refused error
	refuse := func(what, why string) {
		if refused == nil {
			if why != "" {
				why = ": " + why
			}
			refused = &Error{source, offsetOf(source, what), fmt.Errorf("%s is not allowed%s", what, why)}
		}
	}
	eachQuery(q, func(q *gojq.Query) {
		switch {
		case len(q.FuncDefs) > 0:
			refuse("def", "functions could call themselves")
		case len(q.Imports) > 0:
			refuse("import", "")
		case q.Op == gojq.OpPipe && misread(q.Left, q.Right) && refused == nil:
			refused = &Error{source, -1, errors.New("a constant or variable behind and, or, if or // is not allowed: gojq reads it wrongly")}
		case q.Op >= gojq.OpAssign && o.Updates:
			allowUpdate(q, refuse)
		case q.Op >= gojq.OpAssign:
			why := "an expression makes values, and changes none"
			if q.Op == gojq.OpAssign {
				why += "; == compares"
			}
			refuse(q.Op.String(), why)
		}
	})
	eachTerm(q, func(t *gojq.Term) {
		switch t.Type {
		case gojq.TermTypeReduce, gojq.TermTypeForeach, gojq.TermTypeLabel, gojq.TermTypeBreak:
			refuse(typeName(t.Type), "a loop may not end")
		case gojq.TermTypeFunc:
			if o.Updates && t.Func.Name == "del" {
				allowDelete(t.Func, refuse)
				return
			}
			s.allowCall(t.Func, refuse)
		}
	})
	return refused
}

func (s *Scope) allowCall(f *gojq.Func, refuse func(what, why string)) {
	switch {
	case f.Name == "$ENV":
		refuse(f.Name, refusals[f.Name])
		return
	case f.Name[0] == '$' || len(f.Args) == 0 && s.let(f.Name) >= 0:
		return
	case strings.HasPrefix(f.Name, "__") || !slices.Contains(allowed, f.Name) && (refusals[f.Name] != "" || known(f)):
		refuse(f.Name, refusals[f.Name])
		return
	}
	if from := patterned[f.Name]; from == 0 || len(f.Args) < from {
		return
	}
	pattern, ok := "", false
	if a := f.Args[0]; a.Term != nil {
		pattern, ok = literal(a.Term)
	}
	switch {
	case !ok:
		refuse(f.Name, "its regular expression must be a literal")
	case len(pattern) > maxPattern:
		refuse(f.Name, fmt.Sprintf("its regular expression has more than %d bytes", maxPattern))
	default:
		if _, err := regexp.Compile(pattern); err != nil {
			refuse(f.Name, err.Error())
		}
	}
}

// known reports whether gojq has a function; an unknown one is reported as such.
func known(f *gojq.Func) bool {
	args := make([]*gojq.Query, len(f.Args))
	for i := range args {
		args[i] = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}}
	}
	_, err := gojq.Compile(call(f.Name, args...), gojq.WithInputIter(gojq.NewIter[any]()))
	return err == nil
}

// eachTerm calls f on all terms of a query.
func eachTerm(q *gojq.Query, f func(*gojq.Term)) {
	eachQuery(q, func(q *gojq.Query) {
		for t := q.Term; t != nil; {
			f(t)
			if t.Unary == nil {
				break
			}
			t = t.Unary.Term
		}
	})
}
