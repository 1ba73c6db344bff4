package builtin

import (
	"slices"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/inventory"
)

// Specs returns the topics of a scenario, but those that nothing needs except topologies
// that are off.
func Specs(s *scenario.Scenario, app string) []kafka.TopicSpec {
	use := uses{read: map[string]bool{}, used: map[string]bool{}}
	off := uses{read: map[string]bool{}, used: map[string]bool{}}
	for i := range s.Topologies {
		if t := &s.Topologies[i]; t.Off {
			off.declared(t)
		} else {
			use.declared(t)
		}
	}
	all, _ := All(inventory.Options{}) // the defaults are right
	for _, t := range all {
		use.builtIn(t)
	}
	var idle []string
	for _, t := range s.Topics {
		if off.used[t.Alias] && !use.used[t.Alias] {
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
	return slices.DeleteFunc(kafka.Specs(s, app), func(spec kafka.TopicSpec) bool { return slices.Contains(idle, spec.Name) })
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
