package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"

	"inv/internal/jq"
)

// All expressions of the samples have closures, and give what plain gojq gives, errors
// included, on records that may be faulty. INV_FUZZ_RECORDS is the number of records for each;
// without it 50 that are always the same.
func TestSamplesAgreeWithGojq(t *testing.T) {
	all, err := load(topologies)
	if err != nil {
		t.Fatal(err)
	}
	records, seed := 50, uint64(7)
	if s := os.Getenv("INV_FUZZ_RECORDS"); s != "" {
		if records, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		seed = rand.Uint64()
		t.Logf("seed %d", seed)
	}
	m := &maker{rand.New(rand.NewPCG(seed, 8)), true}
	var e jq.Evaluator
	total := 0
	for _, top := range all {
		pairs, err := compile(top, jq.Options{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		total += len(pairs)
		for _, p := range pairs {
			if !p.closures.Compiled() {
				t.Errorf("%s %s: no closures for %s", top.name, p.place, p.closures.Reason())
			}
			for range records {
				check(t, p, newInput(m, p.of), &e)
			}
		}
	}
	if len(all) != 7 || total < 120 {
		t.Errorf("%d topologies with %d expressions: some were not found", len(all), total)
	}
}

func check(t *testing.T, p pair, in input, e *jq.Evaluator) {
	t.Helper()
	record, variables := in.decode()
	want, wrong := interpret(nil, p.code, record, variables)
	in.set(e)
	got, err := evaluate(nil, p.closures, e)
	if (err == nil) != (wrong == nil) || !reflect.DeepEqual(lines(got), lines(want)) {
		t.Errorf("%s: %s\nof %s\nvariables %s\nclosures %s %v\ngojq     %s %v", p.place, p.source, in.record, in.variables, got, err, want, wrong)
	}
}

// On records without faults no expression allocates, so none is left to gojq either.
func TestSamplesAllocateNothing(t *testing.T) {
	all, err := load(topologies)
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{rand.New(rand.NewPCG(9, 10)), false}
	for _, top := range all {
		pairs, err := compile(top, jq.Options{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			var e jq.Evaluator
			var out []byte
			in := newInput(m, p.of)
			once := func() {
				in.set(&e)
				if out, err = evaluate(out[:0], p.closures, &e); err != nil {
					t.Fatalf("%s %s of %s: %v", top.name, p.place, in.record, err)
				}
			}
			once()
			if n := testing.AllocsPerRun(20, once); n > 0 {
				t.Errorf("%s %s, %s: %v allocations", top.name, p.place, p.source, n)
			}
		}
	}
}

func lines(text []byte) (out []any) {
	for line := range bytes.Lines(text) {
		out = append(out, decode(line))
	}
	return out
}

func TestKinds(t *testing.T) {
	for source, want := range map[string]string{
		".a.b": "path or constant", `"x"`: "path or constant", `"\(.a)"`: "text", "[.a]": "list or object",
		".a > 1": "condition", ".a and .b": "condition", ".a * 2": "arithmetic, //, if", ".a // 1": "arithmetic, //, if",
	} {
		if got := kindOf(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
