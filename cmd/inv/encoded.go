package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/sr"
)

// encoded has the formats of keys and values of a scenario's topics, by the topic's name.
// Topics with neither are not in it; those of dead letters have their topic's formats.
type encoded map[string]struct{ key, value string }

func encodedTopics(sc *scenario.Scenario, app string) encoded {
	e := encoded{}
	for _, t := range sc.Topics {
		if of := (struct{ key, value string }{t.KeyFormat.Name, t.Format.Name}); of.key+of.value != "" {
			name := t.NameFor(app)
			e[name], e[name+".dlq"] = of, of
		}
	}
	for i := range sc.Sinks {
		k := &sc.Sinks[i]
		if of, all := e.ofAll(sc, app, k.From); all {
			e[forward.DeadLetterTopic(app, k.Name)], e[forward.RetryTopic(app, k.Name)] = of, of
		}
	}
	return e
}

// ofAll returns the formats of the first of several topics; all is false if one of them
// has no format for values.
func (e encoded) ofAll(sc *scenario.Scenario, app string, aliases []string) (of struct{ key, value string }, all bool) {
	var names []string
	for _, alias := range aliases {
		names = append(names, sc.TopicNames(alias, app)...)
	}
	for i, name := range names {
		one := e[name]
		if one.value == "" {
			return of, false
		}
		if of.value = one.value; i == 0 || one.key == "" {
			of.key = one.key
		}
	}
	return of, len(names) > 0
}

// shown returns what decodes the topics' records for a reader. keys and values are the
// forms of those without a format. Forms that need no registry are those of all.
func (e encoded) shown(ctx context.Context, client *sr.Client, keys, values registry.Form) *registry.Shown {
	o := registry.ShownOptions{Keys: keys, Values: values}
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if e[name].key != "" && keys != registry.Other {
			o.KeyTopics = append(o.KeyTopics, name)
		}
		if e[name].value != "" && values != registry.Other {
			o.ValueTopics = append(o.ValueTopics, name)
		}
	}
	return registry.NewShown(ctx, client, o)
}

// note returns what is missing to decode some topics, if one of them has a format.
func (e encoded) note(topics []string) string {
	for _, name := range topics {
		if of, ok := e[name]; ok {
			what := "values are " + of.value
			if of.value == "" {
				what = "keys are " + of.key
			}
			return fmt.Sprintf("%s: %s, and no schema registry is known, so its records are shown as they are; --registry URL, INV_REGISTRY or schema_registry in the profile decodes them", name, what)
		}
	}
	return ""
}
