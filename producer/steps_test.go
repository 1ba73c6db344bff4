package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Numbers around every change of length, in buffers with and without room.
func TestAppendInt(t *testing.T) {
	numbers := []int64{-1, -10, -1 << 63, 1<<63 - 1, 0}
	for p := int64(1); p <= 1e18; p *= 10 {
		numbers = append(numbers, p-1, p, p+1, 2*p, 9*p-1, -p)
		if p == 1e18 {
			break
		}
	}
	var grown thousands
	for _, v := range numbers {
		want := "x" + strconv.FormatInt(v, 10)
		for room := range 24 {
			dst := append(make([]byte, 0, 1+room), 'x')
			if got := appendInt(dst, v); string(got) != want {
				t.Fatalf("appendInt with room for %d: %s, want %s", room, got, want)
			}
			if got := grown.append(dst, v); string(got) != want {
				t.Fatalf("thousands with room for %d: %s, want %s", room, got, want)
			}
		}
	}
	for v := int64(0); v < 25_000; v += 7 {
		if got := grown.append(nil, v); string(got) != strconv.FormatInt(v, 10) {
			t.Fatalf("thousands: %s, want %d", got, v)
		}
	}
}

// Literals of any length, in buffers with and without room.
func TestLiterals(t *testing.T) {
	text := strings.Repeat("0123456789", 30)
	for length := range len(text) {
		s := &steps{}
		s.raw(text[:length])
		write := s.function()
		for _, room := range []int{0, 1, length, length + 32, length + 64, 2 * stepRoom} {
			dst := append(make([]byte, 0, 1+room), 'x')
			if got := write(&worker{}, &frame{}, dst); string(got) != "x"+text[:length] {
				t.Fatalf("%d bytes with room for %d: %q", length, room, got)
			}
		}
	}
}

// A draw with few rows is merged with the bytes around it, one with many is not; the
// values are the same.
func TestMergedDraws(t *testing.T) {
	const from = 1000
	for _, high := range []int{from + mostRows - 1, from + mostRows} {
		records := fields(t, 400, fmt.Sprintf("a: {int: [%d, %d]}\nb: {copy: a}\nc: {one_of: [x, \"y\\\"\", 3]}\nd: {text: \"{a}/{c}\"}\ne: {int: [0, 9]}", from, high))
		for _, r := range records {
			a, _ := r["a"].(json.Number).Int64()
			if a < from || a > int64(high) || r["a"] != r["b"] || r["d"] != fmt.Sprintf("%v/%v", r["a"], r["c"]) {
				t.Fatalf("of %d to %d: %v", from, high, r)
			}
		}
	}
}

// Successive draws are merged as long as there are few rows, and fields of a referenced
// row stay together.
func TestDrawsAreMerged(t *testing.T) {
	const source = `
scenario: test
topics:
  a: {topic: a}
  b: {topic: b}
producers:
  a:
    topic: a
    key: id
    rows:
      - {id: one, price: 1.50, name: "Ä \"1\""}
      - {id: two, price: 22.25, name: two}
      - {id: three, price: 3, name: three}
  b:
    topic: b
    value:
      x: {int: [1, 4]}
      id: {ref: a.id, skew: 1.2}
      y: {one_of: {p: 1, q: 5}}
      price: {ref: a.price}
      z: {int: [1, 40]}
      name: {ref: a.name}
      total: {calc: x * price, decimals: 2}
      text: {text: "{x}|{id}|{y}|{z}"}
`
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, parsed(t, "test.yaml", source), "b"), Options{Start: testStart, Count: 3000}, sink); err != nil {
		t.Fatal(err)
	}
	of := map[string][2]string{"one": {"1.50", `Ä "1"`}, "two": {"22.25", "two"}, "three": {"3", "three"}}
	seen := map[string]int{}
	for _, r := range sink.records {
		var v struct {
			X, Z         int
			ID, Y, Name  string
			Text         string
			Price, Total json.Number
		}
		if err := json.Unmarshal(r.Value, &v); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		price, _ := v.Price.Float64()
		if row := of[v.ID]; row != [2]string{v.Price.String(), v.Name} ||
			v.Text != fmt.Sprintf("%d|%s|%s|%d", v.X, v.ID, v.Y, v.Z) || v.Total.String() != strconv.FormatFloat(price*float64(v.X), 'f', 2, 64) {
			t.Fatalf("the fields don't belong together: %s", r.Value)
		}
		seen[v.ID+v.Y+strconv.Itoa(v.X)]++
	}
	if len(seen) != 3*2*4 {
		t.Errorf("%d combinations occur, want all 24: %v", len(seen), seen)
	}
}

