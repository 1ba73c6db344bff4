package builtin

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/processor/inventory"
)

// node is a topology of a scenario with the topics that it reads and writes, by alias.
type node struct {
	name          string
	pos           scenario.Position
	declared      bool
	reads, writes []string
}

// feeds returns a topic that a topology writes and another reads, "" for none.
func (n *node) feeds(to *node) string {
	for _, topic := range n.writes {
		if slices.Contains(to.reads, topic) {
			return topic
		}
	}
	return ""
}

// Cycles describes where topologies of a scenario feed each other in a cycle of which one
// that it declares is part, a Problem each. Cycles are no mistakes, but a record can cause
// others without an end.
func Cycles(s *scenario.Scenario) (notes scenario.Problems) {
	nodes := nodesOf(s)
	known := map[string]bool{}
	for i := range nodes {
		if !nodes[i].declared {
			continue
		}
		cycle := shortestCycle(nodes, i)
		if cycle == nil {
			continue
		}
		names := make([]string, len(cycle))
		for k, at := range cycle {
			names[k] = nodes[at].name
		}
		sorted := strings.Join(slices.Sorted(slices.Values(names)), "\x00")
		if known[sorted] {
			continue
		}
		known[sorted] = true
		var steps []string
		for k, at := range cycle {
			next := &nodes[cycle[(k+1)%len(cycle)]]
			steps = append(steps, fmt.Sprintf("%s writes %s, which %s reads", nodes[at].name, nodes[at].feeds(next), next.name))
		}
		notes = append(notes, scenario.Problem{File: s.File, Pos: nodes[i].pos,
			Text: fmt.Sprintf("note: topologies in a cycle: %s; be sure that a record doesn't cause others without an end", strings.Join(steps, "; "))})
	}
	return notes
}

// nodesOf returns the topologies that a scenario names, in its order.
func nodesOf(s *scenario.Scenario) (nodes []node) {
	all, _ := All(inventory.Options{})
	for i := range s.Topologies {
		t := &s.Topologies[i]
		n := node{name: t.Name, pos: t.Pos, declared: !t.BuiltIn, reads: t.Reads(), writes: t.Writes()}
		for _, of := range all {
			if !t.BuiltIn || of.Name != t.Name {
				continue
			}
			for _, stage := range of.Stages {
				n.reads = append(n.reads, stage.Reads...)
				for _, w := range stage.Writes {
					n.writes = append(n.writes, w.Topic)
				}
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// shortestCycle returns the shortest way from a node back to it, by the indices of its
// nodes; nil if there is none. A topology that feeds itself is not one: for those that are
// declared that is a mistake, and those of the program know what they do.
func shortestCycle(nodes []node, from int) []int {
	before := map[int]int{}
	queue := []int{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for to := range nodes {
			if to == at || nodes[at].feeds(&nodes[to]) == "" {
				continue
			}
			if to == from {
				var way []int
				for ; at != from; at = before[at] {
					way = append(way, at)
				}
				way = append(way, from)
				slices.Reverse(way)
				return way
			}
			if _, seen := before[to]; !seen {
				before[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil
}
