package producer

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const twoCauses = `scenario: test
topics: {t: {topic: t}, u: {topic: u}}
producers:
  payments:
    topic: t
    rate: 5/s
    causes: [{producer: entries, count: 2, after: [1s, 9s]}]
    value: {id: {sequence: "p-{n}"}, amount: {decimal: [1, 9], decimals: 2}, at: {time: now}}
  refunds:
    topic: t
    rate: 3/s
    states: {asked: {then: {done: 50%}}, done: {}}
    causes:
      - {producer: entries, in: [done], after: [1s, 9s]}
      - {producer: entries, in: [asked], share: 40%}
    value: {id: {sequence: "r-{n}"}, amount: {int: [1, 9]}, at: {time: now}}
  entries:
    topic: u
    value:
      entry: {sequence: "e-{n}"}
      kind: {cause: producer}
      of: {caused_by: id}
      amount: {caused_by: amount}
      double: {calc: "amount * 2", decimals: 2}
      caused_at: {caused_by: at}
      at: {time: now}
`

// entry is a record of the scenarios here; not every one has all fields.
type entry struct {
	Entry, Kind, Of, ID  string
	Parent, Thread, Post *string
	Amount, Double       json.Number
	Depth                int
	CausedAt             *int64 `json:"caused_at"`
	At                   int64
}

func entryOf(t *testing.T, r Record) entry {
	t.Helper()
	var e entry
	unmarshal(t, r.Value, &e)
	return e
}

func collected(t *testing.T, source string, o Options, names ...string) []Record {
	t.Helper()
	sink := &collect{}
	o.Start = testStart
	if _, err := Run(t.Context(), compiled(t, parsed(t, "test.yaml", source), names...), o, sink); err != nil {
		t.Fatal(err)
	}
	return sink.records
}

func idOf(t *testing.T, r Record) string {
	t.Helper()
	for _, h := range r.Headers {
		if h.Key == "ce_id" {
			return string(h.Value)
		}
	}
	t.Fatal("a record has no id")
	return ""
}

// Records with several causes take each field from their own, whichever producers run.
func TestTwoCauses(t *testing.T) {
	all := collected(t, twoCauses, Options{Count: 400, Workers: 2}, "payments", "refunds")
	amounts, times, lines, entries := map[string]string{}, map[string][]int64{}, map[string]bool{}, map[string]int{}
	for _, r := range all {
		if e := entryOf(t, r); r.Topic == "t" {
			amounts[e.ID], times[e.ID] = e.Amount.String(), append(times[e.ID], e.At)
		}
	}
	seen := map[string]bool{}
	for _, r := range all {
		if r.Topic == "t" {
			continue
		}
		e := entryOf(t, r)
		lines[string(r.Value)] = true
		entries[e.Kind]++
		if seen[e.Entry] || seen[idOf(t, r)] {
			t.Fatalf("the id of %s comes twice", r.Value)
		}
		seen[e.Entry], seen[idOf(t, r)] = true, true
		if want := map[string]string{"p": "payments", "r": "refunds"}[e.Of[:1]]; e.Kind != want {
			t.Errorf("%s is of %s", r.Value, want)
		}
		if amounts[e.Of] != e.Amount.String() || rat(t, e.Double).Cmp(rat(t, e.Amount).Add(rat(t, e.Amount), rat(t, e.Amount))) != 0 {
			t.Errorf("%s: the amount is %s", r.Value, amounts[e.Of])
		}
		if !slices.Contains(times[e.Of], *e.CausedAt) || *e.CausedAt > e.At {
			t.Errorf("%s: its cause is at %v", r.Value, times[e.Of])
		}
	}
	if entries["payments"] != 800 || entries["refunds"] < 300 || entries["refunds"] > 420 {
		t.Errorf("%v entries, want 800 and about 360", entries)
	}
	alone := 0
	for _, name := range []string{"payments", "refunds"} {
		for _, r := range collected(t, twoCauses, Options{Count: 400}, name) {
			if r.Topic != "u" {
				continue
			}
			if alone++; !lines[string(r.Value)] {
				t.Fatalf("with %s alone, there is another record %s", name, r.Value)
			}
		}
	}
	if alone != len(lines) {
		t.Errorf("alone, the producers make %d entries, together %d", alone, len(lines))
	}
}

// A cause that does not run is compiled, but the run neither writes its topics nor needs
// what it refers to.
func TestCausesThatDontRun(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}, u: {topic: u}, v: {topic: v}, w: {topic: w}}
producers:
  a: {topic: t, causes: [{producer: c}], value: {id: {sequence: "a-{n}"}, x: {ref: d.id}}}
  b: {topic: u, causes: [{producer: c}], value: {id: {sequence: "b-{n}"}, y: {ref: e.id}, x: {ref: e.id, skew: 1.1, row: other}}}
  c: {topic: v, value: {x: {caused_by: x}, of: {caused_by: id}}}
  d: {topic: w, key: id, rows: [{id: 1}, {id: 2}]}
  e: {topic: w, key: id, rows: [{id: 3}, {id: {ref: d.id}}]}
