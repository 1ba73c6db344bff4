package producer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// A calculation is exact at any size of its steps, and rounded once, half away from
// zero.
func TestCalculations(t *testing.T) {
	for _, c := range []struct{ generator, want string }{
		{`calc: "a * b * c", decimals: 2`, "94521.60"},
		{`calc: "b * c"`, "0.378086417500"},
		{`calc: "0.1 + 0.2"`, "0.3"},
		{`calc: "1.50 * 2.25"`, "3.3750"},
		{`calc: "2 - 2.50"`, "-0.50"},
		{`calc: "-(3)"`, "-3"},
		{`calc: "10 / 4", decimals: 1`, "2.5"},
		{`calc: "10 / 4", decimals: 0`, "3"},
		{`calc: "-10 / 4", decimals: 0`, "-3"},
		{`calc: "1 / 3", decimals: 9`, "0.333333333"},
		{`calc: "2 / 3", decimals: 1`, "0.7"},
		{`calc: "10 / 3.00", decimals: 3`, "3.333"},
		{`calc: "1 / 3 + 1 / 6", decimals: 6`, "0.500000"},
		{`calc: "1 / 3 * 3", decimals: 9`, "1.000000000"},
		{`calc: "6 / (1 / 3)", decimals: 0`, "18"},
		{`calc: "1 / (0 - 3)", decimals: 2`, "-0.33"},
		{`calc: "0.145 * 1", decimals: 2`, "0.15"},
		{`calc: "-0.145 * 1", decimals: 2`, "-0.15"},
		{`calc: "999999999999 * 999999999999 / 999999999999", decimals: 0`, "999999999999"},
		{`calc: "999999999999 * 999999999999 * 999999999999 / 999999999999 / 999999999998", decimals: 0`, "1000000000000"},
		{`calc: "999999999999 * 9223372", decimals: 0`, "9223371999990776628"},
		{`compare: "999999999999 * 999999999999 * 3 > 999999999999 * 999999999999 * 2"`, "true"},
		{`compare: "999999999999 * 999999999999 - 1 == 999999999999 * 999999999999"`, "false"},
		{`compare: "1 / 3 * 3 == 1"`, "true"},
		{`compare: "1 / (0 - 3) < 0.5"`, "true"},
		{`sum: "l.x / 3", decimals: 2`, "1.00"},
		{`sum: "l.x * a", decimals: 1`, "750000.0"},
		{`sum: "1 / (l.x + l.x + l.x)", decimals: 2`, "1.00"},
		{`sum: "l.x * 999999999999 * 999999999999 / 999999999999", decimals: 0`, "2999999999997"},
		{`sum: "l.x * 0.50"`, "1.50"},
	} {
		r := fields(t, 1, "a: 250000.00\nb: 151.234567\nc: 0.002500\nl: {list: 3, of: {x: 1}}\nv: {"+c.generator+"}\n")[0]
		if got := fmt.Sprint(r["v"]); got != c.want {
			t.Errorf("%s is %s, want %s", c.generator, got, c.want)
		}
	}
}

// A quotient by zero is null, as is what follows from it.
func TestDivisionByZero(t *testing.T) {
	nulls := 0
	for _, r := range fields(t, 200, "n: {int: [0, 1]}\nq: {calc: \"7 / n\", decimals: 1}\nnext: {calc: q + 1}\nbig: {compare: \"7 / n > 3\"}\nkind: {if: \"7 / n > 3\", then: big, else: small}\n") {
		want := map[string]any{"q": nil, "next": nil, "big": nil, "kind": nil}
		if fmt.Sprint(r["n"]) == "1" {
			want = map[string]any{"q": "7.0", "next": "8.0", "big": true, "kind": "big"}
		} else {
			nulls++
		}
		for name, v := range want {
			if fmt.Sprint(r[name]) != fmt.Sprint(v) {
				t.Fatalf("%s is %v, want %v: %v", name, r[name], v, r)
			}
		}
	}
	if nulls == 0 {
		t.Error("n is never 0")
	}
}

