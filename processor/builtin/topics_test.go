package builtin_test

import (
	"slices"
	"testing"

	"inv/internal/scenario"
	"inv/processor/builtin"
)

// The topics of sinks are neither created nor missed by those that don't forward.
func TestTopicsOfSinks(t *testing.T) {
	s, err := scenario.Parse("t.yaml", []byte("scenario: t\ntopics: {a: {topic: a}}\nsinks: {x: {from: a, files: {folder: f, format: csv}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if specs := builtin.Specs(s, "shop"); len(specs) != 1 || specs[0].Name != "a" {
		t.Errorf("%+v", specs)
	}
	if idle := builtin.Idle(s, "shop"); !slices.Equal(idle, []string{"shop-forward-x.dlq", "shop-forward-x.retry"}) {
		t.Errorf("%q", idle)
	}
}
