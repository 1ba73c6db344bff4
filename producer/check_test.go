package producer

import (
	"strings"
	"testing"

	"inv/internal/scenario"
)

// Every problem is found before the run, with the nearest known name.
func TestCheck(t *testing.T) {
	tests := []struct{ producers, want string }{
		{"p: {topic: x, value: {a: 1}}", `writes to the topic "x", which is not an alias under topics; did you mean "t"?`},
		{"p: {topic: t, key: idd, value: {id: 1}}", `there is no field "idd" here; did you mean "id"?`},
		{"p: {topic: t, value: {a: {ref: catlog.id}}}\n  catalog: {topic: t, rows: [{id: 1}]}", `no producer "catlog"; did you mean "catalog"?`},
		{"p: {topic: t, value: {a: {ref: c.idd}}}\n  c: {topic: t, rows: [{id: 1}]}", `"c" has no field "idd"; did you mean "id"?`},
		{"p: {topic: t, value: {a: {ref: c.b}}}\n  c: {topic: t, rows: [{a: 1, b: 2}, {a: 1}]}", `row 2 of "c" has no field "b"`},
		{"p: {topic: t, value: {a: {ref: q.a, first: 5}}}\n  q: {topic: t, value: {a: {ref: p.a, first: 5}}}", "form a cycle"},
		{"p: {topic: t, value: {a: {ref: q.a}}}\n  q: {topic: t, value: {a: 1}}", "has an unlimited number of records"},
		{"p: {topic: t, value: {a: {ref: q.a, first: 5}}}\n  q: {topic: t, value: {a: {time: now}}}", "depends on the time, the state or the cause"},
		{"p: {topic: t, value: {a: {calc: b + 1}, b: {calc: a + 1}}}", "depends on itself"},
		{"p: {topic: t, value: {a: {calc: \"b + 1\"}, b: text}}", "takes numbers"},
		{"p: {topic: t, value: {a: {sum: b.c}, b: 1}}", "not a list of objects"},
		{"p: {topic: t, value: {a: {compare: \"1 + 2\"}}}", "compares nothing"},
		{"p: {topic: t, value: {a: {text: \"{nope}\"}}}", `no field "nope"`},
		{"p: {topic: t, value: {a: {int: [1, 9], as: \"x\"}}}", "`as` needs {}"},
		{"p: {topic: t, value: {a: {fake: emial}}}", `did you mean "email"?`},
		{"p: {topic: t, value: {a: {fake: sentence, with: {wordcout: 3}}}}", `no parameter "wordcout"`},
		{"p: {topic: t, value: {a: {zipf: {n: 10, s: 0}}}}", "exponent must be above 0"},
		{"p: {topic: t, value: {a: {normal: {mean: 1, sd: -1}}}}", "negative"},
		{"p: {topic: t, value: {a: {normal: {mean: 1, sd: 1}, min: 5, max: 2}}}", "min is above max"},
		{"p: {topic: t, value: {a: {state: name}}}", "has no `states:`"},
		{"p: {topic: t, value: {a: 1}, states: {x: {then: yy}, y: {}}}", `no state "yy"`},
		{"p: {topic: t, value: {a: {caused_by: b}}}", "no producer causes"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: q}]}", `no producer "q"`},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: q}]}\n  q: {topic: t, value: {a: 1}, causes: [{producer: p}]}", "so they would never end; give `depth:`"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: p, share: 50%, count: {int: [1, 3]}}]}", "4:41: causes: a record of \"p\" causes 1 on average"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: p, count: 4, depth: 8}]}", "causes 87380 records on average; the limit is 10000"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: p, share: 1%, count: {int: [0, 90]}}]}", "are too many to be numbered"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: q, depth: 2}]}\n  q: {topic: t, value: {a: 1}}", "`depth` is for producers that cause themselves"},
		{"p: {topic: t, value: {a: {int: [1, 9], unique: true}}, causes: [{producer: p, depth: 2}]}", "a unique number is not for a producer that causes itself"},
		{"p: {topic: t, key: a, earlier: 10%, value: {a: {sequence: \"{n}\"}}, causes: [{producer: p, depth: 2}]}", "`earlier` and `tombstones` are not for a producer that causes itself"},
		{"p: {topic: t, value: {a: {caused_by: a}}, causes: [{producer: p, depth: 2}]}", "depends on itself; with `root: true`"},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: q}]}\n  q: {topic: t, value: {a: {caused_by: a, root: true}}}", "`root` is for a producer that causes itself"},
		{"p: {topic: t, value: {a: {cause: producer}}}", "no producer causes"},
		{"p: {topic: t, value: {a: {sequence: 1}}, causes: [{producer: p, depth: 2}]}", "have no numbers in a row; write a text such as"},
		{"p: {topic: t, rows: [{a: 1}], causes: [{producer: q}]}\n  q: {topic: t, value: {a: {caused_by: a}}}", `"p" has rows`},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: r}]}\n  q: {topic: t, value: {b: 1}, causes: [{producer: r}]}\n  r: {topic: t, value: {c: {caused_by: a}}}", `6:40: caused_by, in "q": there is no field "a" here`},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: r}]}\n  q: {topic: t, value: {a: x}, causes: [{producer: r}]}\n  r: {topic: t, value: {c: {caused_by: a}}}", `6:40: caused_by: "a" is a number in "p" and a text in "q", which both cause the records of "r"`},
		{"p: {topic: t, value: {a: 1}, causes: [{producer: r}]}\n  r: {topic: t, value: {a: {caused_by: a, as: \"{}!\"}}, causes: [{producer: r, depth: 2}]}", `"a" must be of the same form in "r" as in all other causes`},
		{"p: {topic: t, value: {a: 1}, partition: text}", "must be a whole number"},
		{"p: {topic: t, key: {fake: name, encoding: int32}, value: {a: 1}}", "must be a whole number"},
		{"p: {topic: t, value: {a: {list: [1, 10000], each: {list: [1, 10000], each: 1}}}}", "values per record; the limit is"},
		{"p: {topic: t, value: {a: {ref: c.id, weight: w}}}\n  c: {topic: t, rows: [{id: 1, w: -1}]}", "negative weight"},
		{"p: {topic: t, value: {a: {calc: \"999999999999 * 999999999999\"}}}", "the result can be as large as 999999999998000000000001, but at most 9223372036854775807 can be held with 0 decimals"},
		{"p: {topic: t, value: {n: {int: [0, 1000000000000]}, a: {calc: \"n * n\"}}}", "the result can be as large as 1000000000000000000000000"},
		{"p: {topic: t, value: {l: {list: [1, 9], of: {n: {int: [0, 1000000000000]}}}, a: {sum: \"l.n * 2000000\"}}}", "sum: the result can be as large as 18000000000000000000"},
		{"p: {topic: t, value: {n: {calc: \"0.000000001 * 0.000000001 * 0.1\"}}}", "the result has 19 decimals"},
		{"p: {topic: t, value: {a: {calc: \"10 / 4\"}}}", "write to how many decimals, such as `decimals: 2`"},
		{"p: {topic: t, value: {l: {list: 2, of: {n: 3}}, a: {sum: \"l.n / 4\"}}}", "write to how many decimals, such as `decimals: 2`"},
		{"p: {topic: t, value: {a: {calc: \"10 / (2 - 2)\", decimals: 2}}}", "the divisor is always 0"},
		{"p: {topic: t, value: {l: {list: [0, 1001], of: {n: {int: [1, 9]}}}, a: {sum: \"1 / l.n\", decimals: 2}}}", "at most 1000 quotients"},
		{"p: {topic: t, value: {a: 0.12345678901, b: {calc: a + 1}}}", "too large or have too many decimals"},
		{"p: {topic: t, value: {a: {one_of: [1000000000000, 0.000000001]}, b: {compare: a > 1}}}", "too large or have too many decimals"},
		{"p: {topic: t, value: {a: {normal: {mean: 1000000000000, sd: 1}, decimals: 9}}}", "can't be held with 9 decimals"},
		{"p: {topic: t, value: {a: {drift: {base: 1000000000000, daily: 1}, decimals: 9}}}", "can't be held with 9 decimals"},
		{"p: {topic: t, value: {a: 1}, partition: {int: [-2, 1]}}", "has the partitions 0 to 5, and not -2"},
		{"p: {topic: t, value: {a: 1}, partition: {int: [0, 6]}}", "has the partitions 0 to 5, and not 6"},
		{"p: {topic: t, value: {a: 1}, partition: {calc: \"0 - 1\"}}", "has the partitions 0 to 5, and not -1"},
		{"p: {topic: t, value: {a: {list: 10001, each: 1}}}", "a list's length is from 0 to 10000, and can't be 10001"},
		{"p: {topic: t, value: {a: {list: {int: [-5, 3]}, each: 1}}}", "a list's length is from 0 to 10000, and can't be -5"},
		{"p: {topic: t, value: {a: {list: {one_of: [3, 20000]}, each: 1}}}", "a list's length is from 0 to 10000, and can't be 20000"},
		{"p: {topic: t, value: {a: {list: null, each: 1}}}", "a list's length must be a whole number, not null"},
		{"p: {topic: t, value: {a: [1, {int: [1, 2], optional: 50%}]}}", "an element can't be left out"},
		{"p: {topic: t, key: k, value: {k: {int: [1, 5000000000]}}}\n  q: {topic: t, key: {int: [1, 5000000000], encoding: int32}, value: {a: 1}}", "a key of encoding int32 is from -2147483648 to 2147483647"},
		{"p: {topic: t, value: {a: 1}, headers: {inv-fault: x}}", "names a record's fault"},
	}
	for _, tt := range tests {
		sc, problems := scenario.Read("t.yaml", []byte("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  "+tt.producers+"\n"))
		if len(problems) > 0 {
			t.Errorf("%s: the grammar refuses it: %v", tt.producers, problems)
			continue
		}
		if got := Check(sc); len(got) == 0 || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%s\n%v\nwant %s", tt.producers, got, tt.want)
		}
	}
}

