package scenario

import (
	"fmt"
	"strings"
	"testing"
)

// A merge key stands for the keys of the mappings that it names, in its place; a key of
// the mapping itself, or of an earlier one in a list, takes precedence.
func TestMergeKeys(t *testing.T) {
	const anchors = "x-a: &a {p: 1, q: 2}\nx-b: &b {q: 3, r: 4}\nx-c: &c {<<: [*a, *b], s: 5}\nx-money: &money {decimal: [1, 9], nulls: 5%}\n"
	for value, want := range map[string]string{
		"{<<: *a}":                     "p=1 q=2",
		"{z: 0, <<: *a, y: 9}":         "z=0 p=1 q=2 y=9",
		"{<<: *a, q: 7}":               "p=1 q=7",
		"{q: 7, <<: *a}":               "q=7 p=1",
		"{<<: [*b, *a]}":               "q=3 r=4 p=1",
		"{<<: *c}":                     "p=1 q=2 r=4 s=5",
		"{<<: {p: 8}}":                 "p=8",
		`{"<<": 1, p: 2}`:              "<<=1 p=2",
		"{<<: *a, m: {<<: *money}}":    "p=1 q=2 m=*scenario.Decimal/0.05",
		"{m: {<<: *money, nulls: 1%}}": "m=*scenario.Decimal/0.01",
	} {
		sc, problems := Read("t.yaml", []byte(anchors+head+"    value: "+value+"\n"))
		if len(problems) > 0 {
			t.Errorf("%s: %v", value, problems)
			continue
		}
		var got []string
		for _, f := range sc.Producers[0].Value.Spec.(*Object).Fields {
			got = append(got, f.Name+"="+brief(f.Gen))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", value, got, want)
		}
	}
}

func TestMergedParts(t *testing.T) {
	const source = `scenario: t
x-topic: &topic {partitions: 3, retention: 1h}
x-producer: &base {topic: t, rate: 5/s, key: {<<: {int: [1, 9]}, encoding: int32}}
topics: {t: {<<: *topic, topic: t}}
producers:
  p: {<<: *base, value: {a: 1}}
  q: {<<: *base, rate: 9/s, value: {a: 1}}
`
	sc, problems := Read("t.yaml", []byte(source))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p, q := sc.Producers[0], sc.Producers[1]
	if sc.Topics[0].Partitions != 3 || p.Rate.String() != "5/s" || q.Rate.String() != "9/s" || p.Key.Encoding != "int32" || p.Key.Gen.Spec.(*Int).High != 9 {
		t.Errorf("%+v %+v %+v", sc.Topics[0], p, q)
	}
	if !schemaAccepts(t, source) {
		t.Error("the schema refuses it")
	}
}

func TestMergeProblems(t *testing.T) {
	for source, want := range map[string]string{
		"<<: 5\n":             "t.yaml:6:23: << takes a mapping, such as *base, or a list of them, not the number 5",
		"<<: [5]\n":           "t.yaml:6:24: << takes a mapping",
		"<<: &me {<<: *me}\n": "does one contain itself?",
	} {
		source = strings.TrimSuffix(source, "\n")
		_, problems := Read("t.yaml", []byte(head+"    value: {a: 1, "+source+"}\n"))
		if len(problems) != 1 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %v, want %s", source, problems, want)
		}
	}
	// Doubling at each level must not take forever.
	bomb := "x-0: &x0 {a: 1}\nx-1: &x1 {<<: [*x0, *x0]}\n"
	name := "x1"
	for i := range 40 {
		next := "y" + strings.Repeat("y", i)
		bomb += "x-" + next + ": &" + next + " {<<: [*" + name + ", *" + name + "]}\n"
		name = next
	}
	if _, problems := Read("t.yaml", []byte(bomb+head+"    value: {<<: *"+name+"}\n")); len(problems) != 1 || !strings.Contains(problems.Error(), "merges more than") {
		t.Errorf("%v", problems)
	}
}

// brief returns a generator in a few characters.
func brief(g *Gen) string {
	switch s := g.Spec.(type) {
	case *Literal:
		return s.Value.Text
	default:
		return fmt.Sprintf("%T/%g", s, float64(g.Null))
	}
}
