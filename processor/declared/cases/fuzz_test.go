package cases

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// A value that is written to a test as YAML is read as the same value.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"a":1.50,"b":["x",null,true,-0.1e3],"c":{"d e":"f: #g"}}`, `["no","y","1","1.0","~","null","0x1f","1_000","2026-01-01","-",": ","a:","- a","<<","=","\u0000\u001b\u0085\u2028\ufeff\ud83d\ude00"]`,
		`{"<<":1,"":2,"on":3,"a b":4,"$t":5,"#":6}`, `"` + strings.Repeat("long ", 60) + `"`, `1e400`, `[[[[]]]]`, `"\ud800"`,
	} {
		f.Add(seed)
	}
	const file = "scenario: s\ntopics: {a: {topic: a}, b: {topic: b}}\ntopologies: {t: {from: {a: {}}, emit: [{to: b}]}}\ntests:\n  - name: n\n    topology: t\n    when: [{at: 0s}]\n    then:\n      b:\n        - "
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parse([]byte(text))
		if err != nil || len(text) > 10_000 || v.huge() {
			return
		}
		source := file + v.yaml() + "\n"
		sc, problems := scenario.Read("f.yaml", []byte(source))
		if len(problems) > 0 {
			if known(problems.Error()) {
				return
			}
			t.Fatalf("%s: %v", v.yaml(), problems)
		}
		again, err := parse(sc.Tests[0].Then[0].Want[0].Value)
		if err != nil || !equal(&v, &again) {
			t.Fatalf("%s was read as %s, %v", v.yaml(), again.String(), err)
		}
	})
}

// huge reports whether a number in the value is beyond a float64, which YAML takes for a
// text.
func (v *value) huge() bool {
	_, err := strconv.ParseFloat(v.text, 64)
	return v.kind == '0' && err != nil ||
		slices.ContainsFunc(v.members, func(m member) bool { return m.huge() }) || slices.ContainsFunc(v.list, func(e value) bool { return e.huge() })
}

// known reports whether a value is refused that tests can't have. A recorded test is run
// before it is written, so that such values are no more than an error.
func known(problem string) bool {
	return strings.Contains(problem, "nested more than")
}
