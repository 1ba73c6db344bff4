package scenario

import (
	"strings"
	"testing"
	"time"
)

const testsFile = `scenario: s
topics: {a: {topic: a}, b: {topic: b}}
topologies: {t: {from: {a: {}}, emit: [{to: b}]}}
tests:
  - name: n
    topology: t
`

func TestStartAndHeaders(t *testing.T) {
	source := testsFile + `    start: 2026-11-29T12:00:00.5+01:00
    when: [{at: 1s, a: {x: 1}, key: 7, headers: {label: fraud, n: 5, none: null}}]
    then: {}
`
	sc, problems := Read("f.yaml", []byte(source))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	test := &sc.Tests[0]
	if want := time.Date(2026, 11, 29, 11, 0, 0, 5e8, time.UTC); !test.Start.Equal(want) {
		t.Errorf("start %s, want %s", test.Start, want)
	}
	h := test.When[0].Headers
	if len(h) != 3 || h[0].Name != "label" || *h[0].Value != "fraud" || *h[1].Value != "5" || h[2].Value != nil {
		t.Errorf("headers %+v", h)
	}
}

func TestWrongStartAndHeaders(t *testing.T) {
	for _, test := range []struct{ lines, want string }{
		{"start: noon, when: [{a: 1}]", "start must be a time such as 2026-01-31T12:00:00Z"},
		{"start: 1960-01-01T00:00:00Z, when: [{a: 1}]", "from 1970 to 9999"},
		{"when: [{headers: {a: b}}]", "has headers, and no record"},
		{"when: [{a: 1, headers: [1]}]", "headers must be a mapping"},
		{"when: [{a: 1, headers: {x: {}}}]", "a header must be"},
	} {
		source := strings.Replace(testsFile, "  - name: n\n    topology: t\n", "  - {name: n, topology: t, "+test.lines+"}\n", 1)
		if _, problems := Read("f.yaml", []byte(source)); len(problems) != 1 || !strings.Contains(problems.Error(), test.want) {
			t.Errorf("%s: %v", test.lines, problems)
		}
	}
}