// A ref to the first rows leaves the draws before it as they are: a row that is never
// drawn is not merged with them.
func TestFirstRowsAreMerged(t *testing.T) {
	const source = `
scenario: test
topics:
  a: {topic: a}
  b: {topic: b}
producers:
  a: {topic: a, key: id, rows: [{id: one}, {id: two}, {id: three}]}
  b:
    topic: b
    value:
      x: {int: [1, 4]}
      id: {ref: a.id, first: 2}
      again: {calc: x * 10}
      text: {text: "{x}{id}"}
`
	sink := &collect{}
	if _, err := Run(t.Context(), withoutFaults(t, parsed(t, "test.yaml", source), "b"), Options{Start: testStart, Count: 200}, sink); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		var v struct {
			X, Again int
			ID, Text string
		}
		if err := json.Unmarshal(r.Value, &v); err != nil || v.Again != 10*v.X || v.Text != fmt.Sprint(v.X, v.ID) || v.ID == "three" {
			t.Fatalf("the fields don't belong together: %s (%v)", r.Value, err)
		}
	}
}

// A sum is the same whether its list is written before or after it, is sometimes left
// out, or is in another list.
func TestSums(t *testing.T) {
	const item = "{list: [0, 3], of: {q: {int: [1, 9]}, p: {decimal: [1, 90], decimals: 2}, parts: {list: [1, 2], of: {w: {int: [1, 500]}}}, weight: {sum: parts.w}}}"
	records := fields(t, 500, "early: {sum: items.q * items.p, decimals: 2}\n"+
		"items: "+item+"\n"+
		"late: {sum: items.q * items.p, decimals: 2}\n"+
		"again: {sum: items.q}\n"+
		"others: {list: [1, 3], of: {n: {int: [1, 5]}}, nulls: 50%}\n"+
		"ns: {sum: others.n}\n")
	for _, r := range records {
		cents, count := int64(0), int64(0)
		for _, i := range r["items"].([]any) {
			i := i.(map[string]any)
			q, _ := i["q"].(json.Number).Int64()
			p, _ := i["p"].(json.Number).Float64()
			cents, count = cents+q*int64(p*100+0.5), count+q
			weight := int64(0)
			for _, part := range i["parts"].([]any) {
				w, _ := part.(map[string]any)["w"].(json.Number).Int64()
				weight += w
			}
			if i["weight"].(json.Number).String() != strconv.FormatInt(weight, 10) {
				t.Fatalf("the weight of %v should be %d", i, weight)
			}
		}
		total := fmt.Sprintf("%d.%02d", cents/100, cents%100)
		if r["early"].(json.Number).String() != total || r["late"] != r["early"] || r["again"].(json.Number).String() != strconv.FormatInt(count, 10) {
			t.Fatalf("should be %s and %d: %v", total, count, r)
		}
	}
}

// What a literal writes beyond its end is never part of a record.
func TestOvershootIsNotInRecords(t *testing.T) {
	p := withoutFaults(t, shipped(t, "inventory"), "orders")
	whole, single := &collect{}, &collect{}
	if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 2 * batchSize}, whole); err != nil {
		t.Fatal(err)
	}
	r := newRenderer(p, Options{})
	for i := range whole.records {
		b := &Batch{slots: []slot{{n: int64(i), at: whole.records[i].At}}, release: func(*Batch) {}}
		r.render(&worker{}, b)
		if err := single.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if got, want := single.records[i], whole.records[i]; !bytes.Equal(got.Value, want.Value) || !bytes.Equal(got.Key, want.Key) {
			t.Fatalf("alone:    %s\nin a run: %s", got.Value, want.Value)
		}
	}
}