// The largest record counts, not the longest list that any generator could make; weights
// of 0 and constants are known.
func TestLongestLists(t *testing.T) {
	for _, list := range []string{
		"{list: 2, each: {list: 2, each: {list: 2, each: 1}}}",
		"{list: {literal: 100}, each: {list: {one_of: {1: 5, 100: 1, 9000: 0}}, each: {list: 100, each: 1}}}",
		"{list: 10000, each: {list: {calc: \"2 * 50\"}, each: 1}}",
		"{list: {normal: {mean: 3, sd: 1}, max: 9}, each: {list: {exponential: {mean: 9}, max: 100}, each: {list: 1000, each: 1}}}",
	} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {a: "+list+"}}\n")
		if problems := Check(sc); len(problems) > 0 {
			t.Errorf("%s: %v", list, problems)
		}
	}
}

const nullSource = `scenario: t
topics: {t: {topic: t, partitions: 4}}
producers:
  rows:
    topic: t
    key: id
    value:
      id: {sequence: "{n}"}
      price: {int: [1, 9], nulls: 40%}
      tag: {hex: 3, optional: 60%}
      o: {object: {x: {int: [1, 9]}}, nulls: 40%}
      none: null
  p:
    topic: t
    ATTRIBUTES
    causes: [{producer: caused}]
    value:
      id: {ref: rows.id, first: 50}
      price: {ref: rows.price, first: 50}
      tag: {ref: rows.tag, first: 50}
      x: {ref: rows.o.x, first: 50}
      none: {ref: rows.none, first: 50}
      total: {calc: price * 2}
      label: {text: "{tag}"}
      k: {int: [0, 3], nulls: 30%, optional: 70%}
  caused:
    topic: t
    value:
      id: {caused_by: id}
      price: {caused_by: price}
      tag: {caused_by: tag}
      k: {caused_by: k}
      k2: {calc: k + 1}
`

// What a ref and caused_by take from another record is what that record has.
func TestValuesOfOtherRecords(t *testing.T) {
	source := strings.Replace(nullSource, "ATTRIBUTES", "key: k", 1)
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "rows", "p"), Options{Start: testStart, Count: 200}, sink); err != nil {
		t.Fatal(err)
	}
	rows, of := map[string]map[string]any{}, map[int64]map[string]any{}
	slices.SortStableFunc(sink.records, func(a, b Record) int { return cmp.Compare(a.Stream, b.Stream) })
	for i := range sink.records {
		r := &sink.records[i]
		v := decoded(t, r.Value)
		switch r.Stream {
		case 0:
			rows[v["id"].(string)] = v
		case 1:
			row := rows[v["id"].(string)]
			for name, from := range map[string]string{"price": "price", "tag": "tag", "x": "o.x", "none": "none"} {
				if got, want := valueAt(v, name), valueAt(row, from); got != want {
					t.Fatalf("%s is %v in %s, and %v in row %v", name, got, r.Value, want, row)
				}
			}
			if (v["price"] == nil) != (v["total"] == nil) || missing(valueAt(v, "tag")) != (v["label"] == nil) {
				t.Fatalf("%s", r.Value)
			}
			if k := valueAt(v, "k"); missing(k) != (r.Key == nil) || r.Key != nil && string(r.Key) != fmt.Sprint(k) {
				t.Fatalf("%s: the key is %q", r.Value, r.Key)
			}
			of[r.Number] = v
		default:
			cause := of[r.Number]
			for _, name := range []string{"id", "price", "tag", "k"} {
				if valueAt(v, name) != valueAt(cause, name) {
					t.Fatalf("%s has another %s than its cause %v", r.Value, name, cause)
				}
			}
			if missing(valueAt(v, "k")) != (v["k2"] == nil) {
				t.Fatalf("%s", r.Value)
			}
		}
	}
}

