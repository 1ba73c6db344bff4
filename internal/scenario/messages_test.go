package scenario

import (
	"strings"
	"testing"
)

// What new users write instead of the grammar, and what they are told: what is wrong, where,
// and the right word; one mistake is one line.
func TestMessages(t *testing.T) {
	const file = "scenario: t\ntopics:\n  t: {topic: t}\nproducers:\n  p:\n    topic: t\n"
	for _, c := range []struct{ field, want string }{
		{`{if: 'a == "gold"', then: 1, else: 2}`, `15: if: a text in an expression has single quotes: write 'gold', not "gold"`},
		{`{compare: "a == 1 && b == 2"}`, `20: compare: "&&" is not an operator; did you mean "and"?`},
		{`{compare: "a == 1 || b == 2"}`, `20: compare: "||" is not an operator; did you mean "or"?`},
		{`{calc: "a % 2"}`, `17: calc: "%" is not an operator; there are + - * / for numbers, < <= > >= == != for comparisons, and, or, not`},
		{`{calc: "{a} * 2"}`, `17: calc: a field in an expression has no braces: write a, not {a}`},
		{`{calc: "round(a)"}`, `17: calc: there is no function "round"; an expression has fields, numbers, texts and operators`},
		{`{list: 2, of: {int: [1, 5]}}`, "24: `of:` has the fields of an object, and this is the generator int; did you mean `each:`? A field of that name is {int: {literal: …}}"},
		{`{list: 2, of: {fake: email, nulls: 5%}}`, "24: `of:` has the fields of an object, and this is the generator fake; did you mean `each:`? A field of that name is {fake: {literal: …}}"},
		{`{list: 2, of: {int: {literal: 5}}}`, ""},
		{`{list: 2, of: {date: {date: [2020-01-01, 2021-01-01]}, count: 5}}`, ""},
		{`{list: 2, each: {list: 3, of: {hex: {hex: 3}}}}`, ""},
		{`{list: 2, of: 5}`, "24: of must be a mapping of fields, not the number 5; elements that are plain values are `each:`"},
		{`{list: [1, 2, 3]}`, "17: list must be [SHORTEST, LONGEST] or a generator, not a list of 3"},
		{`{one_of: {a: 50%, b: 50.0%}}`, ""},
		{`{one_of: {a: 12.5 %, b: 87.5 %}}`, ""},
		{`{one_of: {a: 50%, b: 20%}}`, "19: one_of: the percentages add up to 70%, not 100%"},
		{`{one_of: {a: 50%, b: 1}}`, "19: one_of has percentages and other numbers; the weights are all one or the other"},
		{`{one_of: {a: half}}`, `23: the weight of a must be a number such as 3, or a percentage, not the text "half"`},
		{`{one_of: {a: -5%, b: 105%}}`, "23: the weight of a is negative"},
		{`{one_of: {a: 0, b: 0}}`, "19: one_of has nothing to choose from"},
		{`{one_of: a}`, `19: one_of must be a list, or a mapping of texts to weights, not the text "a"`},
		{`{int: [1, 1e6]}`, ""},
		{`{int: [1, 1e-1]}`, "20: int must be a whole number, not the number 1e-1"},
		{`{int: {min: 1, max: 5}}`, "16: int must be [LOWEST, HIGHEST], not a mapping"},
		{`{int: [1, 5], min: 2}`, `24: unknown key "min" in the generator int; it takes alias, as, default, fresh, hidden, in, int, keep, nulls, optional, unique`},
		{`{integer: [1, 5]}`, `11: there is no generator "integer"; did you mean "int"?`},
		{`{enum: [x, y]}`, `11: there is no generator "enum"; did you mean "one_of"?`},
		{`{name: {fake: name}, b: 2}`, `11: a: "name" is not a generator; write {object: {name: …}} for fields`},
		{`{decimal: [1, 5], scale: 2}`, `28: unknown key "scale" in the generator decimal; did you mean "decimals"?`},
		{`{normal: [20, 2]}`, "19: normal must be a mapping with `mean:` and `sd:`, not a list"},
		{`{normal: {mean: 20, stddev: 2}}`, `30: unknown key "stddev" in normal; did you mean "sd"?`},
		{`{zipf: 1000}`, "17: zipf must be a mapping with `n:` and `s:`, not the number 1000"},
		{`{bool: 50}`, "17: bool: a share is from 0% to 100% (0 to 1), not 50; did you mean 50%?"},
		{`{time: {ago: 5m}}`, ""},
		{`{time: {ago: [1d, 7d]}}`, ""},
		{`{time: {ago: 5 min}}`, `23: ago: "5 min" is not a duration; did you mean "5m"?`},
		{`{time: now, format: iso8601}`, `30: format can't be "iso8601"; did you mean "rfc3339"?`},
		{`{date: [01.02.2020, 2021-01-01]}`, `18: a date is YYYY-MM-DD, such as 2026-01-31, not the text "01.02.2020"`},
		{`{sequence: "o-{i}"}`, `21: sequence: unknown placeholder {i}; did you mean "n"?`},
	} {
		check(t, file+"    value:\n      a: "+c.field+"\n", "8:", c.want)
	}
	for _, c := range []struct{ line, want string }{
		{"causes: [q]", ""},
		{"causes: [q, {producer: q, after: 7d}]", ""},
		{"causes: q", `13: causes must be a list, not the text "q"; write [q]`},
		{"causes: {producer: q}", "13: causes must be a list, not a mapping; begin each element with a dash"},
		{"causes: [{producers: q}]", `15: unknown key "producers" in a cause; did you mean "producer"?`},
		{"causes: [{producer: q, after: 10}]", `35: after: "10" has no unit; write 10s, 10m, 10h or 10d`},
		{"causes: [{producer: q, after: 0}]", ""},
		{"states: {new: {after: 5m, then: done}, done: {}}", "14: state \"new\" is the first, and no state leads to it: its `after:`, the delay from the state before, has no effect"},
		{"states: {new: {after: 5m, then: {new: 50%}}}", ""},
		{"states: [new, done]", "13: states must be a mapping, not a list; write NAME: … for each element, without dashes"},
		{"states: {new: done, done: }", `19: state "new" must be a mapping; write {then: done}`},
		{"states: {new: {then: [done]}, done: }", "26: then must be a state, or a mapping of states to shares, not a list"},
		{"states: {new: {to: done}, done: }", `20: unknown key "to" in state "new"; did you mean "then"?`},
		{"key: {a}", "10: key: write the field's name without braces: a"},
		{`key: "{a}"`, "10: key: write the field's name without braces: a"},
		{"format: xml", "13: format: write {xml: ROOT} with the name of the root element"},
		{"rate: 500", "11: rate: a rate of 500 has no unit of time; write 500/s for 500 records a second"},
		{"rate: 1d", ""},
		{"earlier: 30", "14: earlier: a share is from 0% to 100% (0 to 1), not 30; did you mean 30%?"},
		{"fields: {b: 1}", `5: unknown key "fields" in producer "p"; did you mean "value"?`},
		{"headers: [a]", "14: headers must be a mapping, not a list; write NAME: … for each element, without dashes"},
	} {
		check(t, file+"    "+c.line+"\n    value: {a: 1}\n", "7:", c.want)
	}
	for _, c := range []struct{ topic, want string }{
		{"my_topic", `6: topic "t" must be a mapping; write {topic: my_topic}`},
		{"{topic: t, retention: 7d}", ""},
		{"{topic: t, retention: 7days}", `28: retention: "7days" is not a duration; did you mean "7d"?`},
		{"{topic: t, retention: 7}", `28: retention: "7" has no unit; write 7s, 7m, 7h or 7d`},
		{"{topic: t, partitions: 1e1}", ""},
		{"{topic: t, cleanup: compacted}", `26: cleanup can't be "compacted"; did you mean "compact"?`},
	} {
		check(t, "scenario: t\ntopics:\n  t: "+c.topic+"\n", "3:", c.want)
	}
	check(t, "name: t\n", "1:", `1: unknown key "name" in the scenario; did you mean "scenario"?`)
}

// check compares the problems of a file, all in one line, with what is wanted after the
// line's number; "" for none.
func check(t *testing.T, source, line, want string) {
	t.Helper()
	if want != "" {
		want = "f.yaml:" + line + want
	}
	_, problems := Read("f.yaml", []byte(source))
	if got := problems.Error(); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", source[strings.LastIndex(strings.TrimSpace(source), "\n")+1:], got, want)
	}
}
