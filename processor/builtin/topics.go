package builtin

import (
	"slices"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/inventory"
)

// Specs returns the topics of a scenario, but those of [Idle].
func Specs(s *scenario.Scenario, app string) []kafka.TopicSpec {
	idle := Idle(s, app)
	return slices.DeleteFunc(kafka.Specs(s, app), func(spec kafka.TopicSpec) bool { return slices.Contains(idle, spec.Name) })
}

// Idle returns the names of the topics of a scenario that nothing needs except topologies
// that are off, dead-letter topics included, and sinks.
func Idle(s *scenario.Scenario, app string) (idle []string) {
	use := uses{read: map[string]bool{}, used: map[string]bool{}}
	off := uses{read: map[string]bool{}, used: map[string]bool{}}
	for i := range s.Topologies {
		if t := &s.Topologies[i]; t.Off {
			off.declared(t)
		} else {
			use.declared(t)
		}
	}
	all, _ := inventory.Topologies(inventory.Options{}) // the defaults are right
	for _, t := range all {
		use.builtIn(t)
	}
	for _, t := range s.Topics {
		if off.used[t.Alias] && !use.used[t.Alias] || t.Sink != "" {
			idle = append(idle, s.TopicNames(t.Alias, app)...)
		}
		for _, a := range t.DeadLettersOf {
			if off.read[a] && !use.read[a] {
				for _, name := range s.TopicNames(a, app) {
					idle = append(idle, processor.DeadLetterTopic(name))
				}
			}
		}
	}
	return idle
}

// uses are the aliases of topics that topologies use, and of those the ones that they
// read.
type uses struct{ read, used map[string]bool }

func (u uses) declared(t *scenario.Topology) {
	if t.Keyed() {
		u.used[t.Log()], u.used[t.Changelog()] = true, true
	}
	for _, in := range t.From {
		u.read[in.Alias], u.used[in.Alias] = true, true
		for _, j := range in.Join {
			u.used[j.Table] = true
		}
	}
	for _, e := range t.Emit {
		u.used[e.To] = true
	}
}

func (u uses) builtIn(t processor.Topology) {
	for _, stage := range t.Stages {
		for _, a := range stage.Reads {
			u.read[a], u.used[a] = true, true
		}
		for _, o := range stage.Writes {
			u.used[o.Topic] = true
		}
		u.used[stage.Log], u.used[stage.State] = true, true
	}
}
