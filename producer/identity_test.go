package producer

import (
	"fmt"
	"testing"
)

// What a fresh value is computed from is in the record, and what it draws is drawn again
// in each state.
func TestFreshValuesFollowFromTheRecord(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    states: {one: {then: two}, two: {then: three}, three: {}}
    value:
      id: {sequence: "{n}"}
      a: {int: [1, 9], nulls: 20%}
      b: {int: [1, 9], fresh: true}
      l: {list: [1, 3], of: {x: {int: [1, 9]}, y: {calc: x + a, fresh: true}}}
      sum: {sum: l.x, fresh: true}
      total: {calc: a * b, fresh: true}
      label: {text: "{a}/{b}", fresh: true}
      choice: {if: "a > 4", then: {int: [100, 900]}, else: {sum: l.x}, fresh: true}
      either: {one_of: [{copy: a}, {calc: a + 10}, {text: "{a}!"}], fresh: true}
`
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "p"), Options{Start: testStart, Count: 200}, sink); err != nil {
		t.Fatal(err)
	}
	drawn := map[string]map[any]bool{}
	for i := range sink.records {
		v := decoded(t, sink.records[i].Value)
		a, b := number64(v["a"]), number64(v["b"])
		sum := 0
		for _, e := range asList(v["l"]) {
			x := number64(e.(map[string]any)["x"])
			if sum += x; a > 0 && number64(e.(map[string]any)["y"]) != x+a {
				t.Fatalf("y is not x + a: %v", v)
			}
		}
		choice := number64(v["choice"])
		either := fmt.Sprint(v["either"])
		switch {
		case number64(v["sum"]) != sum,
			a == 0 && (v["total"] != nil || v["label"] != fmt.Sprintf("/%d", b) || v["choice"] != nil || v["either"] != nil),
			a > 0 && (number64(v["total"]) != a*b || v["label"] != fmt.Sprintf("%d/%d", a, b)),
			a > 4 && (choice < 100 || choice > 900), a > 0 && a <= 4 && choice != sum,
			a > 0 && either != fmt.Sprint(a) && either != fmt.Sprint(a+10) && either != fmt.Sprintf("%d!", a):
			t.Fatalf("%v", v)
		}
		if id := v["id"].(string); a > 4 {
			if drawn[id] == nil {
				drawn[id] = map[any]bool{}
			}
			drawn[id][v["choice"]] = true
		}
	}
	several := 0
	for _, values := range drawn {
		if len(values) > 1 {
			several++
		}
	}
	if several < len(drawn)*9/10 {
		t.Errorf("%d of %d entities have a new value in each state", several, len(drawn))
	}
}

func number64(v any) (n int) {
	fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

// A record that updates an earlier key has all fields that the key is made of, and one
// row of each producer that it refers to.
func TestEarlierKeysFollowFromTheRecord(t *testing.T) {
	for _, key := range []string{"id", "{text: \"{a}-{twice}-{room}\"}"} {
		source := `scenario: t
topics: {t: {topic: t}}
producers:
  rooms: {topic: t, rows: [{room: r1, floor: 1}, {room: r2, floor: 2}, {room: r3, floor: 3}]}
  p:
    topic: t
    key: ` + key + `
    earlier: 40%
    value:
      a: {int: [1, 999]}
      twice: {calc: a * 2}
      room: {ref: rooms.room}
      floor: {ref: rooms.floor}
      id: {text: "{a}-{twice}-{room}"}
      new: {int: [0, 999999]}
`
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, parsed(t, "t.yaml", source), "p"), Options{Start: testStart, Count: 1000}, sink); err != nil {
			t.Fatal(err)
		}
		keys, values := map[string]int{}, map[any]bool{}
		for i := range sink.records {
			r := &sink.records[i]
			v := decoded(t, r.Value)
			want := fmt.Sprintf("%v-%v-%v", v["a"], v["twice"], v["room"])
			if v["id"] != want || string(r.Key) != want || number64(v["twice"]) != 2*number64(v["a"]) || v["room"] != fmt.Sprintf("r%v", v["floor"]) {
				t.Fatalf("the key %s has the value %s", r.Key, r.Value)
			}
			keys[want]++
			values[v["new"]] = true
		}
		if len(keys) > 700 || len(values) < 950 {
			t.Errorf("%s: %d keys and %d values of 1000 records", key, len(keys), len(values))
		}
	}
}
