package mutate

import "inv/inspect/verify"

// Limit is a kind of mutation that no auditor can find from the topics, and why.
type Limit struct {
	Name, Reason string
	is           func(m *Mutation, policy verify.Policy) bool
}

// OutOfReach returns the mutations that can't be found. docs/verify.md lists them.
func OutOfReach() []Limit {
	return []Limit{}
}

func limitOf(m *Mutation, policy verify.Policy) *Limit {
	for _, l := range OutOfReach() {
		if l.is(m, policy) {
			return &l
		}
	}
	return nil
}
