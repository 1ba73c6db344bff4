package declared

import (
	"cmp"
	"slices"

	"inv/internal/scenario"
)

// Expression describes an expression of a topology.
type Expression struct {
	What   string // where it stands, such as "if of alerts"
	Pos    scenario.Position
	Source string
	// Compiled reports that it has closures; otherwise gojq evaluates it, because of
	// Reason.
	Compiled bool
	Reason   string
}

// Expressions returns the topology's expressions in the file's order. A definition counts
// by itself; where it is used, it is part of the expression.
func (p *Program) Expressions() []Expression {
	places := map[*scenario.JQ]string{}
	expressionPlaces(p.Topology, func(x *scenario.JQ, what string) {
		if x != nil {
			places[x] = what
		}
	})
	var all []Expression
	add := func(x *expression) {
		all = append(all, Expression{places[x.at], x.at.Pos, x.at.Source, x.Compiled(), x.Reason()})
		delete(places, x.at) // an expression of several scopes is one
	}
	for _, x := range p.expressions {
		if _, ok := places[x.at]; ok {
			add(x)
		}
	}
	c := &compiler{file: p.scenario.File, topology: p.Topology}
	sc := c.newScope()
	for i := range p.Topology.Let {
		if x := c.compile(sc, everywhere(), &p.Topology.Let[i].JQ); x != nil {
			add(x)
		}
	}
	slices.SortStableFunc(all, func(a, b Expression) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return all
}

// Uses reports whether an expression uses a variable, such as $offset.
func (p *Program) Uses(variable string) bool {
	return p.state != nil && p.state.scope.used[variable] ||
		slices.ContainsFunc(p.inputs, func(in *inputProgram) bool { return in.scope.used[variable] })
}

// expressionPlaces calls visit with each expression of a topology, or nil, and where it stands.
func expressionPlaces(t *scenario.Topology, visit func(x *scenario.JQ, what string)) {
	visit(t.Time, "time")
	for i := range t.From {
		in := &t.From[i]
		visit(in.Where, "where of "+in.Alias)
		visit(in.Each, "each of "+in.Alias)
		for k := range in.Join {
			visit(&in.Join[k].Key, "key of the join "+in.Join[k].Name)
		}
		visit(in.Key, "key of "+in.Alias)
		visitSets(in.Set, visit)
	}
	for i := range t.Keep {
		visit(&t.Keep[i].Of, "keep "+t.Keep[i].Field)
	}
	for i := range t.Timers {
		visit(&t.Timers[i].While, "while of "+t.Timers[i].Name)
	}
	for i := range t.Let {
		visit(&t.Let[i].JQ, "let "+t.Let[i].Name)
	}
	for i := range t.Emit {
		e := &t.Emit[i]
		visit(e.If, "if of "+e.To)
		visit(e.Each, "each of "+e.To)
		visit(e.Key, "key of "+e.To)
		if e.Fields != nil {
			visitMembers(e.Fields.Members, "field ", visit)
		}
		visitSets(e.Set, visit)
	}
	visit(t.Until, "until")
	visit(t.Upgrade, "upgrade")
}

func visitSets(list []scenario.Assignment, visit func(*scenario.JQ, string)) {
	for i := range list {
		visit(&list[i].JQ, "set "+list[i].Field)
	}
}

func visitMembers(members []scenario.Member, path string, visit func(*scenario.JQ, string)) {
	for i := range members {
		m := &members[i]
		at := path + m.Name
		if m.Name == "" {
			at += "[]"
		}
		switch {
		case m.JQ != nil:
			visit(m.JQ, at)
		case m.Mapping != nil:
			visitMembers(m.Mapping.Members, at+".", visit)
		default:
			visitMembers(m.List, at, visit)
		}
	}
}
