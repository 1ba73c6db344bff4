package producer

import (
	"cmp"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// around is what the examples of generators refer to. FIELD is the generator's, and
// PRODUCER, ATTRIBUTES and FORMAT are those of its producer.
const around = `scenario: t
topics: {t: {topic: t}}
producers:
  catalog: {topic: t, key: id, rows: [{id: k1, price: 1.5}, {id: k2, price: 2}]}
  others: {topic: t, key: id, rows: [{id: k1}, {id: k2}]}
  PRODUCER:
    topic: t
    format: FORMAT
    ATTRIBUTES
    value:
      id: {sequence: "k-{n}"}
      price: {decimal: [1, 9]}
      total: {int: [50, 150], nulls: 20%}
      stock: {int: [0, 9], optional: 80%}
      threshold: 5
      customer_id: {ref: others.id}
      first: {fake: firstname, pool: 9}
      last: {one_of: ["O'Hara", "<&>", 'a "b", c', "ü\u0001\u0085"]}
      sensor_id: {int: [1, 3]}
      items: {list: [0, 3], of: {quantity: {int: [1, 9]}, unit_price: {decimal: [1, 5]}}, hidden: true}
      FIELD
`

// scenarioOf puts a generator into its place, in the producer that its kind needs.
func scenarioOf(name, format, attributes, field string) (source, runs string) {
	producer, runs := "p", "p"
	if name == "last" {
		field = "account_id: {one_of: [a, b]}\n      balance: {decimal: [1, 9], decimals: 2, keep: balance}\n      " + field
	}
	switch {
	case name == "caused_by" || name == "cause":
		producer, runs = "cause: {topic: t, value: {order_id: {sequence: \"o-{n}\"}}, causes: [{producer: p, share: 70%}]}\n  p", "cause"
	case name == "state" || strings.Contains(field, "fresh:"):
		attributes += "\n    states: {new: {then: {paid: 60%, new: 10%}, after: 1s}, paid: {then: done}, done: {}}"
	case !strings.Contains(attributes, "key:") && name != "last":
		attributes += "\n    key: id\n    earlier: 10%\n    tombstones: 20%"
	}
	return strings.NewReplacer("PRODUCER", producer, "FORMAT", format, "ATTRIBUTES", strings.TrimSpace(attributes), "FIELD", field).Replace(around), runs
}

// examples returns the example of each generator in the documentation, which is made of
// the grammar's table.
func examples(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## Generators")
	table, _, _ = strings.Cut(table, "Keys of all generators")
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\{(\\w+): .*?\\})` \\|").FindAllStringSubmatch(table, -1) {
		found[m[2]] = m[1]
	}
	if len(found) < 25 {
		t.Fatalf("only %d generators", len(found))
	}
	return found
}

// places are where a generator can be, and what can be added to it.
var places = []struct{ attributes, field string }{
	{"", "x: G"},
	{"", "x: G\n      y: {copy: x}"},
	{"", "x: {G, optional: 50%}"},
	{"", "x: {G, nulls: 50%, optional: 50%}"},
	{"", "x: {G, as: \"<{}>, \\\"\"}"},
	{"", "x: {G, fresh: true}"},
	{"", "x: {list: [0, 3], each: G}"},
	{"", "x: {list: [0, 3], of: {y: G, z: {G, optional: 50%}}}"},
	{"", "x: {object: {y: {object: {z: G}}}}"},
	{"", "x: [1, G]"},
	{"", "x: {one_of: [G, 1, null]}"},
	{"", "x: {if: \"threshold > 2\", then: G, else: no}"},
	{"headers: {h: G}", ""},
	{"key: G", ""},
	{"partition: G", ""},
}

// Whatever validate has no objection to runs to its end, and writes what the parser of
// its format reads: every generator in every place, format and fault.
func TestEveryGenerator(t *testing.T) {
	for name, example := range examples(t) {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"json", "csv", "{xml: R}", "{xml: R, declaration: true}"} {
				accepted, first := 0, ""
				for _, place := range places {
					with := func(text string) string {
						inner := strings.TrimSuffix(strings.TrimPrefix(example, "{"), "}")
						return strings.ReplaceAll(strings.ReplaceAll(text, "{G,", "{"+inner+","), "G", example)
					}
					source, runs := scenarioOf(name, format, with(place.attributes), with(place.field))
					first = cmp.Or(first, source)
					if checked(source) == "" {
						accepted++
						runsWell(t, source, runs)
					}
				}
				if problem := checked(first); accepted < 3 && !(format == "csv" && (name == "list" || name == "object")) {
					t.Errorf("only %d places are accepted with %s: %s", accepted, format, problem)
				}
			}
		})
	}
}

// runsWell runs a producer with each fault that its records can have.
func runsWell(t *testing.T, source, runs string) {
	t.Helper()
	sc := parsed(t, "t.yaml", source)
	plan := compiled(t, sc, runs)
	for _, fault := range faultNames {
		o := Options{Start: testStart, Count: 25, For: 1e12}
		if fault != "" {
			o.Faults = faultsOf(t, strings.Replace(fault+"=60%", "oversize=60%", "oversize=60%:100", 1))
		}
		if CheckOptions(plan, o) != nil {
			continue
		}
		if problem := wellFormed(t.Context(), plan, o); problem != "" && !strings.Contains(problem, "its partition is") {
			t.Errorf("with the fault %q: %s\n%s", fault, problem, source)
		}
	}
}

// wellFormed runs a plan, and returns what is wrong with its records.
func wellFormed(ctx context.Context, plan *Plan, o Options) string {
	sink := &collect{}
	if _, err := Run(ctx, plan, o, sink); err != nil {
		return err.Error()
	}
	for _, r := range sink.records {
		err := parses(plan.streams[r.Stream].spec.Format.Name, r.Value)
		switch {
		case r.Fault == "malformed" && (err == nil || r.Value == nil):
			return "well-formed: " + string(r.Value)
		case r.Fault != "malformed" && r.Value != nil && err != nil:
			return err.Error() + ": " + string(r.Value)
		}
	}
	return ""
}

// A scenario that the grammar and Check accept never makes a run fail or panic, and its
// records can be parsed.
func FuzzRun(f *testing.F) {
	for _, g := range []string{"a: {int: [1, 9]}", "a: {list: [1, 2], of: {b: {ref: c.id}}}", "a: {text: \"{b:03}\"}\n      b: 5", "a: {one_of: {x: 1}, optional: 5%}",
		"a: {if: \"b > 1\", then: 1, else: x}\n      b: {normal: {mean: 1, sd: 2}}", "a: {drift: {base: 1}}", "a: [1, {hex: 3}, null]", "a: {calc: \"1/0 * 99999999999\"}",
		"a: {fake: regex, with: {str: \"[a-z]+\"}}", "\"a&b\": \"\\ud83d\\ude00\"", "a: {int: [1, 2], hidden: true}"} {
		f.Add("rate: 5/s", g, byte(len(g)))
	}
	for i, a := range []string{"rate: 5/s\n    bursts: {every: 2s, for: 1s, rate: 9/s}", "ramp: {from: 1/h, up: 1ns}",
		"rate: 5/s\n    bursts: {every: 0s, for: 0s, rate: 9/s}", "ramp: {from: 1/s, up: 0s}", "bursts: {every: 2s, for: 1s, rate: max}", "jitter: poisson\n    key: {int: [1, 9], encoding: int32}",
		"states: {a: {then: {b: 1, a: 2}, after: {exponential: {mean: 5}}}, b: {}}", "partition: {int: [-5, 9]}\n    headers: {h: {hex: 2}}", "format: {xml: R}", "format: csv",
		"key: a\n    earlier: 20%\n    tombstones: 5%", "format: {xml: R}\n    key: a\n    tombstones: 50%", "format: csv\n    states: {a: {then: a, after: 1s}}",
		"causes: [{producer: p, depth: 3, count: {int: [0, 2]}, after: 1s}]", "key: a\n    causes: [{producer: p, share: 50%, count: {normal: {mean: 1, sd: 1}, max: 3}}]"} {
		f.Add(a, "a: {int: [1, 9]}", byte(i))
	}
	f.Fuzz(func(t *testing.T, attributes, fields string, fault byte) {
		sc, problems := scenario.Read("f.yaml", []byte("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  c: {topic: t, key: id, rows: [{id: 1}, {id: 2}]}\n  p:\n    topic: t\n    "+attributes+"\n    value:\n      "+fields+"\n"))
		if sc == nil || len(problems) > 0 || len(Check(sc)) > 0 {
			return
		}
		p, err := Compile(sc, CompileOptions{Names: []string{"p"}, UnknownRefs: true})
		if err != nil {
			return
		}
		o := Options{Start: testStart, Count: 8, For: 1e11}
		if name := faultNames[int(fault)%len(faultNames)]; name != "" {
			o.Faults = faultsOf(t, strings.Replace(name+"=60%", "oversize=60%", "oversize=60%:100", 1))
		}
		if CheckOptions(p, o) != nil {
			return
		}
		if problem := wellFormed(context.Background(), p, o); problem != "" && !strings.Contains(problem, "its partition is") {
			t.Fatal(problem)
		}
	})
}
