package producer

import (
	"strings"
	"testing"
)

// Names with dots, blanks and signs can be referred to everywhere: in paths the longest
// name counts, and backticks say which one is meant.
func TestNames(t *testing.T) {
	for fields, want := range map[string]string{
		"user.id: 7, a: {copy: user.id}":                                               `{"user.id":7,"a":7}`,
		"first name: Ada, a: {text: \"Dear {first name}\"}":                            `{"first name":"Ada","a":"Dear Ada"}`,
		"order-id: 7, a: {calc: \"`order-id` * 2\"}":                                   `{"order-id":7,"a":14}`,
		"x.y: 1, x: {object: {y: 2}}, a: {copy: x.y}, b: {copy: \"`x`.y\"}":            `{"x.y":1,"x":{"y":2},"a":1,"b":2}`,
		"x: {object: {y.z: 3}}, a: {copy: x.y.z}, b: {calc: x.y.z + 1}":                `{"x":{"y.z":3},"a":3,"b":4}`,
		"dc:title: t, a: {text: \"{`dc:title`}\"}":                                     `{"dc:title":"t","a":"t"}`,
		"l: {list: [2, 2], of: {unit price: 3, n: 2}}, a: {sum: l.`unit price` * l.n}": `{"l":[{"unit price":3,"n":2},{"unit price":3,"n":2}],"a":12}`,
		"l.x: {list: [2, 2], each: 1}, a: {count: l.x}":                                `{"l.x":[1,1],"a":2}`,
		"größe (cm): 180, a: {if: \"`größe (cm)` > 170\", then: tall, else: short}":    `{"größe (cm)":180,"a":"tall"}`,
	} {
		if got := valuesOf(t, fields, 1)[0]; got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	// A field with a dot in its name has other values than one inside another.
	for _, line := range valuesOf(t, "a.b: {hex: 16}, a: {object: {b: {hex: 16}}}", 3) {
		if one, other, _ := strings.Cut(line, `","a":{"b":"`); strings.HasSuffix(one, strings.TrimSuffix(other, `"}}`)) {
			t.Error(line)
		}
	}
	sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  users.all: {topic: t, key: user.id, rows: [{user.id: 7, full name: Ada}]}
  p: {topic: t, key: user.id, earlier: 90%, headers: {trace.id: {copy: user.id}}, value: {user.id: {sequence: 1}, name: {ref: "`+"`users.all`.full name"+`"}, of: {ref: "`+"`users.all`.`user.id`"+`"}}}
`)
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 20}, sink); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		if want := `{"user.id":` + string(r.Key) + `,"name":"Ada","of":7}`; string(r.Value) != want || string(headerOf(r, "trace.id")) != string(r.Key) {
			t.Errorf("%s %s", r.Key, r.Value)
		}
	}
}

// In an object or an element, a field's own name is that of the field outside.
func TestOuterFieldOfTheSameName(t *testing.T) {
	for fields, want := range map[string]string{
		"id: 7, o: {object: {id: {copy: id}}}":                                     `{"id":7,"o":{"id":7}}`,
		"o: {object: {id: {copy: id}}}, id: 7":                                     `{"o":{"id":7},"id":7}`,
		"id: 7, o: {object: {p: {object: {id: {calc: id * 2}}}, id: 9}}":           `{"id":7,"o":{"p":{"id":18},"id":9}}`,
		"id: 7, o: {object: {p: {object: {id: {copy: id}}}}}":                      `{"id":7,"o":{"p":{"id":7}}}`,
		"id: 7, l: {list: [2, 2], of: {id: {text: \"x{id}\"}, again: {copy: id}}}": `{"id":7,"l":[{"id":"x7","again":"x7"},{"id":"x7","again":"x7"}]}`,
		"user: {object: {id: 7}}, o: {object: {user: {copy: user.id}}}":            `{"user":{"id":7},"o":{"user":7}}`,
		"user: 7, o: {object: {user: {object: {id: {copy: user}}}}}":               `{"user":7,"o":{"user":{"id":7}}}`,
		"n: 3, o: {object: {n: {if: \"n > 2\", then: {copy: n}, else: 0}}}":        `{"n":3,"o":{"n":3}}`,
		"n: 3, o: {object: {a: {calc: n + 1}, n: {calc: n * 2}}}":                  `{"n":3,"o":{"a":7,"n":6}}`,
	} {
		if got := valuesOf(t, fields, 1)[0]; got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	for fields, want := range map[string]string{
		"a: {copy: a}":                                    `copy: "a" depends on itself`,
		"o: {object: {a: {copy: a}}}":                     `copy: "a" depends on itself`,
		"o: {object: {a: {copy: o.b}, b: 1}}":             `copy: "o.b" depends on itself`,
		"a: 1, o: {object: {a: {copy: b}, b: {copy: a}}}": `copy: "a" depends on itself`,
		"a: {copy: b}, b: {object: {c: {copy: a}}}":       `copy: "a" depends on itself`,
	} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {"+fields+"}}\n")
		checkProblem(t, fields, Check(sc), want)
	}
}
