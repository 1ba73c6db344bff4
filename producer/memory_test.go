package producer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// transfer is a record of the scenario bank.
type transfer struct {
	From, To, Status string
	Amount           json.Number
	FromBalance      json.Number `json:"from_balance"`
	ToBalance        json.Number `json:"to_balance"`
}

// Balances can be recomputed from the records alone, never fall below zero, and no
// money appears or disappears.
func TestBankBalances(t *testing.T) {
	sc := shipped(t, "bank")
	accounts := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "accounts"), Options{Start: testStart}, accounts); err != nil {
		t.Fatal(err)
	}
	balance, total := map[string]*big.Rat{}, new(big.Rat)
	for _, r := range accounts.records {
		var a struct {
			ID      string      `json:"account_id"`
			Opening json.Number `json:"opening_balance"`
		}
		unmarshal(t, r.Value, &a)
		balance[a.ID] = rat(t, a.Opening)
		total.Add(total, balance[a.ID])
	}
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "transfers"), Options{Start: testStart, Count: 5000, Workers: 3}, sink); err != nil {
		t.Fatal(err)
	}
	booked := 0
	for i, r := range sink.records {
		var x transfer
		unmarshal(t, r.Value, &x)
		if x.From == x.To {
			t.Fatalf("transfer %d is from %s to itself", i, x.From)
		}
		from, to, amount := balance[x.From], balance[x.To], rat(t, x.Amount)
		if enough := amount.Cmp(from) <= 0; enough != (x.Status == "booked") {
			t.Fatalf("transfer %d of %s with %s left is %s", i, x.Amount, from.FloatString(2), x.Status)
		} else if enough {
			booked++
			from.Sub(from, amount)
			to.Add(to, amount)
		}
		if rat(t, x.FromBalance).Cmp(from) != 0 || rat(t, x.ToBalance).Cmp(to) != 0 || from.Sign() < 0 {
			t.Fatalf("transfer %d leaves %s and %s, want %s and %s", i, x.FromBalance, x.ToBalance, from.FloatString(2), to.FloatString(2))
		}
	}
	sum := new(big.Rat)
	for _, b := range balance {
		sum.Add(sum, b)
	}
	if sum.Cmp(total) != 0 || booked < 1000 || booked == 5000 {
		t.Errorf("%s of %s is left after %d booked transfers", sum.FloatString(2), total.FloatString(2), booked)
	}
}

func unmarshal(t *testing.T, value []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(value, into); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
}

func rat(t *testing.T, n json.Number) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		t.Fatalf("%q is not a number", n)
	}
	return r
}

// Shards of records that depend on each other are those of a single run.
func TestShardsOfMemory(t *testing.T) {
	sc := shipped(t, "bank")
	whole, parts := &collect{}, &collect{}
	options := Options{Start: testStart, Count: 500}
	if _, err := Run(t.Context(), compiled(t, sc, "transfers"), options, whole); err != nil {
		t.Fatal(err)
	}
	for shard := 1; shard <= 3; shard++ {
		options.Shard, options.Shards = shard, 3
		if _, err := Run(t.Context(), compiled(t, sc, "transfers"), options, parts); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(parts.records, func(a, b Record) int { return cmp.Compare(a.Number, b.Number) })
	if len(parts.records) != len(whole.records) {
		t.Fatalf("the shards have %d records, want %d", len(parts.records), len(whole.records))
	}
	for i := range whole.records {
		if a, b := whole.records[i].Value, parts.records[i].Value; !bytes.Equal(a, b) {
			t.Fatalf("record %d is\n%s\nand in a shard\n%s", i, a, b)
		}
	}
}

// What a change has as the row before is the row after of the entity's change before,
// also in shards and beside faults.
func TestChangesOfRows(t *testing.T) {
	sc := shipped(t, "cdc")
	faults, err := ParseFaults("duplicate=3%:1s,late=3%:5s")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Count: 300}, {Count: 300, Shard: 2, Shards: 3, Workers: 2}, {Count: 300, Faults: faults}} {
		o.Start = testStart
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, sc, "customers"), o, sink); err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(sink.records, func(a, b Record) int { return cmp.Compare(a.At, b.At) })
		rows, updates := map[int64]string{}, 0
		for _, r := range sink.records {
			var change struct {
				Before, After json.RawMessage
				Op            string
			}
			unmarshal(t, r.Value, &change)
			if r.Fault == "duplicate" {
				continue
			}
			want, ok := rows[r.Number]
			if !ok {
				want = "null"
			}
			if string(change.Before) != want || (change.Op == "c") != !ok {
				t.Fatalf("%s of %d after %s has the row before %s", change.Op, r.Number, want, change.Before)
			}
			rows[r.Number] = string(change.After)
			if change.Op == "u" {
				updates++
			}
		}
		if updates < 100 {
			t.Errorf("%+v: only %d updates", o, updates)
		}
	}
}