// A key from a null or absent value is null, in every form that a key has; the
// partition then depends on the record's number. A null partition is the partitioner's.
func TestNullKeys(t *testing.T) {
	for attributes, null := range map[string]string{
		"key: k":                                "k",
		"key: {copy: k, encoding: int64}":       "k",
		"key: {copy: k, encoding: int32}":       "k",
		"key: {text: \"{k}\"}":                  "k",
		"key: {copy: k, as: \"k{}\"}":           "k",
		"key: {calc: k + 1}":                    "k",
		"key: {if: k > 1, then: a, else: b}":    "k",
		"key: {copy: x}":                        "x",
		"key: {literal: null}":                  "none",
		"key: {one_of: [null]}":                 "none",
		"key: {literal: null, encoding: int64}": "none",
		"key: {copy: total, encoding: int64}":   "price",
		"key: id\n    partition: {copy: k}":     "",
	} {
		source := strings.Replace(nullSource, "ATTRIBUTES", attributes, 1)
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "p"), Options{Start: testStart, Count: 200}, sink); err != nil {
			t.Fatal(err)
		}
		nulls := 0
		for i := range sink.records {
			r := &sink.records[i]
			if r.Stream != 0 {
				continue
			}
			v := decoded(t, r.Value)
			want := null != "" && missing(valueAt(v, null))
			if (r.Key == nil) != want || r.Key != nil && len(r.Key) == 0 {
				t.Fatalf("%s: the key of %s is %q", attributes, r.Value, r.Key)
			}
			if want {
				nulls++
			}
			if want && r.Partition != int32(r.Number%4) {
				t.Fatalf("%s: record %d is on partition %d", attributes, r.Number, r.Partition)
			}
			if k := valueAt(v, "k"); null == "" && !missing(k) && fmt.Sprint(r.Partition) != fmt.Sprint(k) {
				t.Fatalf("%s: %s is on partition %d", attributes, r.Value, r.Partition)
			}
		}
		if null != "" && nulls == 0 {
			t.Errorf("%s: no key is null", attributes)
		}
	}
}

// Kafka refuses a null key on a compacted topic, so a scenario can't have one there.
func TestNullKeyOfCompactedTopic(t *testing.T) {
	sc, _ := scenario.Read("t.yaml", []byte("scenario: t\ntopics: {t: {topic: t, cleanup: compact}}\nproducers:\n  p: {topic: t, key: k, value: {k: {int: [1, 2], nulls: 1%}}}\n  q: {topic: t, key: k, value: {k: {int: [1, 2]}}}\n"))
	if problems := Check(sc); len(problems) != 1 || !strings.Contains(problems[0].Error(), "t.yaml:4:22: the key can be null, but the topic t is compacted") {
		t.Errorf("%v", problems)
	}
}

// A header of the scenario replaces the CloudEvents header of that name, is left out
// where it is absent, and has a null value where it is null.
func TestOwnHeaders(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    headers:
      ce_type: mine.v1
      ce_id: {copy: id}
      content-type: {literal: text/plain, optional: 50%}
      trace: {hex: 4, nulls: 50%}
      maybe: {hex: 4, optional: 50%}
      empty: ""
    value: {id: {sequence: "x{n}"}}
`
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "p"), Options{Start: testStart, Count: 200, Faults: faultsOf(t, "malformed=5%")}, sink); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range sink.records {
		own := map[string]string{}
		for _, h := range r.Headers {
			if _, twice := own[h.Key]; twice {
				t.Fatalf("%s is sent twice: %v", h.Key, r.Headers)
			}
			own[h.Key] = string(h.Value)
			if seen[h.Key]++; h.Value == nil {
				seen[h.Key+" null"]++
			}
		}
		if own["ce_type"] != "mine.v1" || own["ce_id"] != fmt.Sprintf("x%d", r.Number+1) || own["ce_specversion"] != "1.0" || own["ce_source"] != "inv/t/p" ||
			own["ce_time"] == "" || len(own["trace"])%4 != 0 || len(own["maybe"])%4 != 0 {
			t.Fatalf("%v", own)
		}
	}
	for name, some := range map[string]bool{"content-type": true, "maybe": true, "trace": false, "trace null": true, "maybe null": false, "empty null": false} {
		if n := seen[name]; some && (n < 60 || n > 140) || !some && n != 0 && n != 200 {
			t.Errorf("%s: %d of 200", name, n)
		}
	}
}

// Expressions allocate nothing per record, whatever the size of their steps; only a total
// of quotients does, and math/big for a divisor that is not an int64.
func TestExpressionsDoNotAllocate(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    key: key
    headers: {h: {copy: wide}}
    value:
      a: {int: [-1000000000, 1000000000], nulls: 10%}
      b: {int: [900000000000, 1000000000000]}
      l: {list: [0, 3], of: {q: {int: [1, 9], nulls: 10%}, p: {decimal: [1, 9], decimals: 9}}, nulls: 10%}
      key: {copy: a}
      narrow: {calc: "b * 3 / 7", decimals: 3}
      wide: {calc: "a * a * b / b", decimals: 0}
      sum: {sum: "l.q * l.p * l.p", decimals: 2}
      test: {compare: "a * a * a > b * b * b"}
      if: {if: "a / (b - 5) > 0", then: {copy: wide}, else: {copy: sum}}
`
	noAllocations(t, "expressions", withoutFaults(t, parsed(t, "t.yaml", source), "p"))
}

