package producer

import (
	"slices"

	"inv/internal/scenario"
)

// edge is a cause as the scenario has it, without what it compiles to.
type edge struct {
	from, to  *scenario.Producer
	index     int  // in from.Causes
	recursive bool // to's records cause, however indirectly, records of from
	at        int  // its place among to's edges that are recursive, or those that are not
	depth     int  // of a recursive edge; 0: the scenario gives none
}

// lineage is which producers cause which. It follows from the whole scenario, so that a
// record's number doesn't depend on the producers that run.
type lineage struct {
	out, in map[*scenario.Producer][]*edge // in the order of the file
	caused  map[*scenario.Producer]bool    // don't run by themselves
	nested  map[*scenario.Producer]bool    // have records with numbers below 0, see origins
}

func (c *compiler) newLineage() *lineage {
	l := &lineage{map[*scenario.Producer][]*edge{}, map[*scenario.Producer][]*edge{}, map[*scenario.Producer]bool{}, map[*scenario.Producer]bool{}}
	for i := range c.scenario.Producers {
		from := &c.scenario.Producers[i]
		for j := range from.Causes {
			if to := c.spec(from.Causes[j].Producer.Text); to != nil && causable(to) {
				e := &edge{from: from, to: to, index: j}
				l.out[from], l.in[to] = append(l.out[from], e), append(l.in[to], e)
			}
		}
	}
	for _, cycle := range l.cycles(c.scenario.Producers) {
		l.classify(cycle)
	}
	return l
}

// cycles returns the producers in groups, those of a group causing each other (Tarjan's
// strongly connected components), causes before what they cause.
func (l *lineage) cycles(producers []scenario.Producer) (groups [][]*scenario.Producer) {
	order, low, open := map[*scenario.Producer]int{}, map[*scenario.Producer]int{}, []*scenario.Producer{}
	var visit func(p *scenario.Producer)
	visit = func(p *scenario.Producer) {
		order[p] = len(order) + 1
		low[p] = order[p]
		open = append(open, p)
		for _, e := range l.out[p] {
			if order[e.to] == 0 {
				visit(e.to)
			}
			if slices.Contains(open, e.to) {
				low[p] = min(low[p], low[e.to])
			}
		}
		if low[p] == order[p] {
			first := slices.Index(open, p)
			groups = append(groups, slices.Clone(open[first:]))
			open = open[:first]
		}
	}
	for i := range producers {
		if p := &producers[i]; order[p] == 0 {
			visit(p)
		}
	}
	slices.Reverse(groups)
	return groups
}

// classify completes the edges to a group of producers.
func (l *lineage) classify(group []*scenario.Producer) {
	caused, deepest := false, 0
	for _, p := range group {
		places := map[bool]int{}
		for _, e := range l.in[p] {
			e.recursive = slices.Contains(group, e.from)
			e.at = places[e.recursive]
			places[e.recursive]++
			caused = caused || !e.recursive
			if e.recursive {
				e.depth = e.from.Causes[e.index].Depth
				deepest = max(deepest, e.depth)
			}
			l.nested[p] = l.nested[p] || e.recursive || l.nested[e.from]
		}
	}
	for _, p := range group {
		l.caused[p] = caused
		for _, e := range l.in[p] {
			if e.recursive && e.depth == 0 {
				e.depth = deepest
			}
		}
	}
}

// edge returns the edge of a producer's cause.
func (l *lineage) edge(from *scenario.Producer, index int) *edge {
	i := slices.IndexFunc(l.out[from], func(e *edge) bool { return e.index == index })
	return l.out[from][i]
}

// place returns an edge's place among all to its producer, see origins.
func (l *lineage) place(e *edge) int {
	if !e.recursive {
		return e.at
	}
	place := e.at
	for _, other := range l.in[e.to] {
		if !other.recursive {
			place++
		}
	}
	return place
}

// origins returns where the records of a producer come from, without the causes; nil if
// none are caused.
func (l *lineage) origins(p *scenario.Producer) *origins {
	if len(l.in[p]) == 0 {
		return nil
	}
	o := &origins{}
	for _, e := range l.in[p] {
		if e.recursive {
			o.inner = append(o.inner, nil)
		} else {
			o.outer = append(o.outer, nil)
			o.deep = o.deep || l.nested[e.from]
		}
	}
	return o
}

// causing returns the names of the producers that cause a producer's records, if it
// doesn't run by itself.
func (l *lineage) causing(p *scenario.Producer) (names []string) {
	for _, e := range l.in[p] {
		if l.caused[p] && !slices.Contains(names, e.from.Name) {
			names = append(names, e.from.Name)
		}
	}
	return names
}
