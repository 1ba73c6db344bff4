package producer

import (
	"strings"
	"testing"

	"inv/internal/scenario"
)

// problemsOf returns the problems of a producer with these fields in YAML.
func problemsOf(t *testing.T, fields string) string {
	t.Helper()
	return checked("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    value:\n" + indent(fields, "      "))
}

// checked returns the problems of a scenario, of the grammar and the producers.
func checked(source string) string {
	sc, problems := scenario.Read("t.yaml", []byte(source))
	if sc != nil {
		problems = append(problems, Check(sc)...)
	}
	return problems.Error()
}

// Numbers stay in their range, although it has more decimals than they do.
func TestRangesHold(t *testing.T) {
	for _, tt := range []struct {
		yaml      string
		low, high float64
	}{
		{"{decimal: [-0.05, 0.05], decimals: 1}", 0, 0},
		{"{decimal: [-0.15, 0.25], decimals: 1}", -0.1, 0.2},
		{"{decimal: [0.5, 9.99], decimals: 0}", 1, 9},
		{"{decimal: [-9.99, -0.5], decimals: 0}", -9, -1},
		{"{normal: {mean: 0, sd: 3}, decimals: 1, min: -0.05, max: 0.05}", 0, 0},
		{"{normal: {mean: 0, sd: 3}, min: -1.5, max: 2.5}", -1, 2},
		{"{exponential: {mean: 1}, max: 1.75, decimals: 1}", 0, 1.7},
	} {
		seen := map[float64]bool{}
		for _, v := range numbers(t, fields(t, 500, "a: "+tt.yaml), "a") {
			seen[v] = true
			if v < tt.low || v > tt.high {
				t.Fatalf("%s gives %g", tt.yaml, v)
			}
		}
		if !seen[tt.low] || !seen[tt.high] {
			t.Errorf("%s does not give %g or %g", tt.yaml, tt.low, tt.high)
		}
	}
	for yaml, want := range map[string]string{
		"{decimal: [0.01, 0.04], decimals: 1}":                        "t.yaml:7:10: no number with `decimals: 1` is from 0.01 to 0.04",
		"{normal: {mean: 0, sd: 1}, min: 0.2, max: 0.8}":              "no number with `decimals: 0` is from 0.2 to 0.8",
		"{decimal: [1, 1000000000000], decimals: 9}":                  "does not fit 9 decimals",
		"{normal: {mean: 0, sd: 1}, max: 1000000000000, decimals: 9}": "does not fit 9 decimals",
		"{decimal: [-9000000000, 9000000000], decimals: 9}":           "does not fit 9 decimals",
		"{exponential: {mean: 1}, min: 5, max: 2}":                    "min is above max",
	} {
		if got := problemsOf(t, "a: "+yaml); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", yaml, got, want)
		}
	}
}