// Times in expressions are those that can be given in nanoseconds.
func TestFarTimes(t *testing.T) {
	p := compiled(t, parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {at: {time: now}, ns: {calc: at * 1000000}}}\n"), "p")
	far := testStart.AddDate(300, 0, 0)
	if err := CheckOptions(p, Options{Start: far, Count: 1}); err != ErrFarTime {
		t.Errorf("%v", err)
	}
	if got := made(t, p, Options{Count: 1}); !strings.Contains(got, `"ns":1767225600000000000}`) {
		t.Error(got)
	}
	simple := compiled(t, parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {at: {time: now}}}\n"), "p")
	if err := CheckOptions(simple, Options{Start: far, Count: 1}); err != nil {
		t.Error(err)
	}
}

// Null is an empty element in XML, and a null list has no elements.
func TestNullsInXML(t *testing.T) {
	source := "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    format: {xml: R}\n    value:\n" +
		"      o: {object: {x: {int: [1, 9]}}, nulls: 100%}\n      l: {list: 2, each: 1, nulls: 100%}\n      v: {int: [1, 9], nulls: 100%}\n      m: {list: 2, each: {object: {y: 1}, nulls: 100%}}\n"
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "p"), Options{Start: testStart, Count: 1}, sink); err != nil {
		t.Fatal(err)
	}
	if got, want := string(sink.records[0].Value), "<R><o></o><v></v><m></m><m></m></R>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The common denominator of quotients within quotients grows fast; no expression that
// the grammar accepts makes a check take long.
func TestLargeExpressions(t *testing.T) {
	nested := strings.Repeat("a/(b+", 45) + "1" + strings.Repeat(")", 45)
	for source, want := range map[string]string{
		nested:                            "too many quotients",
		"1" + strings.Repeat("*a", 400):   "the result can be as large as 1e+400",
		"1" + strings.Repeat("/a", 400):   "",
		"0" + strings.Repeat("+a/b", 120): "",
		"0" + strings.Repeat("+a/b", 240): "too many quotients",
		"a" + strings.Repeat("*a", 200) + strings.Repeat("/10", 199): "",
	} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {a: {int: [1, 10]}, b: {int: [0, 10]}, v: {calc: \""+source+"\", decimals: 2}}}\n")
		problems := Check(sc)
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Text, want)) {
			t.Errorf("%s: %v, want %s", source, problems, want)
		}
		if want == "" {
			made(t, compiled(t, sc, "p"), Options{Count: 20})
		}
	}
}

// What records keep for later ones is bounded, so that what is computed from it is known
// to fit; a run that goes beyond that ends with an error.
func TestKeptNumbersAreBounded(t *testing.T) {
	p := compiled(t, parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {before: {last: total, start: 0}, total: {calc: before + 10000 * 1000000000000, keep: total}}}\n"), "p")
	if got := made(t, p, Options{Count: 10}); !strings.Contains(got, `"before":90000000000000000,"total":100000000000000000}`) {
		t.Error(got)
	}
	if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 11}, &collect{}); err == nil || !strings.Contains(err.Error(), `keeps a number as "total" that is beyond ±10^17`) {
		t.Errorf("%v", err)
	}
}
