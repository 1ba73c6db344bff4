package producer

import (
	"encoding/xml"
	"strings"
	"testing"
)

// formatted returns the values of three records of a producer in a format.
func formatted(t *testing.T, format, content string) string {
	t.Helper()
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    format: "+format+"\n"+indent(content, "    "))
	return madeAs(t, withoutFaults(t, sc, "p"), Options{Count: 3}, false)
}

// A text is its fields in place, whatever characters they have; what is null or absent
// is empty.
func TestTextFormat(t *testing.T) {
	for _, tt := range []struct{ format, content, want string }{
		{`{text: "{a} {b:03} {{c}}"}`, "value: {a: 'x \"<&>\" é', b: {sequence: 1}}", "x \"<&>\" é 001 {c}\nx \"<&>\" é 002 {c}\nx \"<&>\" é 003 {c}\n"},
		{`{text: "[{a}{b}]"}`, "value: {a: null, b: {hex: 2, optional: 0%}}", "[]\n[]\n[]\n"},
		{`{text: "{o.a}/{n}"}`, "value: {o: {object: {a: 1}}, n: {count: l}, l: {list: [2, 2], each: 1}}", "1/2\n1/2\n1/2\n"},
		{`{text: "up"}`, "value: {a: 1}", "up\nup\nup\n"},
		{`{text: "{a}-{b}"}`, "rows: [{a: 1, b: x}, {b: y, a: 2}]", "1-x\n2-y\n"},
		{`{text: "{s}"}`, "value: {s: {state: name}}\nstates: {new: {then: old}, old: {}}", "new\nold\nnew\nold\nnew\nold\n"},
	} {
		if got := formatted(t, tt.format, tt.content); got != tt.want {
			t.Errorf("%s of %s:\n%swant\n%s", tt.format, tt.content, got, tt.want)
		}
	}
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, format: {text: \"{b} {o}\"}, value: {a: 1, o: {object: {}}}}\n")
	if got := Check(sc); !strings.Contains(got.Error(), `t.yaml:4:32: text: there is no field "b" here; did you mean "a"?`) {
		t.Errorf("%v", got)
	}
	p := withoutFaults(t, parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, key: a, format: {text: \"<{a}>\"}, value: {a: {sequence: \"k-{n}\"}}}\n"), "p")
	sink := &collect{}
	if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 1}, sink); err != nil {
		t.Fatal(err)
	}
	if r := sink.records[0]; string(r.Key) != "k-1" || string(r.Value) != "<k-1>" || string(headerOf(r, "content-type")) != "text/plain" {
		t.Errorf("%s %s %s", r.Key, r.Value, r.Headers)
	}
}

// Fields named @… are attributes and #text is an element's text; a list in a list is an
// element of its own.
func TestXMLFormat(t *testing.T) {
	for _, tt := range []struct{ value, want string }{
		{`{"@id": {sequence: 7}, a: 1}`, `<R id="7"><a>1</a></R>`},
		{`{a: 1, "@x": "<\"&'>\t\n", "@y": plain}`, `<R x="&lt;&#34;&amp;'&gt;&#9;&#10;" y="plain"><a>1</a></R>`},
		{`{p: {object: {"@cur": EUR, "#text": {decimal: [1.5, 1.5], decimals: 2}}}}`, `<R><p cur="EUR">1.50</p></R>`},
		{`{"@n": null, "@o": {hex: 2, optional: 0%}, "@e": "", a: {object: {"#text": null}}}`, `<R e=""><a></a></R>`},
		{`{l: {list: [2, 2], of: {"@i": 1, v: 2}}}`, `<R><l i="1"><v>2</v></l><l i="1"><v>2</v></l></R>`},
		{`{l: [[1, 2], [], [3]]}`, `<R><l><item>1</item><item>2</item></l><l></l><l><item>3</item></l></R>`},
		{`{l: {list: [2, 2], each: {list: [1, 1], each: {list: [2, 2], each: 5}}}}`, `<R><l><item><item>5</item><item>5</item></item></l><l><item><item>5</item><item>5</item></item></l></R>`},
		{`{a: {if: "1 > 2", then: {object: {b: 1}}, else: null}}`, `<R><a></a></R>`},
		{`{a: {one_of: [{object: {"@b": 1}}]}, c: {copy: a.@b}}`, `<R><a b="1"></a><c>1</c></R>`},
		{`{a: {object: {b: 1}, nulls: 100%}, l: {list: [1, 1], each: 1, nulls: 100%}}`, `<R><a></a></R>`},
	} {
		got, _, _ := strings.Cut(formatted(t, "{xml: R}", "value: "+tt.value), "\n")
		if got != tt.want {
			t.Errorf("%s:\n%s\n%s", tt.value, got, tt.want)
		}
		if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
	for _, value := range []string{`{"@a": [1]}`, `{o: {object: {"#text": {object: {a: 1}}}}}`, `{l: {list: [1, 1], of: {"@a": {list: [1, 1], each: 1}}}}`} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p: {topic: t, format: {xml: R}, value: "+value+"}\n")
		checkProblem(t, value, Check(sc), "in XML, an attribute and the text of an element are plain values")
	}
}