// A random walk, a running total and a value that is null at first.
func TestLast(t *testing.T) {
	records := fields(t, 50, `before: {last: total, start: 100}
step: {int: [-3, 3]}
total: {calc: "before + step", keep: total}
name: {fake: firstname, keep: name}
name_before: {last: name}
sometimes: {int: [1, 9], optional: 50%, keep: {seen: step}}
seen: {last: seen, by: step, start: 0}`)
	total, name, seen := json.Number("100"), any(nil), map[any]any{}
	for i, r := range records {
		if r["before"] != total || r["name_before"] != name {
			t.Fatalf("record %d: before is %v, name_before %v; want %v, %v", i, r["before"], r["name_before"], total, name)
		}
		if want, ok := seen[r["step"]]; ok && r["seen"] != want || !ok && r["seen"] != json.Number("0") {
			t.Fatalf("record %d: seen is %v, want %v", i, r["seen"], want)
		}
		total, name = r["total"].(json.Number), r["name"]
		if s, ok := r["sometimes"]; ok {
			seen[r["step"]] = s
		}
	}
}

func TestMemoryProblems(t *testing.T) {
	for _, c := range []struct{ producers, want string }{
		{"p: {topic: t, value: {a: {last: totl}, b: {int: [1, 2], keep: total}}}", "no field keeps \"totl\" (`keep: totl`); did you mean \"total\"?"},
		{"p: {topic: t, value: {a: {last: x, by: nope}, b: {int: [1, 2], keep: x}}}", `there is no field "nope" here`},
		{"p: {topic: t, value: {a: {last: x, start: 1}, b: {fake: name, keep: x}}}", `"x" is a text here, and a number in the`},
		{"p: {topic: t, value: {a: {last: x, start: 1}, b: {decimal: [0, 1], decimals: 2, keep: x}}}", `"x" has 2 decimals here, and 0`},
		{"p: {topic: t, value: {a: {last: x, start: 1}, c: {last: x, start: y}, b: {int: [1, 2], keep: x}}}", "must be of the same kind everywhere"},
		{"p: {topic: t, value: {l: {list: 2, each: {int: [1, 2], keep: x}}}}", "an element of a list can't keep values"},
		{"p: {topic: t, rows: [{a: {int: [1, 2], keep: x}}]}", "must have a `value:`"},
		{"p: {topic: t, value: {a: {ref: q.b, first: 3}}}\n  q: {topic: t, value: {b: {int: [1, 2], keep: x}}}", "so others can't refer to it"},
		{"p: {topic: t, value: {a: {ref: q.b}, c: {ref: q.b, row: two}}}\n  q: {topic: t, rows: [{b: 1}]}", `"q" has 1 rows, too few for 2 different ones`},
		{"p: {topic: t, value: {a: {ref: q.b, first: 3}}}\n  q: {topic: t, key: b, earlier: 20%, live: true, value: {b: {sequence: \"{n}\"}}}", "chooses among live keys"},
	} {
		sc := parsed(t, "test.yaml", "scenario: test\ntopics:\n  t: {topic: t}\nproducers:\n  "+c.producers+"\n")
		var text strings.Builder
		for _, p := range Check(sc) {
			text.WriteString(p.Text + "\n")
		}
		if !strings.Contains(text.String(), c.want) {
			t.Errorf("%s\nproblems: %swant: %s", c.producers, text.String(), c.want)
		}
	}
	sc := parsed(t, "test.yaml", "scenario: test\ntopics:\n  t: {topic: t}\nproducers:\n  p: {topic: t, states: {a: {then: b}, b: {}}, value: {k: {int: [1, 2], keep: {x: c}}, c: 1}}\n")
	_, err := newRun(compiled(t, sc, "p"), Options{Shard: 1, Shards: 2}, nil)
	if want := (&ShardError{"p"}).Error(); err == nil || err.Error() != want {
		t.Errorf("a shard: %v, want %s", err, want)
	}
}

// Rows with different names are always different, and each is as likely as before.
func TestOtherRows(t *testing.T) {
	sc := parsed(t, "test.yaml", `scenario: test
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    value:
      a: {ref: q.id}
      b: {ref: q.id, row: second}
      again: {ref: q.name, row: second}
      c: {ref: q.id, row: third}
  q:
    topic: t
    rows: [{id: 1, name: one}, {id: 2, name: two}, {id: 3, name: three}, {id: 4, name: four}]
`)
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 6000}, sink); err != nil {
		t.Fatal(err)
	}
	counts := map[[3]int]int{}
	for _, r := range sink.records {
		var v struct {
			A, B, C int
			Again   string
		}
		unmarshal(t, r.Value, &v)
		if v.A == v.B || v.B == v.C || v.A == v.C || v.Again != []string{"one", "two", "three", "four"}[v.B-1] {
			t.Fatalf("rows of %s", r.Value)
		}
		counts[[3]int{v.A, v.B, v.C}]++
	}
	if len(counts) != 24 {
		t.Errorf("%d of 24 orders of three rows came", len(counts))
	}
	for rows, n := range counts {
		if n < 170 || n > 340 { // 250 expected, sd 15.5
			t.Errorf("%v came %d times, want about 250", rows, n)
		}
	}
}
