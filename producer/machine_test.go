package producer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// States that form a loop go on as long as the run does, and what they cause with them.
func TestLoopingStates(t *testing.T) {
	sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    value: {id: {sequence: "m-{n}"}, state: {state: name}, step: {state: step}, v: {int: [0, 999999999], fresh: true}}
    states: {on: {then: off, after: 1s}, off: {then: on, after: 1s}}
    causes: [{producer: c, count: 2, after: 1ms}, {producer: d, in: [off]}]
  c:
    topic: t
    value: {id: {sequence: "c-{n}"}, of: {caused_by: id}, step: {caused_by: step}, state: {caused_by: state}, v: {caused_by: v}}
    causes: [{producer: e, count: 3}]
  d: {topic: t, value: {step: {caused_by: step}, state: {caused_by: state}, v: {caused_by: v}}}
  e: {topic: t, value: {id: {sequence: "e-{n}"}, of: {caused_by: id}, v: {caused_by: v}}}
`)
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 3, For: 1000 * time.Second}, sink); err != nil {
		t.Fatal(err)
	}
	type record struct {
		ID, Of, State string
		Step, V       int
	}
	counts, ids, values := map[int]int{}, map[string]bool{}, map[int]record{}
	for _, r := range sink.records {
		var v record
		if err := json.Unmarshal(r.Value, &v); err != nil {
			t.Fatal(err)
		}
		counts[r.Stream]++
		switch ids[v.ID] = true; r.Stream {
		case 0:
			if want := map[int]string{0: "on", 1: "off"}[v.Step%2]; v.State != want {
				t.Fatalf("at step %d the state is %s", v.Step, v.State)
			}
			values[v.V] = v
		case 1, 3:
			if by := values[v.V]; v.State != by.State || v.Step != by.Step || r.Stream == 1 && v.Of != by.ID || r.Stream == 3 && v.State != "off" {
				t.Fatalf("%s is caused by %+v", r.Value, by)
			}
		case 2:
			if !ids[v.Of] {
				t.Fatalf("%s is caused by nothing", r.Value)
			}
		}
	}
	if counts[0] != 1000+999+998 || counts[1] != 2*counts[0] || counts[3] < counts[0]/2-2 || counts[2] != 3*counts[1] {
		t.Errorf("%v records", counts)
	}
	if want := 3 + counts[1] + 1 + counts[2]; len(ids) != want {
		t.Errorf("%d ids of %d records", len(ids), want)
	}
}

// Numbers of caused records determine their causes, and keep the values that they had
// when an entity had at most 64 steps.
func TestCauseNumbers(t *testing.T) {
	seen := map[int64]bool{}
	for _, k := range []*cause{{count: 1, perStep: firstSteps, byStep: true}, {count: 1000, perStep: firstSteps, byStep: true}, {count: 3, perStep: 2}, {count: 1, perStep: 1}} {
		clear(seen)
		for _, n := range []int64{0, 1, 2, 1000, 9_000_000} {
			for _, index := range []int64{0, 1, 63, 64, 65, 1000, 50_000_000} {
				if index >= k.perStep && !k.byStep {
					continue
				}
				for _, i := range []int64{0, k.count - 1} {
					number := k.number(n, index, i)
					if gotN, gotIndex, gotI := k.back(number); gotN != n || gotIndex != index || gotI != i || number < 0 {
						t.Errorf("%+v: %d %d %d is %d, which is %d %d %d", k, n, index, i, number, gotN, gotIndex, gotI)
					}
					if seen[number] && k.count > 1 {
						t.Errorf("%d is there twice", number)
					}
					seen[number] = true
					if index < firstSteps && number != (n*k.perStep+index)*k.count+i {
						t.Errorf("%d %d %d has another number: %d", n, index, i, number)
					}
				}
			}
		}
	}
}

// A run whose states lead on for ever needs a time, and states that lead on at once are
// refused.
func TestEndlessStates(t *testing.T) {
	scenario := func(states string) string {
		return "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    value: {a: {state: name}}\n    states: " + states + "\n"
	}
	for states, endless := range map[string]bool{
		"{a: {then: b}, b: {then: a, after: 1s}}":                                        true,
		"{a: {then: {b: 50%}}, b: {then: b, after: {mean: 1s}}}":                         true,
		"{a: {then: {a: 10%, b: 20%, c: 70%}}, b: {then: {a: 99.9%}}, c: {}}":            false,
		"{a: {then: {a: 99%}}}":                                                          false,
		"{a: {then: b}, b: {}, c: {then: c}}":                                            false,
		"{a: {then: {b: 100%, c: 0%}, after: 5s}, b: {then: a, after: [0s, 2s]}, c: {}}": true,
	} {
		p := compiled(t, parsed(t, "t.yaml", scenario(states)), "p")
		err := CheckOptions(p, Options{Start: testStart, Count: 5})
		if errors.Is(err, ErrEndless) != endless || (err == nil) == endless || p.Finite(Options{Count: 5}) == endless {
			t.Errorf("%s: %v", states, err)
		}
		if err := CheckOptions(p, Options{Start: testStart, For: time.Minute}); err != nil {
			t.Errorf("%s: %v", states, err)
		}
	}
	for _, states := range []string{"{a: {then: b}, b: {then: a}}", "{a: {then: a}}", "{a: {then: {b: 50%, c: 50%}, after: 1s}, b: {}, c: {then: {c: 60%, d: 40%}, after: 1s}, d: {then: d, after: 100us}}"} {
		if got := checked(scenario(states)); !strings.Contains(got, "t.yaml:7:") || !strings.Contains(got, "follow each other for ever and at once") {
			t.Errorf("%s: %q", states, got)
		}
	}
}