// All problems of a file are reported at once: one in a generator neither hides those
// inside it and beside it nor causes others.
func TestEveryProblemAtOnce(t *testing.T) {
	const source = `scenario: t
topics: {t: {topic: t}}
producers:
  catalog:
    topic: t
    value: {id: {sequence: "p-{n}"}, price: {decimal: [1, 9]}}
  orders:
    topic: x
    key: idd
    rate: 0
    value:
      id: {sequence: "o-{n}"}
      items: {list: [3, 1], of: {pid: {ref: catalg.id}, q: {int: [5, 2]}, price: {ref: catalog.prce, first: 0}}}
      total: {sum: items.q * items.price}
      a: {list: [1, 3], each: {list: [1, 2], of: {z: {fake: emial}}, optinal: 5%}}
      b: {if: "total > 1", then: {int: [2, 1]}, else: {ref: nobody.id}}
      c: {if: "total >", then: {ref: catalog.nothing}}
      d: {one_of: {x: -1, y: 2}}
      e: {object: {f: {text: "{nope}", case: title}, g: {normal: {mean: 1}}}}
`
	sc, problems := scenario.Read("t.yaml", []byte(source))
	problems = append(problems, Check(sc)...)
	problems.Sort()
	want := []string{
		`8:12: producer "orders" writes to the topic "x"`,
		`9:10: key: there is no field "idd" here; did you mean "id"?`,
		`10:11: rate: a rate must be above 0, not`,
		`13:21: list must be [SHORTEST, LONGEST] or a generator, not [3, 1]`,
		`13:45: ref: there is no producer "catalg"; did you mean "catalog"?`,
		`13:66: int must be [LOWEST, HIGHEST], not [5, 2]`,
		`13:96: ref: "catalog" has no field "prce"; did you mean "price"?`,
		`13:109: first must be from 1 to`,
		`15:61: fake: gofakeit has no function "emial"; did you mean "email"?`,
		`15:70: unknown key "optinal" in the generator list; did you mean "optional"?`,
		`16:40: int must be [LOWEST, HIGHEST], not [2, 1]`,
		`16:61: ref: there is no producer "nobody"`,
		`17:15: if: the expression ends where`,
		`17:46: ref: "catalog" has no field "nothing"`,
		`18:23: the weight of x is negative`,
		`19:30: text: there is no field "nope" here`,
		`19:46: case can't be "title"`,
		`19:66: normal needs ` + "`sd:`",
	}
	got := strings.Split(problems.Error(), "\n")
	for i, w := range want {
		if i >= len(got) || !strings.HasPrefix(strings.TrimPrefix(got[i], "t.yaml:"), w) {
			t.Fatalf("problem %d is not\n%s\nbut all are\n%s", i+1, w, problems.Error())
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d:\n%s", len(got), len(want), problems.Error())
	}
}

// A worker allocates nothing per record once its buffers have grown.
func TestNoAllocations(t *testing.T) {
	for _, tt := range []struct{ scenario, producer string }{{"inventory", "orders"}, {"iot-sensors", "readings"}, {"customers", "legacy-customers"}, {"click-stream", "clicks"}} {
		noAllocations(t, tt.scenario+" with faults", compiled(t, shipped(t, tt.scenario), tt.producer))
		noAllocations(t, tt.scenario, withoutFaults(t, shipped(t, tt.scenario), tt.producer))
	}
}

func noAllocations(t *testing.T, name string, p *Plan) {
	t.Helper()
	r := newRenderer(p, Options{})
	w, b := &worker{}, newBatches().get()
	n := int64(0)
	fill := func() {
		b.slots = b.slots[:0]
		for range batchSize {
			b.slots = append(b.slots, slot{n: n, at: testStart.UnixMilli() + n, step: 0})
			n++
		}
		r.render(w, b)
	}
	for range 20 {
		fill()
	}
	if got := testing.AllocsPerRun(20, fill) / batchSize; got > 0.01 {
		t.Errorf("%s: %g allocations a record", name, got)
	}
}

// A million rows are not stored: each is computed from its number.
func TestManyRows(t *testing.T) {
	sc := shipped(t, "iot-sensors")
	p, err := Compile(sc, CompileOptions{Names: []string{"devices", "readings"}, Seed: 7, Products: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	sink := &collect{}
	if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 300, For: 1e12}, sink); err != nil {
		t.Fatal(err)
	}
	r := newRenderer(p, Options{NoEvents: true})
	w, b := &worker{}, newBatches().get()
	for _, reading := range sink.records {
		if reading.Stream != 1 || !strings.HasPrefix(string(reading.Key), "dev-0") && !strings.HasPrefix(string(reading.Key), "dev-1") {
			continue
		}
		number := int64(0)
		for _, c := range reading.Key[4:] {
			number = number*10 + int64(c-'0')
		}
		b.slots = append(b.slots[:0], slot{n: number - 1, stream: 0})
		r.render(w, b)
		if string(b.Records[0].Key) != string(reading.Key) || !strings.Contains(string(b.Records[0].Value), string(headerOf(reading, "model"))) {
			t.Fatalf("the reading of %s has the model %s, its device is %s", reading.Key, headerOf(reading, "model"), b.Records[0].Value)
		}
	}
}

func headerOf(r Record, key string) []byte {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// Updates and tombstones have the key of an earlier record.
func TestEarlierKeys(t *testing.T) {
	sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    key: id
    earlier: 30%
    tombstones: 10%
    value: {id: {sequence: "k-{n}"}, v: {int: [0, 999999]}}
`)
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 10_000}, sink); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	updates, deletes := 0, 0
	for _, r := range sink.records {
		switch {
		case r.Value == nil:
			deletes++
			if !known[string(r.Key)] {
				t.Fatalf("%s is deleted before it exists", r.Key)
			}
		case known[string(r.Key)]:
			updates++
			if !strings.Contains(string(r.Value), `"id":"`+string(r.Key)+`"`) {
				t.Fatalf("key %s, value %s", r.Key, r.Value)
			}
		}
		known[string(r.Key)] = true
	}
	if updates < 2800 || updates > 3200 || deletes < 850 || deletes > 1150 {
		t.Errorf("%d updates and %d tombstones of 10,000, want about 3,000 and 1,000", updates, deletes)
	}
}

// A word in an expression that is no field, and perhaps a text, is one problem.
func TestUnknownFieldIsOneProblem(t *testing.T) {
	for expr, want := range map[string]string{
		"tier == gold": `t.yaml:7:45: the expression: there is no field "gold" here; there is tier, b; a text is in single quotes, 'gold'`,
		"teir == 'x'":  `t.yaml:7:45: the expression: there is no field "teir" here; did you mean "tier"?`,
	} {
		sc, err := scenario.Parse("t.yaml", []byte("scenario: t\ntopics:\n  t: {topic: t}\nproducers:\n  p:\n    topic: t\n    value: {tier: {one_of: [gold, tin]}, b: {compare: \""+expr+"\"}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := Check(sc).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
