package producer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/scenarios"
)

// Numbers determine causes, whatever the causes are like.
func TestNumbersOfCauses(t *testing.T) {
	counts := []int64{1, 2, 3, 7, 1000}
	for outer := range 4 {
		for inner := range 3 {
			o := &origins{deep: outer > 1}
			s := &stream{from: o}
			for i := range outer + inner {
				k := &cause{from: &stream{}, to: s, recursive: i >= outer, at: i, count: counts[i%len(counts)], perStep: 1}
				if k.recursive {
					k.at, k.from = i-outer, s
					o.inner = append(o.inner, k)
				} else {
					o.outer = append(o.outer, k)
				}
			}
			checkNumbers(t, o)
		}
	}
}

func checkNumbers(t *testing.T, o *origins) {
	t.Helper()
	type place struct {
		k    *cause
		n, i int64
	}
	known := map[int64]place{}
	for _, k := range slices.Concat(o.outer, o.inner) {
		for _, n := range []int64{-1 << 20, -9, -3, -2, -1, 0, 1, 2, 3, 10, 1 << 20} {
			if n < 0 && !k.recursive && !o.deep || !k.fits(n, 0) {
				continue
			}
			for i := range min(k.count, 8) {
				number := o.number(k, n, 0, i)
				if other, again := known[number]; again {
					t.Fatalf("%v and %v have the number %d", other, place{k, n, i}, number)
				}
				known[number] = place{k, n, i}
				if gotK, gotN, _, gotI := o.find(number); gotK != k || gotN != n || gotI != i {
					t.Fatalf("the number %d is of %d, %d, want %d, %d", number, gotN, gotI, n, i)
				}
				if (number < 0) != (k.recursive || n < 0) {
					t.Fatalf("record %d of a cause has the number %d", n, number)
				}
			}
		}
	}
}

// The means that decide whether a cycle grows are those of the records that are made.
func TestMeansOfCounts(t *testing.T) {
	for _, count := range []string{"3", "{int: [-2, 4]}", "{exponential: {mean: 2}, min: 3, max: 50}", "{exponential: {mean: 2.5}}",
		"{normal: {mean: 1, sd: 2}}", "{normal: {mean: 4, sd: 1}, min: 5}", "{zipf: {n: 20, s: 1.2}}", "{one_of: [1, 5, {int: [0, 10]}]}"} {
		sc := parsed(t, "test.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  a: {topic: t, causes: [{producer: b, count: "+count+"}], value: {x: 1}}\n  b: {topic: t, value: {y: 1}}\n")
		const n = 20_000
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, sc, "a"), Options{Start: testStart, Count: n}, sink); err != nil {
			t.Fatal(err)
		}
		want := meanOf(sc.Producers[0].Causes[0].Count, mostOf(sc.Producers[0].Causes[0].Count))
		if got := float64(len(sink.records)-n) / n; math.Abs(got-want) > 0.1 {
			t.Errorf("%s: %g records on average, want %g", count, got, want)
		}
	}
}

// In a cycle, records keep values for each other in the order in which they are made.
func TestCyclesThatKeepValues(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}}
producers:
  a: {topic: t, rate: 10/s, causes: [{producer: a, share: 40%, count: 2, after: [1s, 9s]}], value: {id: {sequence: "{n}"}, before: {last: total, start: 0, hidden: true}, amount: {calc: "before + 1", keep: total}, parent: {caused_by: id}, double: {caused_by: amount}}}
