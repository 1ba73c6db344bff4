package producer

import (
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
)

const routed = `scenario: t
topics: {errors: {topic: "{app}-errors", partitions: 2}, warnings: {topic: warnings, partitions: 3}, other: {topic: other, partitions: 1}, fives: {topic: fives, partitions: 7}}
producers:
  p:
    topic: {by: level, to: {error: errors, warn: warnings, 5: fives}, else: other}
    key: id
    value: {id: {sequence: "k-{n}"}, level: LEVEL}
`

// A field decides the topic, whose partitions count.
func TestRoutes(t *testing.T) {
	sc := parsed(t, "t.yaml", strings.ReplaceAll(routed, "LEVEL", "{one_of: [error, warn, info, 5, null]}"))
	p := compiled(t, sc, "p")
	if got := p.Topics(); !slices.Equal(got, []string{"other", "errors", "warnings", "fives"}) {
		t.Errorf("the topics are %v", got)
	}
	sink := &collect{}
	if _, err := Run(t.Context(), p, Options{App: "app", Start: testStart, Count: 500, Partitions: map[string]int{"warnings": 30}}, sink); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range sink.records {
		want, partitions := "other", 1
		switch {
		case strings.Contains(string(r.Value), `"error"`):
			want, partitions = "app-errors", 2
		case strings.Contains(string(r.Value), `"warn"`):
			want, partitions = "warnings", 30
		case strings.Contains(string(r.Value), `:5}`):
			want, partitions = "fives", 7
		}
		if r.Topic != want || int(r.Partition) >= partitions {
			t.Errorf("%s goes to %s-%d", r.Value, r.Topic, r.Partition)
		}
		seen[r.Topic] = max(seen[r.Topic], int(r.Partition)+1)
	}
	if len(seen) != 4 || seen["warnings"] < 20 {
		t.Errorf("%v", seen)
	}
}

func TestRouteProblems(t *testing.T) {
	for level, want := range map[string]string{
		"{one_of: [error, warn, 4]}":     `t.yaml:5:60: to: "level" is never "5"`,
		"{object: {a: 1}}":               `t.yaml:5:17: by: "level" is an object, not a plain value`,
		"5, lvel: 5, levels: {hex: 100}": "hex must be from 1 to 64",
	} {
		sc, problems := scenario.Read("t.yaml", []byte(strings.ReplaceAll(routed, "LEVEL", level)))
		if sc != nil {
			problems = append(problems, Check(sc)...)
		}
		checkProblem(t, level, problems, want)
	}
	for from, want := range map[string][2]string{
		"by: level":      {"by: levl", `by: there is no field "levl" here; did you mean "level"?`},
		"warn: warnings": {"warn: warningz", `producer "p" writes to the topic "warningz", which is not an alias under topics; did you mean "warnings"?`},
		"else: other":    {"else: othr", `which is not an alias under topics; did you mean "other"?`},
	} {
		sc := parsed(t, "t.yaml", strings.Replace(strings.ReplaceAll(routed, "LEVEL", "{hex: 2}"), from, want[0], 1))
		checkProblem(t, from, Check(sc), want[1])
	}
}
