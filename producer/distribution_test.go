package producer

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

func meanAndSD(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(v)-1))
}

// The first two moments, each within five standard errors at this seed.
func TestMoments(t *testing.T) {
	const n = 20_000
	tests := []struct {
		yaml     string
		mean, sd float64
	}{
		{`x: {int: [1, 9]}`, 5, math.Sqrt(80.0 / 12)},
		{`x: {int: [-1000, 1000]}`, 0, math.Sqrt((2001*2001 - 1) / 12.0)},
		{`x: {decimal: [1, 3], decimals: 3}`, 2, 2 / math.Sqrt(12)},
		{`x: {normal: {mean: 20, sd: 2.5}, decimals: 4}`, 20, 2.5},
		{`x: {exponential: {mean: 30}, decimals: 4}`, 30, 30},
		{`x: {if: "y > 0.5", then: 1, else: 0}` + "\n" + `y: {decimal: [0, 1], decimals: 6}`, 0.5, 0.5},
	}
	for _, tt := range tests {
		v := numbers(t, fields(t, n, tt.yaml), "x")
		mean, sd := meanAndSD(v)
		if limit := 5 * tt.sd / math.Sqrt(n); math.Abs(mean-tt.mean) > limit {
			t.Errorf("%s: mean %g, want %g ± %g", tt.yaml, mean, tt.mean, limit)
		}
		if math.Abs(sd-tt.sd) > 0.03*tt.sd {
			t.Errorf("%s: standard deviation %g, want %g", tt.yaml, sd, tt.sd)
		}
	}
}

// chiSquare returns the statistic of counts against shares, and its limit at 99.99 %
// (Wilson and Hilferty's approximation).
func chiSquare(counts, shares []float64) (statistic, limit float64) {
	total, sum := 0.0, 0.0
	for i := range counts {
		total += counts[i]
		sum += shares[i]
	}
	for i := range counts {
		want := total * shares[i] / sum
		statistic += (counts[i] - want) * (counts[i] - want) / want
	}
	k := float64(len(counts) - 1)
	return statistic, k * math.Pow(1-2/(9*k)+3.72*math.Sqrt(2/(9*k)), 3)
}