`
	amounts := map[string]string{}
	for i, r := range collected(t, source, Options{Count: 1000, Workers: 2}, "a") {
		e := entryOf(t, r)
		if e.Amount.String() != strconv.Itoa(i+1) {
			t.Fatalf("record %d is %s", i, r.Value)
		}
		amounts[e.ID] = e.Amount.String()
		if e.Parent != nil && e.Double.String() != amounts[*e.Parent] {
			t.Fatalf("%s, but the amount of %s is %s", r.Value, *e.Parent, amounts[*e.Parent])
		}
	}
	sc := parsed(t, "test.yaml", source)
	if _, err := newRun(compiled(t, sc, "a"), Options{Shard: 1, Shards: 2}, nil); !errors.As(err, new(*ShardError)) {
		t.Errorf("a shard: %v, want a ShardError", err)
	}
}

// In scenarios with any causes, ids are unique, each record is of one that was made, with
// the depth, and shards make the same.
func TestAnyCauses(t *testing.T) {
	accepted := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		producers := 1 + r.IntN(4)
		var b strings.Builder
		b.WriteString("scenario: test\ntopics: {t: {topic: t}}\nproducers:\n")
		for i := range producers {
			fmt.Fprintf(&b, "  p%d:\n    topic: t\n    causes:\n", i)
			for range r.IntN(3) {
				fmt.Fprintf(&b, "      - {producer: p%d, share: %d%%, count: {int: [0, %d]}, after: [0s, %ds]}\n", r.IntN(producers), r.IntN(100), 1+r.IntN(3), r.IntN(5))
			}
			fmt.Fprintf(&b, "    value: {id: {sequence: \"p%d-{n}\"}, at: {time: now}, PARENT%d}\n", i, i)
		}
		source := b.String()
		for i := range producers {
			field := "x: 1"
			if strings.Contains(source, fmt.Sprintf("producer: p%d,", i)) {
				field = "parent: {caused_by: id}, caused_at: {caused_by: at}, kind: {cause: producer}, depth: {cause: depth}"
			}
			source = strings.Replace(source, fmt.Sprintf("PARENT%d", i), field, 1)
		}
		source = strings.ReplaceAll(source, "causes:\n    value", "causes: []\n    value")
		sc := parsed(t, "test.yaml", source)
		if len(Check(sc)) > 0 {
			continue // some grow without an end
		}
		accepted++
		c := newCompiler(sc, CompileOptions{})
		var names []string
		for i := range sc.Producers {
			if !c.lineage.caused[&sc.Producers[i]] {
				names = append(names, sc.Producers[i].Name)
			}
		}
		checkFamilies(t, source, collected(t, source, Options{Count: 40}, names...))
		sameShards(t, source, compiled(t, sc, names...), Options{Count: 40})
	}
	if accepted < 50 {
		t.Errorf("%d scenarios were accepted", accepted)
	}
}

func checkFamilies(t *testing.T, source string, records []Record) {
	t.Helper()
	known := map[string]entry{}
	for _, r := range records {
		e := entryOf(t, r)
		if known[e.ID].ID != "" {
			t.Fatalf("%s\nthe id of %s comes twice", source, r.Value)
		}
		known[e.ID] = e
		if e.Parent == nil {
			if e.Kind != "" || e.Depth != 0 {
				t.Fatalf("%s\n%s has no cause", source, r.Value)
			}
			continue
		}
		p := known[*e.Parent]
		if p.ID == "" || e.Kind != p.ID[:2] || *e.CausedAt != p.At || e.At < p.At || e.Depth != 0 && e.Depth != p.Depth+1 {
			t.Fatalf("%s\n%s is of %+v", source, r.Value, p)
		}
	}
}

// The largest number of replies is that of the distribution, so that they can be numbered.
func TestBoundedDistributions(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}}
producers:
  a: {topic: t, causes: [{producer: a, share: 50%, count: {exponential: {mean: 1.5}, max: 5}}], value: {id: {sequence: "{n}"}}}
`
	most := map[int64]bool{}
	for _, r := range collected(t, source, Options{Count: 2000}, "a") {
		id := idOf(t, r)
		if last := id[strings.LastIndexByte(id, '.')+1:]; r.Number < 0 {
			most[int64(last[0]-'0')] = true
		}
	}
	if got := slices.Sorted(maps.Keys(most)); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("the replies of a record are the %v", got)
	}
}

// A run ends where numbers don't fit any more, instead of repeating some.
func TestNumbersThatDontFit(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}}
producers:
  a: {topic: t, causes: [{producer: b, count: {int: [1, 1000]}, share: 1%}], value: {x: 1}}
  b: {topic: t, value: {y: {sequence: "{n}"}}}
