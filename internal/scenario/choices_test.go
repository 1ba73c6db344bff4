package scenario

import (
	"strings"
	"testing"
)

func TestWeights(t *testing.T) {
	for gen, want := range map[string]string{
		"{one_of: [a, b], weights: [1]}":           "6:42: there are 1 weights for 2 elements",
		"{one_of: {a: 1}, weights: [1]}":           "weights are those of a list; a mapping has its own",
		"{one_of: [a, b], weights: [0, 0]}":        "6:42: one_of has nothing to choose from",
		"{weights: [1, -1], one_of: [a, b]}":       "a weight is negative",
		"{one_of: {a: -1}}":                        "the weight of a is negative",
		"{one_of: [a, b], weights: {a: 1}}":        "weights must be a list",
		"{one_of: [{object: {b: {nit: 1}}}, 2]}":   `there is no generator "nit"`,
		"{one_of: [{if: a, then: 1}], weights: 5}": "weights must be a list",
	} {
		_, problems := Read("t.yaml", []byte(head+"    value: {x: "+gen+"}\n"))
		if len(problems) == 0 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %v, want %s", gen, problems, want)
		}
	}
	sc, problems := Read("t.yaml", []byte(head+"    value: {x: {weights: [3, 0.5], one_of: [a, b]}}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c := sc.Producers[0].Value.Spec.(*Object).Fields[0].Gen.Spec.(*OneOf).Choices; c[0].Weight != 3 || c[1].Weight != 0.5 {
		t.Errorf("%+v", c)
	}
}