`
	sc := parsed(t, "test.yaml", source)
	for _, c := range []struct {
		names              []string
		topics, references string
	}{
		{[]string{"a"}, "[t v]", "[{d w 2}]"},
		{[]string{"b"}, "[u v]", "[{d w 2} {e w 2}]"},
		{[]string{"b", "a"}, "[u v t]", "[{d w 2} {e w 2}]"},
	} {
		p := compiled(t, sc, c.names...)
		if got := fmt.Sprint(p.Topics()); got != c.topics {
			t.Errorf("%v write to %s, want %s", c.names, got, c.topics)
		}
		if got := fmt.Sprint(p.References()); got != c.references {
			t.Errorf("%v refer to %s, want %s", c.names, got, c.references)
		}
	}
}

const thread = `scenario: test
topics: {t: {topic: t}, u: {topic: u}}
producers:
  comments:
    topic: t
    key: id
    rate: 20/s
    CAUSES
    value:
      id: {sequence: "c-{n:04}"}
      parent: {caused_by: id}
      thread: {caused_by: id, root: true}
      depth: {cause: depth}
      kind: {cause: producer}
      caused_at: {caused_by: at}
      text: {hex: 6}
      at: {time: now}
  audits:
    topic: u
    value: {entry: {sequence: "a-{n}"}, of: {caused_by: id}, parent: {caused_by: parent}, kind: {cause: producer}, at: {time: now}}
`

const replies = `causes: [{producer: comments, share: 60%, count: {int: [0, 3]}, after: [1s, 20s], depth: 4}, {producer: audits, share: 30%}, {producer: comments, share: 10%, after: {mean: 5s}, depth: 6}]`

// A reply knows the comment that it answers, at every depth; ids are unique among all
// records, in shards and beside faults.
func TestReplies(t *testing.T) {
	source := strings.Replace(thread, "CAUSES", replies, 1)
	whole := collected(t, source, Options{Count: 25_000, Workers: 2}, "comments")
	var parts []Record
	for shard := 1; shard <= 3; shard++ {
		parts = append(parts, collected(t, source, Options{Count: 25_000, Shard: shard, Shards: 3,
			Faults: faultsOf(t, "duplicate=1%:3s,late=1%:5s,out_of_order=1%:2s")}, "comments")...)
	}
	if len(whole) < 100_000 {
		t.Fatalf("%d records, want more than 100,000", len(whole))
	}
	values := checkThreads(t, whole)
	for _, r := range parts {
		if r.Fault != "duplicate" && values[fmt.Sprint(r.Topic, idOf(t, r))] != string(r.Value) {
			t.Fatalf("a shard has %s, the whole run %s", r.Value, values[fmt.Sprint(r.Topic, idOf(t, r))])
		}
		if r.Fault != "duplicate" {
			delete(values, fmt.Sprint(r.Topic, idOf(t, r)))
		}
	}
	if len(values) > 0 {
		t.Errorf("the shards lack %d records, or have others twice", len(values))
	}
}

// checkThreads checks the records of a scenario, and returns their values by topic and id.
func checkThreads(t *testing.T, records []Record) map[string]string {
	t.Helper()
	values, known, depths := map[string]string{}, map[string]entry{}, map[int]int{}
	for _, r := range records {
		id, e := fmt.Sprint(r.Topic, idOf(t, r)), entryOf(t, r)
		if _, again := values[id]; again {
			t.Fatalf("the id %s comes twice", id)
		}
		values[id] = string(r.Value)
		if r.Topic == "u" {
			if p := known[e.Of]; p.ID == "" || e.Kind != "comments" || (e.Parent == nil) != (p.Parent == nil) || e.Parent != nil && *e.Parent != *p.Parent {
				t.Fatalf("%s is of %+v", r.Value, p)
			}
			continue
		}
		if _, again := known[e.ID]; again || string(r.Key) != e.ID {
			t.Fatalf("%s: the key is %s, or comes twice", r.Value, r.Key)
		}
		known[e.ID] = e
		depths[e.Depth]++
		if e.Depth == 0 {
			if e.Parent != nil || e.CausedAt != nil || e.Kind != "" || *e.Thread != e.ID {
				t.Fatalf("%s has a cause", r.Value)
			}
			continue
		}
		p := known[*e.Parent]
		if p.ID == "" || p.Depth+1 != e.Depth || *p.Thread != *e.Thread || *e.CausedAt != p.At || e.Kind != "comments" || e.At < p.At {
			t.Fatalf("%s answers %+v", r.Value, p)
		}
	}
	if depths[0] != 25_000 || depths[6] == 0 || depths[7] > 0 {
		t.Errorf("comments by depth: %v", depths)
	}
	return values
}

// The records that begin a cycle are the same as without it.
func TestRootsKeepTheirBytes(t *testing.T) {
	with := collected(t, strings.Replace(thread, "CAUSES", replies, 1), Options{Count: 500}, "comments")
	plain := strings.Replace(thread, "    CAUSES\n", "", 1)
	for _, field := range []string{"parent: {caused_by: id}", "caused_at: {caused_by: at}", "kind: {cause: producer}"} {
		plain = strings.Replace(plain, field, strings.SplitN(field, " ", 2)[0]+" null", 1)
	}
	plain = strings.NewReplacer("{caused_by: id, root: true}", "{copy: id}", "{cause: depth}", "0").Replace(plain)
	plain = plain[:strings.Index(plain, "  audits:")]
	without := collected(t, plain, Options{Count: 500}, "comments")
	roots := slices.DeleteFunc(with, func(r Record) bool { return r.Topic != "t" || r.Number < 0 })
	if len(roots) != len(without) {
		t.Fatalf("%d roots, want %d", len(roots), len(without))
	}
	for i := range roots {
		if a, b := roots[i], without[i]; string(a.Value) != string(b.Value) || string(a.Key) != string(b.Key) || a.At != b.At || idOf(t, a) != idOf(t, b) || a.Partition != b.Partition {
			t.Fatalf("a root is\n%s\nand without replies\n%s", a.Value, b.Value)
		}
	}
}

// Producers that cause each other, below others that cause themselves: every field of
// every cause is the cause's.
func TestCyclesOfSeveralProducers(t *testing.T) {
	const source = `scenario: test