func TestShares(t *testing.T) {
	const n = 20_000
	zipf := func(count int, s float64) []float64 {
		out := make([]float64, count)
		for i := range out {
			out[i] = math.Pow(float64(i+1), -s)
		}
		return out
	}
	tests := []struct {
		yaml   string
		cell   func(v any) int
		shares []float64
	}{
		{`x: {int: [0, 99]}`, intOf, ones(100)},
		{`x: {bool: 30%}`, func(v any) int { return map[bool]int{true: 0, false: 1}[v.(bool)] }, []float64{30, 70}},
		{`x: {one_of: [a, b, c, d, e, f, g]}`, letter, ones(7)},
		{`x: {one_of: {a: 5, b: 1, c: 0.5, d: 3, e: 0.5}}`, letter, []float64{5, 1, 0.5, 3, 0.5}},
		{`x: {zipf: {n: 50, s: 1.1}}`, func(v any) int { return intOf(v) - 1 }, zipf(50, 1.1)},
		{`x: {zipf: {n: 20000, s: 1.3}}`, func(v any) int { return min(intOf(v)-1, 30) }, tail(zipf(20000, 1.3), 30)},
		{`x: {zipf: {n: 20000, s: 1}}`, func(v any) int { return min(intOf(v)-1, 30) }, tail(zipf(20000, 1), 30)},
		{`x: {fake: letter, pool: 4096}`, nil, nil},
	}
	for _, tt := range tests {
		records := fields(t, n, tt.yaml)
		if tt.cell == nil {
			continue
		}
		counts := make([]float64, len(tt.shares))
		for _, r := range records {
			counts[tt.cell(r["x"])]++
		}
		if got, limit := chiSquare(counts, tt.shares); got > limit {
			t.Errorf("%s: chi-square %.1f above %.1f; counts %v", tt.yaml, got, limit, counts)
		}
	}
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// tail merges the shares from at on.
func tail(shares []float64, at int) []float64 {
	out := append([]float64(nil), shares[:at+1]...)
	for _, s := range shares[at+1:] {
		out[at] += s
	}
	return out
}

func intOf(v any) int {
	n, _ := v.(json.Number).Int64()
	return int(n)
}

func letter(v any) int { return int(v.(string)[0] - 'a') }

// Two fields of a record, and a field in neighbouring records, are independent.
func TestIndependence(t *testing.T) {
	records := fields(t, 40_000, "x: {int: [0, 9]}\ny: {int: [0, 9]}")
	pairs, neighbours := make([]float64, 100), make([]float64, 100)
	for i, r := range records {
		pairs[intOf(r["x"])*10+intOf(r["y"])]++
		if i > 0 {
			neighbours[intOf(records[i-1]["x"])*10+intOf(r["x"])]++
		}
	}
	for what, counts := range map[string][]float64{"fields": pairs, "records": neighbours} {
		if got, limit := chiSquare(counts, ones(100)); got > limit {
			t.Errorf("%s: chi-square %.1f above %.1f", what, got, limit)
		}
	}
}

func TestOptionalAndNull(t *testing.T) {
	records := fields(t, 20_000, "a: 1\nx: {int: [1, 9], optional: 20%}\ny: {int: [1, 9], nulls: 5%}")
	there, null := 0.0, 0.0
	for _, r := range records {
		if _, ok := r["x"]; ok {
			there++
		}
		if v, ok := r["y"]; !ok {
			t.Fatal("a null field was left out")
		} else if v == nil {
			null++
		}
	}
	for what, share := range map[string][2]float64{"optional": {there / 20_000, 0.2}, "null": {null / 20_000, 0.05}} {
		if math.Abs(share[0]-share[1]) > 0.01 {
			t.Errorf("%s: %g, want %g", what, share[0], share[1])
		}
	}
}

func TestUniqueNumbers(t *testing.T) {
	seen := map[int]bool{}
	for _, r := range fields(t, 1000, "x: {int: [5, 1004], unique: true}") {
		x := intOf(r["x"])
		if seen[x] || x < 5 || x > 1004 {
			t.Fatalf("%d comes twice or is out of range", x)
		}
		seen[x] = true
	}
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, value: {x: {int: [1, 10], unique: true}}}}")
	if err := CheckOptions(compiled(t, sc, "p"), Options{Count: 11}); err == nil {
		t.Error("11 different numbers out of 10 were accepted")
	}
	if err := CheckOptions(compiled(t, sc, "p"), Options{}); err == nil {
		t.Error("different numbers without end were accepted")
	}
}

func TestDerived(t *testing.T) {
	for _, r := range fields(t, 500, `items:
  list: [1, 4]
  of:
    quantity: {int: [1, 9]}
    price: {decimal: [0.01, 99.99], decimals: 2}
    line: {calc: quantity * price, decimals: 2}
total: {sum: items.quantity * items.price, decimals: 2}
lines: {count: items}
vat: {calc: "total * 0.21", decimals: 2}
rich: {compare: "total >= 100 and lines > 1"}
label: {text: "{lines:03} for {total}", case: upper}
again: {copy: label}`) {
		cents := func(v any) int64 {
			var units, part int64
			if _, err := fmt.Sscanf(v.(json.Number).String(), "%d.%02d", &units, &part); err != nil {
				t.Fatal(err)
			}
			return units*100 + part
		}
		items := r["items"].([]any)
		sum := int64(0)
		for _, it := range items {
			i := it.(map[string]any)
			line := cents(i["price"]) * int64(intOf(i["quantity"]))
			if cents(i["line"]) != line {
				t.Fatalf("line %v", i)
			}
			sum += line
		}
		total := cents(r["total"])
		if total != sum || intOf(r["lines"]) != len(items) || cents(r["vat"]) != (total*21+50)/100 {
			t.Fatalf("sum %d: %v", sum, r)
		}
		if r["rich"].(bool) != (total >= 10000 && len(items) > 1) {
			t.Fatalf("rich: %v", r)
		}
		want := fmt.Sprintf("%03d FOR %v", len(items), r["total"])
		if r["label"] != want || r["again"] != want {
			t.Fatalf("label %v, want %s", r["label"], want)
		}
	}
}
