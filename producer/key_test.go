package producer

import (
	"fmt"
	"strings"
	"testing"
)

// A key that is an object or a list is its JSON.
func TestObjectKeys(t *testing.T) {
	for _, tt := range []struct{ key, fields, want string }{
		{"{object: {id: {copy: id}, region: eu}}", "id: {sequence: 7}", `{"id":7,"region":"eu"}`},
		{"o", "o: {object: {a: 1, b: \"x,\\\"\"}}", `{"a":1,"b":"x,\""}`},
		{"l", "l: [1, {copy: a}], a: x", `[1,"x"]`},
		{"{copy: o.p}", "o: {object: {p: {object: {q: 1}}}}", `{"q":1}`},
		{"{one_of: [{object: {a: {copy: a}}}]}", "a: 5", `{"a":5}`},
		{"{object: {a: {hex: 2, optional: 0%}, b: null}}", "a: 5", `{"b":null}`},
	} {
		sc := parsed(t, "t.yaml", fmt.Sprintf("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, key: %s, value: {%s}}\n", tt.key, tt.fields))
		sink := &collect{}
		if _, err := Run(t.Context(), withoutFaults(t, sc, "p"), Options{Start: testStart, Count: 1}, sink); err != nil {
			t.Fatal(err)
		}
		if got := string(sink.records[0].Key); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.key, got, tt.want)
		}
	}
}

// Updates and tombstones have the whole key of an earlier record, and the fields of an
// update are those in its key.
func TestEarlierObjectKeys(t *testing.T) {
	for key, value := range map[string]string{
		"{object: {id: {copy: id}, at: {object: {city: {copy: city}}}}}": `{"id":%s,"at":{"city":%s}}`,
		"[{copy: id}, {copy: city}]":                                     `[%s,%s]`,
	} {
		if strings.HasPrefix(key, "[") {
			key = "{object: {all: " + key + "}}"
			value = `{"all":` + value + `}`
		}
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, earlier: 40%, tombstones: 10%, key: "+key+", value: {id: {sequence: 1}, city: {fake: city}, n: {hex: 8}}}\n")
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 500}, sink); err != nil {
			t.Fatal(err)
		}
		known, again := map[string]bool{}, 0
		for _, r := range sink.records {
			if known[string(r.Key)] {
				again++
			}
			known[string(r.Key)] = true
			if r.Value == nil {
				continue
			}
			id, rest, _ := strings.Cut(strings.TrimPrefix(string(r.Value), `{"id":`), `,"city":`)
			city, _, _ := strings.Cut(rest, `,"n"`)
			if want := fmt.Sprintf(value, id, city); string(r.Key) != want {
				t.Fatalf("key %s, value %s", r.Key, r.Value)
			}
		}
		if again < 200 || again > 300 {
			t.Errorf("%s: %d of 500 keys are earlier ones", key, again)
		}
	}
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, earlier: 40%, key: l, value: {l: {list: [1, 2], each: {hex: 2}}}}\n")
	checkProblem(t, "a list", Check(sc), "the key has a list with elements")
}