`
	p := compiled(t, parsed(t, "test.yaml", source), "a")
	s := &schedule{plan: p, limit: time.Hour, worker: &worker{}}
	for _, n := range []int64{1 << 40, 1 << 60} {
		for s.err == nil && n < 1<<60+100_000 && n > 1<<40-100_000 && len(s.waiting) == 0 {
			s.follow(slot{n: n}, 0)
			n++
		}
		if fits := n < 1<<50; fits != (s.err == nil) {
			t.Errorf("what record %d causes: %v", n, s.err)
		}
		s.waiting = nil
	}
	if want := (&NumberError{"a", "b"}).Error(); s.err == nil || s.err.Error() != want {
		t.Errorf("the error is %v, want %s", s.err, want)
	}
}

// A record that keeps values, or updates a live key, can cause others, which see it as it
// was made.
func TestCausesThatKeepValues(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}, u: {topic: u}}
producers:
  meters:
    topic: t
    rate: 10/s
    causes: [{producer: bills, share: 50%, after: [1s, 30s]}]
    value: {id: {sequence: "m-{n}"}, before: {last: total, start: 5, hidden: true}, amount: {calc: "before + step", keep: total}, step: {int: [1, 9], hidden: true}}
  bills: {topic: u, causes: [{producer: dues, after: 5s}], value: {of: {caused_by: id}, amount: {caused_by: amount}}}
  dues: {topic: u, value: {of: {caused_by: of}, amount: {caused_by: amount}}}
  keys:
    topic: t
    key: id
    rate: 10/s
    earlier: 50%
    tombstones: 20%
    live: true
    causes: [{producer: notes, after: [1s, 9s]}]
    value: {id: {sequence: "k-{n}"}}
  notes: {topic: u, value: {of: {caused_by: id}, at_number: {sequence: "{n}"}}}
`
	records := collected(t, source, Options{Count: 2000}, "meters")
	amounts, bills := map[string]string{}, 0
	for _, r := range records {
		e := entryOf(t, r)
		if r.Topic == "t" {
			amounts[e.ID] = e.Amount.String()
		} else if bills++; amounts[e.Of] != e.Amount.String() {
			t.Fatalf("%s, but the amount is %s", r.Value, amounts[e.Of])
		}
	}
	if bills < 1800 {
		t.Errorf("%d bills and dues", bills)
	}
	sc := parsed(t, "test.yaml", source)
	for _, name := range []string{"meters", "keys"} {
		sameShards(t, name, compiled(t, sc, name), Options{Count: 300, Faults: faultsOf(t, "malformed=2%,late=5%:3s")})
		sameBytes(t, name, compiled(t, sc, name), Options{Count: 2000})
	}
	keys := map[int64]string{}
	for _, r := range collected(t, source, Options{Count: 2000}, "keys") {
		if r.Topic == "t" {
			keys[r.Number] = string(r.Key)
		} else if e := entryOf(t, r); e.Of != keys[r.Number] {
			t.Fatalf("%s, but the key is %s", r.Value, keys[r.Number])
		}
	}
}

// Shards make the same records of the shipped forum.
func TestForum(t *testing.T) {
	p := everyRunning(t, "forum", compiled)
	sameShards(t, "forum", p, Options{Count: 500, Faults: faultsOf(t, "malformed=2%,duplicate=2%:5s")})
	source, err := scenarios.Files.ReadFile("forum.yaml")
	if err != nil {
		t.Fatal(err)
	}
	posts := collected(t, string(source), Options{Count: 300}, "posts")
	post := map[string]string{}
	slices.SortStableFunc(posts, func(a, b Record) int { return cmp.Compare(a.At, b.At) })
	for _, r := range posts {
		var e struct {
			ID, About, By, Author, Kind string
			Post                        string `json:"post_id"`
		}
		unmarshal(t, r.Value, &e)
		if e.ID != "" {
			post[e.ID] = e.Post + e.Author
		} else if post[e.About] != e.Post+e.By || (e.Kind == "posts") != (e.About == e.Post) {
			t.Fatalf("%s is about %s", r.Value, post[e.About])
		}
	}
}

// The error names all causes of a producer that does not run by itself.
func TestCausedProducerError(t *testing.T) {
	_, err := Compile(parsed(t, "test.yaml", twoCauses), CompileOptions{Names: []string{"entries"}})
	const want = `the records of "entries" are caused by those of "payments" and "refunds", and are produced together with them`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
