package declared

import (
	"slices"

	"inv/internal/scenario"
)

// place is where an expression stands. lacks returns why a variable is not available
// there, "" if it is.
type place struct {
	lacks func(name string) string
}

// everywhere is the place of definitions, which may refer to all that their uses have.
func everywhere() place { return place{func(string) string { return "" }} }

const stateless = "the topology has no state; an input without key keeps none"

// common tells why an expression of the input side lacks a variable; what is the place.
func common(what, name string) string {
	switch name {
	case "$s", "$was":
		return what + " is decided before the key's state is known; use if, set or until"
	case "$n":
		return what + " is decided before the records of a key are counted"
	case "$window":
		return what + " is decided before the window is known"
	case "$clock":
		return "only fields have the clock, so that a replay decides the same"
	}
	return ""
}

// atTime is the topology's time.
func atTime() place {
	return place{func(name string) string {
		switch name {
		case "$t":
			return "this expression is what $t is"
		case "$i":
			return "the time is the record's, before each"
		case "$key", "$in", "$topic", "$partition", "$offset", "$headers":
			return ""
		}
		if why := common("the time", name); why != "" {
			return why
		}
		return "rows are joined after the time is known"
	}}
}

// atRecord is what is evaluated on the record as it came.
func atRecord(what string) place {
	return place{func(name string) string {
		switch name {
		case "$i":
			return what + " has the record itself; only what comes after each has elements"
		case "$key", "$t", "$in", "$topic", "$partition", "$offset", "$headers":
			return ""
		}
		if why := common(what, name); why != "" {
			return why
		}
		return "rows are joined after " + what
	}}
}

// atElement is what is evaluated on the record or, with each, its elements. It has the
// rows of some of the joins.
func atElement(what string, in *scenario.Input, joined []scenario.Join) place {
	return place{func(name string) string {
		switch name {
		case "$i":
			if in.Each == nil {
				return "the input has no each"
			}
			return ""
		case "$key", "$t", "$in", "$topic", "$partition", "$offset", "$headers":
			return ""
		}
		if why := common(what, name); why != "" {
			return why
		}
		if slices.ContainsFunc(joined, func(j scenario.Join) bool { return rowName(&j) == name }) {
			return ""
		}
		if slices.ContainsFunc(in.Join, func(j scenario.Join) bool { return rowName(&j) == name }) {
			return "rows are joined in the file's order, and this one comes later"
		}
		return "another input joins it"
	}}
}

// inState is what is evaluated with a key's state.
func inState(what string, t *scenario.Topology) place {
	return place{func(name string) string {
		switch {
		case name == "$i" && !slices.ContainsFunc(t.From, func(in scenario.Input) bool { return in.Each != nil }):
			return "no input has each"
		case name == "$window" && t.Window == nil:
			return "the topology has no window"
		case name == "$clock" && what != "fields":
			return "only fields have the clock, so that a replay decides the same"
		}
		return ""
	}}
}

// withoutState is an emit of a topology without keys.
func withoutState(what string, t *scenario.Topology) place {
	return place{func(name string) string {
		switch name {
		case "$s", "$was", "$n", "$window":
			return stateless
		}
		return inState(what, t).lacks(name)
	}}
}

// atUpgrade is the upgrade, whose record is the state of the earlier version.
func atUpgrade() place {
	return place{func(name string) string {
		if name == "$key" {
			return ""
		}
		return "an upgrade has nothing but the old state, which is ., and $key"
	}}
}
