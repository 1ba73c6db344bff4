package declared

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"inv/internal/jq"
)

// naive is an aggregate by its definition.
type naive struct {
	a      aggregate
	values []naiveValue
}

type naiveValue struct {
	v jq.Value
	t int64
}

func (n *naive) value(now int64) string {
	var texts []string
	var numbers []float64
	counted := slices.DeleteFunc(slices.Clone(n.values), func(x naiveValue) bool {
		return x.v.IsNull() || n.a.kind == countOf && !x.v.Truthy()
	})
	if last := int(n.a.last); last > 0 && len(counted) > last {
		counted = counted[len(counted)-last:]
	}
	for _, x := range counted {
		if n.a.within > 0 && x.t <= now-n.a.within {
			continue
		}
		if text := string(x.v.Canonical()); n.a.kind != distinctOf || !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		f, _ := x.v.Number()
		numbers = append(numbers, f)
	}
	if len(texts) == 0 && n.a.kind != countOf && n.a.kind != sumOf && n.a.kind != distinctOf {
		return "null"
	}
	total := 0.0
	for i, f := range numbers {
		switch {
		case i == 0:
			total = f
		case n.a.kind == minOf:
			total = math.Min(total, f)
		case n.a.kind == maxOf:
			total = math.Max(total, f)
		default:
			total += f
		}
	}
	switch n.a.kind {
	case countOf, distinctOf:
		total = float64(len(texts))
	case meanOf:
		total /= float64(len(numbers))
	}
	return string(computed(total).AppendJSON(nil))
}

// All aggregates give what their definition says, also after they were written and read.
func TestKeepAgreesWithItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for kind := range distinctOf + 1 {
		for _, limit := range []aggregate{{}, {within: 500}, {last: 4}, {last: 1}, {within: 300, last: 3}} {
			limit.kind = kind
			for range 20 {
				var mem arena
				k, want, newest := kept{}, naive{a: limit}, int64(1000)
				now := int64(1000)
				for range 60 {
					now += rng.Int64N(150)
					v, at := randomValue(rng, kind), now
					if rng.IntN(4) == 0 {
						at -= rng.Int64N(600)
					}
					newest = max(newest, at)
					before, beforeText := k, string(k.value(&limit, newest-limit.within).AppendJSON(nil))
					if err := k.add(&limit, v, at, newest-limit.within, &mem); err != nil {
						t.Fatal(err)
					}
					if text := string(before.value(&limit, newest-limit.within).AppendJSON(nil)); text != beforeText {
						t.Fatalf("%v: adding changed what was there from %s to %s", limit, beforeText, text)
					}
					want.values = append(want.values, naiveValue{v, at})
					read, err := parseKept(k.append(nil, &limit, newest), &limit, newest)
					if err != nil || !read.whole(&limit) {
						t.Fatalf("%v: %v", limit, err)
					}
					for _, later := range []int64{0, 200, 2000} {
						got := string(k.value(&limit, newest+later-limit.within).AppendJSON(nil))
						again := string(read.value(&limit, newest+later-limit.within).AppendJSON(nil))
						if want := want.value(newest + later); got != want || again != want {
							t.Fatalf("%v, %d later: %s, and %s when it was read again, want %s of %v", limit, later, got, again, want, k)
						}
					}
					if rng.IntN(5) == 0 {
						k = read
					}
				}
			}
		}
	}
}

func randomValue(rng *rand.Rand, kind aggregateKind) jq.Value {
	switch rng.IntN(10) {
	case 0:
		return jq.Value{}
	case 1:
		if kind == countOf || kind == distinctOf {
			return jq.JSON([]byte("false"))
		}
	}
	if kind == distinctOf && rng.IntN(2) == 0 {
		return jq.JSON(fmt.Appendf(nil, `[%d,"a long text, of which only the hash is kept, since it is longer than what stands for itself"]`, rng.IntN(3)))
	}
	switch rng.IntN(4) {
	case 0:
		return jq.Int(rng.Int64N(5))
	case 1:
		return jq.JSON(fmt.Appendf(nil, "%d.%02d", rng.IntN(5), rng.IntN(100)))
	case 2:
		return jq.Float(rng.NormFloat64())
	}
	return jq.JSON([]byte("1E1"))
}

func TestKeepRefusesOtherTypes(t *testing.T) {
	for _, c := range []struct{ kind, value, want string }{
		{"sum", `"1"`, "sum of a string: it must be a number"},
		{"mean", `[]`, "mean of an array: it must be a number"},
		{"min", `false`, "min of a boolean: it must be a number"},
		{"max", `{}`, "max of an object: it must be a number"},
		{"sum", `1e999`, "sum of 1e999: no float64 holds it"},
		{"count", `"1"`, ""}, {"distinct", `{}`, ""}, {"sum", `null`, ""},
	} {
		var k kept
		var mem arena
		text := ""
		if err := k.add(&aggregate{kind: aggregateKinds[c.kind]}, jq.JSON([]byte(c.value)), 1, 0, &mem); err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s of %s: %q, want %q", c.kind, c.value, text, c.want)
		}
	}
}

// Equal values are one, however they are written.
func TestDistinctIsOfValues(t *testing.T) {
	var k kept
	var mem arena
	a := aggregate{kind: distinctOf}
	for _, text := range []string{`"ab"`, `"\u0061b"`, `{"x":1,"y":[1, 2]}`, `{"y":[1,2],"x":1}`, `1`, `1.0`, `true`} {
		if err := k.add(&a, jq.JSON([]byte(text)), 1, 0, &mem); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.count; n != 5 { // 1 and 1.0 are other texts
		t.Errorf("%d values, want 5", n)
	}
}

func TestNumbersAreEncodedExactly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, -12.34, 1e15, 1e16, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 123.4567}
	for range 10_000 {
		numbers = append(numbers, rng.NormFloat64(), math.Round(rng.Float64()*1e6)/100, float64(rng.Int64()), math.Float64frombits(rng.Uint64()))
	}
	for _, f := range numbers {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		b := appendNumber(nil, f)
		size, ok := numberSize(b)
		got, rest := number(b)
		if math.Float64bits(got) != math.Float64bits(f) || len(rest) > 0 || !ok || size != len(b) {
			t.Fatalf("%v becomes %v", f, got)
		}
	}
	if n := len(appendNumber(nil, 123.45)); n > 3 {
		t.Errorf("a price has %d bytes", n)
	}
}

func TestSumsOfMoneyAreWholeOrFinite(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{{3, "3"}, {math.Copysign(0, -1), "0"}, {1 << 53, "9007199254740992"}, {math.Inf(1), "1.7976931348623157e+308"}, {0.30000000000000004, "0.30000000000000004"}} {
		if got := string(computed(c.f).AppendJSON(nil)); got != c.want {
			t.Errorf("%v is written %s, want %s", c.f, got, c.want)
		}
	}
}
