package declared

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"inv/internal/scenario"

	"github.com/itchyny/gojq"
)

// dialect changes a query to the dialect of topologies: a comparison with an absent
// side is null, unless that side is the literal null or a path into $s or $was, and `not`
// of null is null, unless it is that of such a path. So neither a comparison with a field
// that isn't there nor its negation holds. Products are bounded, see bounded.
func dialect(q *gojq.Query) (*gojq.Query, error) {
	var failed error
	eachQuery(reflect.ValueOf(q), func(q *gojq.Query) {
		if q.Op == gojq.OpPipe && ofState(q.Left) && q.Right.String() == "not" {
			failed = cmp.Or(failed, replace(q, "%s | if . then false else true end", q.Left))
			return
		}
		if q.Op == gojq.OpMul {
			failed = cmp.Or(failed, replace(q, "%s(%s; %s) | .[0] * .[1]", timesName, q.Left, q.Right))
			return
		}
		if q.Op < gojq.OpEq || q.Op > gojq.OpLe || isNull(q.Left) || isNull(q.Right) {
			return
		}
		var absent []string
		for variable, side := range map[string]*gojq.Query{"$__l": q.Left, "$__r": q.Right} {
			if !ofState(side) {
				absent = append(absent, variable+" == null")
			}
		}
		if len(absent) == 0 {
			return
		}
		failed = cmp.Or(failed, replace(q, "(%s) as $__l | (%s) as $__r | if %s then null else $__l %s $__r end", q.Left, q.Right, strings.Join(absent, " or "), q.Op))
	})
	if failed != nil {
		return nil, failed
	}
	return gojq.Parse("def not: if . == null then null elif . then false else true end; " + q.String())
}

// replace makes a query another one.
func replace(q *gojq.Query, format string, args ...any) error {
	changed, err := gojq.Parse("(" + fmt.Sprintf(format, args...) + ")")
	if err != nil {
		return err
	}
	changed.FuncDefs = q.FuncDefs
	*q = *changed
	return nil
}

func isNull(q *gojq.Query) bool {
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeNull && len(q.Term.SuffixList) == 0
}

// ofState reports whether a query is a path into a key's state, where comparisons are
// jq's.
func ofState(q *gojq.Query) bool {
	if q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeQuery {
		return ofState(q.Term.Query)
	}
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeFunc && (q.Term.Func.Name == "$s" || q.Term.Func.Name == "$was")
}

// eachQuery calls f on all queries of a syntax tree, inner ones first.
func eachQuery(v reflect.Value, f func(*gojq.Query)) {
	eachPart(v, func(part any) {
		if q, ok := part.(*gojq.Query); ok {
			f(q)
		}
	})
}

// eachPart calls f on all pointers in a syntax tree, inner ones first.
func eachPart(v reflect.Value, f func(any)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachPart(v.Elem(), f)
			f(v.Interface())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachPart(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachPart(v.Index(i), f)
		}
	}
}

// refers reports whether an expression refers to a variable, itself or by a definition.
func (t *Topology) refers(source, variable string) bool {
	return t.refersBy(source, variable, len(t.Let))
}

// refersBy is refers for an expression that can use so many of the definitions.
func (t *Topology) refersBy(source, variable string, definitions int) bool {
	q, err := gojq.Parse(source)
	if err != nil {
		return false
	}
	var names []string
	eachPart(reflect.ValueOf(q), func(part any) {
		switch part := part.(type) {
		case *gojq.Func:
			names = append(names, part.Name)
		case *gojq.ObjectKeyVal: // {$clock}
			names = append(names, part.Key)
		}
	})
	if slices.Contains(names, variable) {
		return true
	}
	for i, let := range t.Let[:definitions] {
		if slices.Contains(names, let.Name) && t.refersBy(let.JQ.Source, variable, i) {
			return true
		}
	}
	return false
}

// stateRefers reports whether an expression that is evaluated with the state refers to a
// variable.
func (t *Topology) stateRefers(variable string) bool {
	return slices.ContainsFunc(t.stateExpressions(), func(x *scenario.JQ) bool { return t.refers(x.Source, variable) })
}

// stateExpressions are those that are evaluated with the state.
func (t *Topology) stateExpressions() (all []*scenario.JQ) {
	add := func(x *scenario.JQ) {
		if x != nil {
			all = append(all, x)
		}
	}
	set := func(sets []scenario.Assignment) {
		for i := range sets {
			add(&sets[i].JQ)
		}
	}
	for i := range t.From {
		set(t.From[i].Set)
	}
	for i := range t.Keep {
		add(&t.Keep[i].Of)
	}
	for i := range t.Timers {
		add(&t.Timers[i].While)
	}
	add(t.Until)
	for i := range t.Emit {
		e := &t.Emit[i]
		add(e.If)
		add(e.Each)
		add(e.Key)
		set(e.Set)
		if e.Fields != nil {
			eachMember(e.Fields.Members, add)
		}
	}
	return all
}

func eachMember(members []scenario.Member, add func(*scenario.JQ)) {
	for i := range members {
		m := &members[i]
		add(m.JQ)
		if m.Mapping != nil {
			eachMember(m.Mapping.Members, add)
		}
		eachMember(m.List, add)
	}
}
