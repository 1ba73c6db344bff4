package scenario

import (
	"strings"
	"testing"
)

// A text that is not YAML is a problem at the line and character of the mistake, in words.
func TestSyntax(t *testing.T) {
	const head = "scenario: t\ntopics:\n  t: {topic: t}\nproducers:\n  p:\n    topic: t\n    rate: 5/s\n    value:\n" // 8 lines
	for _, c := range []struct{ value, want string }{
		{"\ta: 1\n      b: 2\n", "9:1: a tab in the indentation; YAML is indented with blanks"},
		{"      a: 1\n\t  b: 2\n", "10:1: a tab in the indentation; YAML is indented with blanks"},
		{"      a: 1\n        b: 2\n      c: 3\n", "10:9: indented more than the line above, which has a value already: 8 blanks, not 6"},
		{"      a: 1\n     b: 2\n      c: 3\n", "10:6: indented by 5 blanks, and the lines above by 0, 2, 4 or 6"},
		{"      a: 1\n      b:\n         object:\n            c: 1\n           d: 1\n      e: 2\n", "13:12: indented by 11 blanks, and the lines above by 0, 2, 4, 6, 9 or 12"},
		{"      a: {int: [1,\n        5]}\n      b: 2\n     c: 3\n", "12:6: indented by 5 blanks, and the lines above by 0, 2, 4 or 6"},
		{"      a:1\n      b: 2\n", "9:8: a blank is missing after the colon; write a: 1"},
		{"      a: 1\n      b:2\n      c: 3\n", "10:8: a blank is missing after the colon; write b: 2"},
		{"      a: 1\n      b\n      c: 3\n", `10:7: "b" is no key: a colon is missing`},
		{"      a: 1\n      - b\n", "10:7: an element of a list, among the keys of a mapping"},
		{"      a: \"hello\n      b: 2\n", `9:10: the quote " is not closed on this line`},
		{"      a: 'hello\n      b: 2\n", `9:10: the quote ' is not closed on this line`},
		{"      a: {fake: \"name}\n      b: 2\n", `9:17: the quote " is not closed on this line`},
		{"      a: {int: [1, 5}\n      b: 2\n", `9:16: "[" is closed by "}"`},
		{"      a: {int: [1, 5]\n      b: 2\n", `9:10: "{" is not closed`},
		{"      a: {list: 2, of: {\n        x: {int: [1, 5},\n        y: 2}}\n      c: 1\n", `10:18: "[" is closed by "}"`},
		{"      a: {list: 2, of: {\n        x: {int: [1, 5] as: x},\n        y: 2}}\n      c: 1\n", `10:25: a comma is missing before "as:"`},
		{"      a: {int: [1, 5]}}\n      b: 2\n", `9:23: "}" closes nothing`},
		{"      a: {int: [1, 5]},\n      b: 2\n", "9:23: a comma at the end of the line"},
		{"      a: {int: [1, 5] as: x}\n", `9:23: a comma is missing before "as:"`},
		{"      a: {text: {first}-{last}}\n", `9:24: "-" after }, where the value has ended; a text with quotes or brackets is quoted as a whole`},
		{"      a: \"x\" y\n", `9:14: "y" after ", where the value has ended; a text with quotes or brackets is quoted as a whole`},
		{"      a: {if: 'x == 'gold'', then: 1, else: 2}\n", `9:22: "gold" after ', where the value has ended; a text with quotes or brackets is quoted as a whole`},
		{"      a: {text: x[0], b: 1}\n", `9:17: a text with [ within brackets is quoted, as the one after text:`},
		{"      a: {b: 'it, c: d[0]', text: x // {}}\n", `9:35: a text with { within brackets is quoted, as the one after text:`},
		{"      a: {b: 1,\n          text: x[], c: 2}\n", `10:17: a text with [ within brackets is quoted, as the one after text:`},
		{"      a: x[] | {id: .id}\n", `9:10: a text with a colon and a blank is quoted, as the one after a:`},
		{"      a: @foo\n", "9:10: a text that begins with @ is quoted"},
		{"      a: [x, %foo]\n", "9:14: a text that begins with % is quoted"},
		{"      a: `foo`\n", "9:10: a text that begins with ` is quoted"},
		{"      a: & b\n      c: 1\n", "9:10: a text that begins with & is quoted"},
		{"      a: |foo\n      c: 1\n", "9:10: a text that begins with | is quoted"},
		{"      a: 1\n      b: *foo\n", "10:10: there is no anchor &foo; a text that begins with * is quoted"},
		{"      a: foo: bar\n", `9:10: a text with a colon and a blank is quoted: a: "foo: bar"`},
		{"      a: {text: time: {b}}\n", "9:17: a text with a colon and a blank is quoted, as the one after text:"},
		{"      ä: \"C:\\data\"\n", `9:13: \d in double quotes means nothing; write \\d, or take single quotes`},
		{"      a: \"\\ud83d\"\n", `9:7: a \u or \U escape that is no character; a surrogate such as \ud83d needs the second one of its pair`},
		{"      a: gr\xfcn\n", "9:12: the file is not UTF-8"},
		{"      a: x\x1by\n", "9:11: the control character U+001B"},
	} {
		if _, err := Parse("t.yaml", []byte(head+c.value)); err == nil || strings.Replace(err.Error(), "not YAML: ", "", 1) != "t.yaml:"+c.want {
			t.Errorf("%q\ngot  %v\nwant t.yaml:%s", c.value, err, c.want)
		}
	}
	for source, want := range map[string]string{
		"scenario: t\n topics:\n  t: {topic: t}\n":             "t.yaml:2:2: not YAML: indented more than the line above, which has a value already: 1 blank, not 0",
		"scenario: x\ntopics: {a: {topic: a":                   `t.yaml:2:13: not YAML: "{" is not closed`,
		"scenario: x\ntopics:\n  a: {topic: a}\n  b: [1, 2}\n": `t.yaml:4:6: not YAML: "[" is closed by "}"`,
		"scenario: x\ntopics: {a:1}\n":                         `t.yaml:2:10: topics: "a:1" is a key without a value; a blank is missing after the colon: a: 1`,
		"scenario: x\ntopics:\n  a:1\n":                        `t.yaml:3:3: topics must be a mapping, not the text "a:1"; a blank is missing after the colon: a: 1`,
	} {
		if _, err := Parse("t.yaml", []byte(source)); err == nil || err.Error() != want {
			t.Errorf("%q\ngot  %v\nwant %s", source, err, want)
		}
	}
}
