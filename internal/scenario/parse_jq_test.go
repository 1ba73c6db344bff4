package scenario

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// eachJQ calls f with every expression of a topology.
func eachJQ(t *Topology, f func(*JQ)) {
	given := func(xs ...*JQ) {
		for _, x := range xs {
			if x != nil {
				f(x)
			}
		}
	}
	sets := func(set []Assignment) {
		for i := range set {
			f(&set[i].JQ)
		}
	}
	given(t.Until, t.Time, t.Upgrade)
	for i := range t.From {
		in := &t.From[i]
		given(in.Where, in.Each, in.Key)
		for i := range in.Join {
			f(&in.Join[i].Key)
		}
		sets(in.Set)
	}
	for i := range t.Let {
		f(&t.Let[i].JQ)
	}
	for i := range t.Keep {
		f(&t.Keep[i].Of)
	}
	for i := range t.Timers {
		f(&t.Timers[i].While)
	}
	for _, e := range t.Emit {
		given(e.If, e.Each, e.Key)
		if e.Fields != nil {
			eachMember(e.Fields.Members, f)
		}
		sets(e.Set)
	}
}

func eachMember(members []Member, f func(*JQ)) {
	for _, m := range members {
		switch {
		case m.JQ != nil:
			f(m.JQ)
		case m.Mapping != nil:
			eachMember(m.Mapping.Members, f)
		default:
			eachMember(m.List, f)
		}
	}
}

// text is the characters of a file by line.
type text [][]rune

func textOf(source string) (t text) {
	for line := range strings.SplitSeq(source, "\n") {
		t = append(t, []rune(line))
	}
	return t
}

// misplaced returns the first character of an expression that is not where At has it. An
// escape begins with a backslash.
func (t text) misplaced(x *JQ) string {
	for offset, r := range x.Source {
		if unicode.IsSpace(r) {
			continue
		}
		p, got := x.At(offset), utf8.RuneError
		if p.Line <= len(t) && p.Column <= len(t[p.Line-1]) {
			got = t[p.Line-1][p.Column-1]
		}
		if got != r && got != '\\' {
			return fmt.Sprintf("%q of %q is placed at %v, where %q is", r, x.Source, p, got)
		}
	}
	return ""
}

// The position of each character of an expression is exact, however it is written.
func TestPlaces(t *testing.T) {
	const head = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\nx-e: &e .big > 5\ntopologies:\n  t:\n    from:\n      a: {}\n    emit:\n      - to: b\n        if: "
	for _, c := range []struct {
		yaml, source, find string
		want               Position
	}{
		{`.a > 5`, `.a > 5`, `5`, Position{10, 18}},
		{`'.a == "x"'`, `.a == "x"`, `"x"`, Position{10, 20}},
		{`'.a == "it''s" and .b'`, `.a == "it's" and .b`, `.b`, Position{10, 32}},
		{`".a == \"x\" and .b"`, `.a == "x" and .b`, `.b`, Position{10, 30}},
		{`".a == \"\u00e9\ud83d\ude00\/\" and .b"`, `.a == "é😀/" and .b`, `.b`, Position{10, 49}},
		{`".a == \"\x41\U0001F600\t\" and .b"`, ".a == \"A😀\t\" and .b", `.b`, Position{10, 45}},
		{"|\n          .a >\n            .b", ".a >\n  .b", ".b", Position{12, 13}},
		{"|1-\n          .a >\n\n            .b\n", " .a >\n\n   .b", ".b", Position{13, 13}},
		{"> # folded\n          .a\n          > .b\n\n          and .c\n", ".a > .b\nand .c", ".c", Position{14, 15}},
		{"-.a +\n          .b", "-.a + .b", ".b", Position{11, 11}},
		{"'\n          .a\n\n\n          > .b'", " .a\n\n> .b", ".b", Position{14, 13}},
		{"\".a \\\n          > .b\"", ".a > .b", ".b", Position{11, 13}},
		{"!!str .a > .b", ".a > .b", ".b", Position{10, 24}},
		{"&x\n          .a > .b", ".a > .b", ".b", Position{11, 16}},
		{"&x !!str '.a > .b'", ".a > .b", ".b", Position{10, 28}},
		{"*e", ".big > 5", "5", Position{3, 16}},
		{"größe > .b", "größe > .b", ".b", Position{10, 21}},
		{"5", "5", "5", Position{10, 13}},
		{"true", "true", "e", Position{10, 16}},
		{"1.50", "1.50", "50", Position{10, 15}},
		{"null", "null", "null", Position{10, 13}},
	} {
		source := head + c.yaml + "\n"
		s, problems := Read("t.yaml", []byte(source))
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.yaml, problems)
			continue
		}
		x := s.Topologies[0].Emit[0].If
		if x.Source != c.source {
			t.Errorf("%s is read as %q, want %q", c.yaml, x.Source, c.source)
		}
		if got := x.At(strings.Index(x.Source, c.find)); got != c.want {
			t.Errorf("%s: %s is at %v, want %v", c.yaml, c.find, got, c.want)
		}
		if p := textOf(source).misplaced(x); p != "" {
			t.Errorf("%s: %s", c.yaml, p)
		}
		windows := strings.ReplaceAll(source, "\n", "\r\n")
		if s, problems := Read("t.yaml", []byte(windows)); len(problems) > 0 || textOf(windows).misplaced(s.Topologies[0].Emit[0].If) != "" {
			t.Errorf("%s with CRLF: %v, %+v", c.yaml, problems, s.Topologies[0].Emit[0].If)
		}
	}
}

// A position behind an expression's end, where a mistake is found that only its end shows, is
// behind its last character.
func TestPlaceOfTheEnd(t *testing.T) {
	x := &JQ{Source: "a b\nc", Pos: Position{3, 4}, jumps: []jump{{4, Position{5, 2}}}}
	for offset, want := range map[int]Position{-1: {3, 4}, 0: {3, 4}, 2: {3, 6}, 4: {5, 2}, 5: {5, 3}, 99: {5, 3}} {
		if got := x.At(offset); got != want {
			t.Errorf("%d is at %v, want %v", offset, got, want)
		}
	}
}

// Every character of every expression of the specification's topologies is where it is said
// to be, also in a file that is one line of JSON.
func TestPlacesOfTheSamples(t *testing.T) {
	source, err := os.ReadFile("testdata/topologies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	s, problems := Read("t.yaml", source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in := textOf(string(source))
	for i := range s.Topologies {
		eachJQ(&s.Topologies[i], func(x *JQ) {
			if n++; in.misplaced(x) != "" {
				t.Error(in.misplaced(x))
			}
		})
	}
	if n < 125 {
		t.Errorf("%d expressions, want 125 or more", n)
	}
}

// A file of one long line is read in a time that grows with its length only.
func TestPlacesInOneLine(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{scenario: t, topics: {a: {topic: a}, b: {topic: b}}, topologies: {t: {from: {a: {}}, emit: [{to: b, fields: {`)
	for i := range maxExpressions - 1 {
		fmt.Fprintf(&b, `"ä%d": ".a == \"%s\"", `, i, strings.Repeat("x", 300))
	}
	b.WriteString("}}]}}}\n")
	s, problems := Read("t.yaml", []byte(b.String()))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	members := s.Topologies[0].Emit[0].Fields.Members
	in := textOf(b.String())
	for _, m := range []Member{members[0], members[len(members)/2], members[len(members)-1]} {
		if p := in.misplaced(m.JQ); p != "" {
			t.Error(p)
		}
	}
}