topics: {t: {topic: t}}
producers:
  posts: {topic: t, causes: [{producer: posts, share: 30%, count: 2}, {producer: asks, count: {int: [0, 2]}}], value: {id: {sequence: "p{n}"}, post: {copy: id}, at: {time: now}}}
  asks: {topic: t, causes: [{producer: answers, count: 2, share: 80%, depth: 5}], value: {id: {sequence: "q{n}"}, parent: {caused_by: id}, post: {caused_by: post}, kind: {cause: producer}, depth: {cause: depth}, at: {time: now}}}
  answers: {topic: t, causes: [{producer: asks, share: 50%}], value: {id: {sequence: "a{n}"}, parent: {caused_by: id}, post: {caused_by: post}, kind: {cause: producer}, depth: {cause: depth}, at: {time: now}}}
`
	records := collected(t, source, Options{Count: 3000}, "posts")
	known, deepest := map[string]entry{}, 0
	for _, r := range records {
		e := entryOf(t, r)
		if known[e.ID].ID != "" {
			t.Fatalf("the id of %s comes twice", r.Value)
		}
		known[e.ID] = e
		deepest = max(deepest, e.Depth)
		if e.ID[0] == 'p' {
			continue
		}
		p, want := known[*e.Parent], map[byte]string{'p': "posts", 'q': "asks", 'a': "answers"}[(*e.Parent)[0]]
		depth := p.Depth + 1
		if want == "posts" {
			depth = 0
		}
		if p.ID == "" || *e.Post != *p.Post || e.Kind != want || e.Depth != depth {
			t.Fatalf("%s is of %+v", r.Value, p)
		}
	}
	if deepest != 5 || len(records) < 12_000 {
		t.Errorf("%d records, %d deep", len(records), deepest)
	}
}

// The examples of the documentation are accepted, and do what it says.
func TestDocumentedCauses(t *testing.T) {
	page, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Records that follow from others\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```")
	if len(blocks) != 5 {
		t.Fatalf("%d blocks, want two examples", len(blocks))
	}
	source := "scenario: doc\ntopics: {payments: {topic: p}, refunds: {topic: r}, ledger: {topic: l}, comments: {topic: c}}\nproducers:\n"
	for _, i := range []int{1, 3} {
		source += indent(strings.TrimPrefix(blocks[i], "yaml\n"), "  ")
	}
	depths, numbers := map[int]int{}, map[string]int64{}
	for _, r := range collected(t, source, Options{Count: 300}, "payments", "refunds", "comments") {
		e := entryOf(t, r)
		if r.Topic == "c" {
			depths[e.Depth]++
		}
		numbers[e.Kind] |= r.Number & 1
	}
	if depths[0] != 300 || depths[4] == 0 || depths[5] > 0 || numbers["payments"] != 0 || numbers["refunds"] != 1 {
		t.Errorf("comments by depth: %v; the last bit of entries' numbers: %v", depths, numbers)
	}
}
