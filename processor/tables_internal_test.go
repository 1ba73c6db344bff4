package processor

import (
	"slices"
	"testing"

	"inv/internal/scenario"
	"inv/processor/stage"
)

// A topic that a stage reads as a table is known wherever one of its sources is, but is
// not read by the group and has no dead letters.
func TestTablesAreInputsBesideTheGroup(t *testing.T) {
	sc, err := scenario.Parse("tables.yaml", []byte(`scenario: tables
topics:
  facts: {topic: facts}
  rows: {topic: rows, cleanup: compact}
  both: {topic: both}
  out: {topic: out}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := Stage{
		Name: "s", Reads: []string{"facts", "both"}, Tables: []string{"rows", "both"},
		Writes: []Output{{Topic: "out", Kind: "out"}},
		New:    func(Env) (stage.Logic, error) { return nil, nil },
	}
	all := []Topology{{Name: "t", Stages: []Stage{s}}}
	for what, c := range map[string]struct{ got, want []string }{
		"identity":   {s.identity(), []string{"facts", "both", "rows"}},
		"inputs":     {InputTopics(sc, "app", all), []string{"both", "facts", "rows"}},
		"group":      {Groups(sc, "app", all)[0].Topics, []string{"facts", "both"}},
		"written":    {WrittenTopics(sc, "app", all), []string{"both.dlq", "facts.dlq", "out"}},
		"layout":     {slices.Sorted(namesOf(t, sc, all)), []string{"both", "facts", "out", "rows"}},
		"lost, kept": {KeptTopics(sc, "app", all), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
	for alias, ok := range map[string]bool{"rows": true, "facts": true, "out": false} {
		if err := (&Config{Topologies: all, SkipLost: []string{alias}}).checkSkipLost(); (err == nil) != ok {
			t.Errorf("skipping what is lost of %s: %v", alias, err)
		}
	}
}

func namesOf(t *testing.T, sc *scenario.Scenario, all []Topology) func(func(string) bool) {
	l, err := newLayout(Config{Scenario: sc, AppID: "app", Topologies: all})
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		for _, name := range l.names {
			if !yield(name) {
				return
			}
		}
	}
}
