package producer

import (
	"strings"
	"testing"
)

// One of several values can be an object or a list, in any format, and other fields can
// use what all objects have.
func TestChoiceOfObjects(t *testing.T) {
	const objects = "{object: {type: card, number: {int: [1, 1]}}}, {object: {type: iban, iban: NL01}}"
	count := map[string]int{}
	for _, line := range valuesOf(t, "p: {one_of: ["+objects+"], weights: [3, 1]}, t: {copy: p.type}, u: {if: \"p.type == 'card'\", then: 1, else: {object: {a: [1, {copy: t}]}}}", 400) {
		count[line]++
	}
	card, iban := `{"p":{"type":"card","number":1},"t":"card","u":1}`, `{"p":{"type":"iban","iban":"NL01"},"t":"iban","u":{"a":[1,"iban"]}}`
	if len(count) != 2 || count[card] < 250 || count[iban] < 60 {
		t.Errorf("%v", count)
	}
	for fields, want := range map[string]string{
		"a: {one_of: [{object: {b: {copy: c}}}]}, c: 5":                                          `{"a":{"b":5},"c":5}`,
		"a: {one_of: [[1, 2]]}":                                                                  `{"a":[1,2]}`,
		"a: {one_of: [{object: {b: 1}}], nulls: 100%}":                                           `{"a":null}`,
		"a: {one_of: [{object: {b: 1}}], optional: 0%}, b: 2":                                    `{"b":2}`,
		"l: {list: [2, 2], each: {one_of: [{object: {b: 1}}]}}":                                  `{"l":[{"b":1},{"b":1}]}`,
		"a: {if: \"1 > 2\", then: 0, else: {list: [1, 1], of: {b: 1}}}":                          `{"a":[{"b":1}]}`,
		"a: {one_of: [{one_of: [{object: {b: 1}}]}]}, c: {copy: a.b}":                            `{"a":{"b":1},"c":1}`,
		"a: {if: \"1 > 2\", then: {object: {n: 1}}, else: {object: {n: 2}}}, b: {calc: a.n * 2}": `{"a":{"n":2},"b":4}`,
		"id: 1, a: {one_of: [{object: {id: {copy: id}}}]}":                                       `{"id":1,"a":{"id":1}}`,
	} {
		if got := valuesOf(t, fields, 1)[0]; got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	if got := formatted(t, "{xml: R}", "value: {a: {one_of: [{object: {b: 1, c: [2, 3]}}]}, d: {one_of: [[4, 5]]}}"); !strings.HasPrefix(got, "<R><a><b>1</b><c>2</c><c>3</c></a><d>4</d><d>5</d></R>\n") {
		t.Error(got)
	}
	for fields, want := range map[string]string{
		"a: {one_of: [" + objects + "]}, b: {copy: a.iban}":      `copy: "a.iban" has no such field inside`,
		"a: {one_of: [1, {object: {b: 1}}]}, b: {text: \"{a}\"}": "text: {a} is one of several objects or lists, not a plain value",
		"a: {one_of: [1, {object: {b: 1}}]}, b: {calc: a + 1}":   `"a" is one of several objects or lists; an expression is of plain values`,
		"a: {one_of: [[1], [2]], as: \"{}\"}":                    "`as` writes a plain value, not one of several",
	} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {"+fields+"}}\n")
		checkProblem(t, fields, Check(sc), want)
	}
}

// A default stands where a field is null or absent, and only there.
func TestDefault(t *testing.T) {
	for fields, want := range map[string]string{
		"a: {copy: b, default: 5}, b: 1":                                                   `{"a":1,"b":1}`,
		"a: {copy: b, default: 5}, b: null":                                                `{"a":5,"b":null}`,
		"a: {copy: b, default: 5}, b: {int: [1, 1], nulls: 100%}":                          `{"a":5,"b":null}`,
		"a: {copy: b, default: {text: \"no {c}\"}}, b: {hex: 2, optional: 0%}, c: x":       `{"a":"no x","c":"x"}`,
		"a: {copy: b, default: {object: {x: 1}}}, b: {hex: 2, optional: 0%}":               `{"a":{"x":1}}`,
		"a: {copy: b, default: 1.5}, b: {int: [1, 1], optional: 0%}, c: {calc: a * 2}":     `{"a":1.5,"c":3.0}`,
		"b: {hex: 2, optional: 0%}, l: {list: [1, 1], of: {a: {copy: b, default: 7}}}":     `{"l":[{"a":7}]}`,
		"b: {hex: 2, optional: 0%}, o: {object: {b: {copy: b, default: {copy: c}}}}, c: 2": `{"o":{"b":2},"c":2}`,
	} {
		if got := valuesOf(t, fields, 1)[0]; got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	for _, line := range valuesOf(t, "b: {int: [1, 9], optional: 50%, nulls: 30%}, a: {copy: b, default: 0}", 300) {
		b, a, _ := strings.Cut(strings.Trim(line, "{}"), `"a":`)
		if b = strings.TrimSuffix(strings.TrimPrefix(b, `"b":`), ","); b == "" || b == "null" {
			b = "0"
		}
		if a != b {
			t.Error(line)
		}
	}
}
