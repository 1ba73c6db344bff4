package producer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// valuesOf runs a producer with these fields and returns its values.
func valuesOf(t *testing.T, fields string, count int64) []string {
	t.Helper()
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, value: {"+fields+"}}\n")
	return strings.Split(strings.TrimSpace(madeAs(t, withoutFaults(t, sc, "p"), Options{Count: count}, false)), "\n")
}

// Whole numbers have 64 bits: each value is in its range, and both ends of a small one
// occur.
func TestWideInts(t *testing.T) {
	ranges := [][2]int64{
		{math.MinInt64, math.MaxInt64}, {math.MinInt64, math.MaxInt64 - 1}, {math.MinInt64 + 1, math.MaxInt64}, {0, math.MaxInt64}, {math.MinInt64, 0},
		{math.MaxInt64, math.MaxInt64}, {math.MinInt64, math.MinInt64}, {math.MaxInt64 - 100, math.MaxInt64}, {math.MinInt64, math.MinInt64 + 100},
		{math.MinInt64, math.MinInt64 + 1<<62}, {-1e18, 1e18},
	}
	for _, r := range ranges {
		for _, unique := range []bool{false, true} {
			least, most := int64(math.MaxInt64), int64(math.MinInt64)
			count := int64(2000)
			if size := uint64(r[1]-r[0]) + 1; size > 0 && size < 2000 && unique {
				count = int64(size)
			}
			seen := map[int64]bool{}
			for _, line := range valuesOf(t, fmt.Sprintf("a: {int: [%d, %d], unique: %t}", r[0], r[1], unique), count) {
				v, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(line, `{"a":`), "}"), 10, 64)
				if err != nil || v < r[0] || v > r[1] || unique && seen[v] {
					t.Fatalf("%d unique %t: %s %v", r, unique, line, err)
				}
				least, most, seen[v] = min(least, v), max(most, v), true
			}
			if size := float64(r[1]) - float64(r[0]); size > 1000 {
				if size*0.9 > float64(most)-float64(least) {
					t.Errorf("%d unique %t: 2,000 values are from %d to %d", r, unique, least, most)
				}
			} else if least != r[0] || most != r[1] {
				t.Errorf("%d unique %t: the values are from %d to %d", r, unique, least, most)
			}
		}
	}
}

func TestWideNumbersAsText(t *testing.T) {
	const least = "-9223372036854775808"
	for fields, want := range map[string]string{
		"a: {int: [" + least + ", " + least + "], as: \"{:03}\"}":            `{"a":"` + least + `"}`,
		"a: {int: [" + least + ", " + least + "], as: \"{:020}\"}":           `{"a":"-09223372036854775808"}`,
		"a: {int: [-5, -5], as: \"{:03}\"}":                                  `{"a":"-005"}`,
		"a: {sequence: 9000000000000000000}":                                 `{"a":9000000000000000000}`,
		"a: {sequence: 0}":                                                   `{"a":0}`,
		"a: {sequence: 7, as: \"o-{:03}\"}":                                  `{"a":"o-007"}`,
		"a: {sequence: \"o-{n}\", from: 41}":                                 `{"a":"o-41"}`,
		"a: {calc: b * 2}, b: {sequence: 7}":                                 `{"a":14,"b":7}`,
		"a: {list: [2, 2], each: {sequence: 3}}":                             `{"a":[3,3]}`,
		"a: {if: \"b > 6\", then: {sequence: 7}, else: 0}, b: {sequence: 7}": `{"a":7,"b":7}`,
		"a: {copy: b}, b: {int: [9223372036854775807, 9223372036854775807]}": `{"a":9223372036854775807,"b":9223372036854775807}`,
		"a: {compare: b > c}, b: {int: [9000000000000000001, 9000000000000000001]}, c: {sequence: 9000000000000000000}": `{"a":true,"b":9000000000000000001,"c":9000000000000000000}`,
	} {
		if got := valuesOf(t, fields, 1)[0]; got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
}

// A ref to a row's numeric id gives that number.
func TestRefToNumber(t *testing.T) {
	sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  accounts: {topic: t, rows: [{name: a}], more: {name: b, id: {sequence: 500}}}
  users: {topic: t, value: {id: {sequence: 500}}}
  p: {topic: t, value: {user: {ref: users.id, first: 3}}}
`)
	for _, line := range strings.Fields(madeAs(t, withoutFaults(t, sc, "p"), Options{Count: 50}, false)) {
		if line != `{"user":500}` && line != `{"user":501}` && line != `{"user":502}` {
			t.Errorf("%s", line)
		}
	}
}
