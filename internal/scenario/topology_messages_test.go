package scenario

import (
	"strings"
	"testing"
)

const topologyHead = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}, c: {topic: c}, l: {topic: l, internal: true}, dlq: {dead_letters_of: [a, c]}}\ntopologies:\n"

// Mistakes in a topology, and what their authors are told: what is wrong, where, and what to
// write.
func TestTopologyMessages(t *testing.T) {
	for _, c := range []struct{ topology, want string }{
		// right
		{`{from: {a: }, emit: [{to: b}]}`, ``},
		{`{from: {a: {key: .k}}, ttl: forever, emit: [{to: b}]}`, ``},
		{`{from: {a: {key: .k}}, window: {every: 1m}, emit: [{to: b, when: closed}]}`, ``},
		{`{from: {a: {key: .k}}, window: {gap: 1m}, order: time, emit: [{to: b, when: closed}]}`, ``},
		{`{from: {a: {join: {p: {table: c, key: .x, missing: null}}}}, emit: [{to: b, fields: {a: [.x, {y: $p.y}], b: {}, c: []}}]}`, ``},
		{`{from: {a: {key: .k}}, ttl: 1h, version: 2, upgrade: ., grace: 0, ahead: 0, idle: 1s, emit: [{to: b}]}`, ``},
		// form
		{`built-inn`, `6: topology "t" must be a mapping with ~from:~ and ~emit:~, or built-in, not the text "built-inn"`},
		{`{form: {a: {}}, emit: [{to: b}]}`, `7: unknown key "form" in topology "t"; did you mean "from"?`},
		{`{emit: [{to: b}]}`, `6: topology "t" needs ~from:~, the topics that it reads, by alias`},
		{`{from: {a: {}}}`, `6: topology "t" needs ~emit:~, the records that it writes`},
		{`{from: a, emit: [{to: b}]}`, `13: from must be a mapping, not the text "a"; write {a: {}}`},
		{`{from: [a], emit: [{to: b}]}`, `13: from must be a mapping, not a list; write NAME: … for each element, without dashes`},
		{`{from: {}, emit: [{to: b}]}`, `13: from is empty; a topology reads something`},
		{`{from: {a: {}}, emit: []}`, `28: emit is empty; a topology writes something`},
		{`{from: {a: {}}, emit: {to: b}}`, `28: emit must be a list, not a mapping; begin each element with a dash`},
		{`{from: {a: {}}, emit: [{too: b}]}`, `30: unknown key "too" in an emit; did you mean "to"?`},
		{`{from: {a: {filter: .x}}, emit: [{to: b}]}`, `18: unknown key "filter" in input "a"; did you mean "where"?`},
		// expressions
		{`{from: {a: {where: {x: .y}}}, emit: [{to: b}]}`, `25: where must be an expression, not a mapping; an expression with braces is quoted: where: '{…}'`},
		{`{from: {a: {where: [.y]}}, emit: [{to: b}]}`, `25: where must be an expression, not a list; an expression with brackets is quoted: where: '[…]'`},
		{`{from: {a: {where: }}, emit: [{to: b}]}`, `25: where has no expression; jq's null is written null, and an empty text '""'`},
		{`{from: {a: {where: !x .a}}, emit: [{to: b}]}`, `25: where has the tag !x; it must be an expression`},
		{`{from: {a: {}}, emit: [{to: b, fields: .x}]}`, `45: fields must be a mapping, not the text ".x"`},
		// topics
		{`{from: {aa: {}}, emit: [{to: b}]}`, `14: from: ~topics:~ has no "aa"; did you mean "a"?`},
		{`{from: {orders: {}}, emit: [{to: b}]}`, `14: from: ~topics:~ has no "orders"; it has a, b, c`},
		{`{from: {l: {}}, emit: [{to: b}]}`, `14: from: the topic "l" is internal, the processor's own; take another`},
		{`{from: {dlq: {}}, emit: [{to: b}]}`, "14: from: \"dlq\" has the dead letters of other topics; take an alias of one topic"},
		{`{from: {a: {}}, emit: [{to: l}]}`, `34: to: the topic "l" is internal, the processor's own; take another`},
		{`{from: {a: {}}, emit: [{to: bb}]}`, `34: to: ~topics:~ has no "bb"; did you mean "b"?`},
		{`{from: {a: {}}, emit: [{to: a}]}`, `29: topology "t" reads its own output, "a"; a second topology can continue from it`},
		{`{from: {a: {join: {p: {table: b, key: .x}}}}, emit: [{to: b}]}`, `59: topology "t" reads its own output, "b"; a second topology can continue from it`},
		{`{from: {a: {join: {p: {table: d, key: .x}}}}, emit: [{to: b}]}`, `36: table: ~topics:~ has no "d"; did you mean "a"?`},
		// joins and formats
		{`{from: {a: {join: {p: {table: c}}}}, emit: [{to: b}]}`, `28: join "p" needs ~key:~, the key of the row`},
		{`{from: {a: {join: {key: {table: c, key: .x}}}}, emit: [{to: b}]}`, `25: join: $key is a variable already; take another name`},
		{`{from: {a: {join: {my-p: {table: c, key: .x}}}}, emit: [{to: b}]}`, `25: join: "my-p" is no name; one has letters, digits and _, begins with no digit, and has at most 100 characters`},
		{`{from: {a: {join: {p: {table: c, key: .x, missing: skip}}}}, emit: [{to: b}]}`, `57: missing can't be "skip"; it takes null, drop, dead-letter`},
		{`{from: {a: {format: yaml}}, emit: [{to: b}]}`, `26: format can't be "yaml"; it takes json, xml, csv`},
		{`{from: {a: {lists: [x]}}, emit: [{to: b}]}`, "17: input \"a\": ~lists:~ is for ~format: xml~"},
		{`{from: {a: {format: xml, columns: [x]}}, emit: [{to: b}]}`, "17: input \"a\": ~columns:~ is for ~format: csv~"},
		// keys and state
		{`{from: {a: {key: .k}}, emit: [{to: b}]}`, `3: topology "t" needs ~ttl:~, the time without a record after which a key is forgotten, such as 30d; or forever, if the keys are few`},
		{`{from: {a: {key: .k}, c: {}}, ttl: 1h, emit: [{to: b}]}`, `28: input "c" has no ~key:~, and "a" has; a topology has state, and a key for each input, or none`},
		{`{from: {a: {set: {x: 1}}}, emit: [{to: b}]}`, `24: topology "t": ~set:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, keep: {x: {count: .}}, emit: [{to: b}]}`, `28: topology "t": ~keep:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, until: .x, emit: [{to: b}]}`, `29: topology "t": ~until:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, ttl: 1h, emit: [{to: b}]}`, `27: topology "t": ~ttl:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, ahead: 1h, emit: [{to: b}]}`, `29: topology "t": ~ahead:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, order: time, emit: [{to: b}]}`, `29: topology "t": ~order:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, emit: [{to: b, once: 1m}]}`, `29: topology "t": ~once:~ needs state; give each input a ~key:~`},
		{`{from: {a: {}}, emit: [{to: b, set: {x: 1}}]}`, `43: topology "t": ~set:~ needs state; give each input a ~key:~`},
		{`{from: {a: {key: .k}}, ttl: soon, emit: [{to: b}]}`, `34: ttl: "soon" is not a duration such as 250ms, 10s, 2h30m or 7d`},
		{`{from: {a: {key: .k}}, ttl: 30, emit: [{to: b}]}`, `34: ttl: "30" has no unit; write 30s, 30m, 30h or 30d`},
		{`{from: {a: {key: .k}}, ttl: 0s, emit: [{to: b}]}`, `34: ttl must be at least 1ms, not 0s`},
		{`{from: {a: {key: .k}}, ttl: 1500us, emit: [{to: b}]}`, `34: ttl: times are whole milliseconds, not 1500us`},
		{`{from: {a: {key: .k, set: {a-b: 1}}}, ttl: 1h, emit: [{to: b}]}`, `33: set: "a-b" is no name; one has letters, digits and _, begins with no digit, and has at most 100 characters`},
		{`{from: {a: {key: .k}}, ttl: 1h, let: {t: 1}, emit: [{to: b}]}`, `44: let: $t is a variable already; take another name`},
		{`{from: {a: {key: .k}}, ttl: 1h, let: {if: 1}, emit: [{to: b}]}`, `44: let: "if" is a word of jq; take another name`},
		{`{from: {a: {key: .k, set: {x: 1}}}, ttl: 1h, keep: {x: {count: .}}, emit: [{to: b}]}`, `33: topology "t": set: $s.x is computed under ~keep:~; give the field another name`},
		{`{from: {a: {key: .k}}, ttl: 1h, keep: {x: {last: 5}}, emit: [{to: b}]}`, `48: keep "x" needs one of ~count:~, ~sum:~, ~mean:~, ~min:~, ~max:~ and ~distinct:~`},
		{`{from: {a: {key: .k}}, ttl: 1h, keep: {x: {sum: .a, mean: .a}}, emit: [{to: b}]}`, `64: keep "x" has ~sum:~ and ~mean:~; leave out one of them`},
		{`{from: {a: {key: .k}}, ttl: 1h, keep: {x: {sum: .a, within: 1m, last: 3}}, emit: [{to: b}]}`, `48: keep "x" has ~within:~ and ~last:~; leave out one of them`},
		{`{from: {a: {key: .k}}, ttl: 1h, keep: {x: {sum: .a, last: 10001}}, emit: [{to: b}]}`, `64: last must be from 1 to 10000, not 10001`},
		{`{from: {a: {key: .k}}, ttl: 1h, keep: {x: {avg: .a}}, emit: [{to: b}]}`, `49: unknown key "avg" in keep "x"; did you mean "mean"?`},
		{`{from: {a: {key: .k}}, ttl: 1h, upgrade: ., emit: [{to: b}]}`, `47: topology "t": ~upgrade:~ makes the state of a version from that of an earlier one; it needs ~version: 2~ or higher`},
		{`{from: {a: {key: .k}}, ttl: 1h, idle: 5ms, emit: [{to: b}]}`, `44: idle must be at least 100ms, not 5ms`},
		{`{from: {a: {key: .k}}, ttl: 1h, order: event, emit: [{to: b}]}`, `45: order can't be "event"; it takes arrival, time`},
		// timers
		{`{from: {a: {key: .k}}, ttl: 1h, timers: {x: {while: .a, after: 1h}}, emit: [{to: b}]}`, `47: topology "t": nothing happens at the timer "x"; add ~when: x~ to an emit, or remove it`},
		{`{from: {a: {key: .k}}, ttl: 1h, timers: {x: {while: .a}}, emit: [{to: b, when: x}]}`, `50: timer "x" needs ~after:~, how long it must hold`},
		{`{from: {a: {key: .k}}, ttl: 1h, timers: {closed: {while: .a, after: 1s}}, emit: [{to: b}]}`, `47: timers: "closed" is a window's end; give the timer another name`},
		{`{from: {a: {key: .k}}, ttl: 1h, emit: [{to: b, when: late}]}`, `59: topology "t": when: there is no timer "late"; declare it under ~timers:~`},
		{`{from: {a: {key: .k}}, ttl: 1h, emit: [{to: b, when: closed}]}`, `59: topology "t": when: closed is the end of a window, and the topology has no ~window:~`},
		// windows
		{`{from: {a: {key: .k}}, window: {}, emit: [{to: b}]}`, `37: window needs ~every:~, or ~gap:~ for sessions`},
		{`{from: {a: {key: .k}}, window: {size: 5m}, emit: [{to: b}]}`, `37: window needs ~every:~, or ~gap:~ for sessions`},
		{`{from: {a: {key: .k}}, window: {every: 1m, gap: 1m}, emit: [{to: b}]}`, "37: window has ~gap:~, and so neither ~every:~ nor ~size:~"},
		{`{from: {a: {key: .k}}, window: {every: 1ms, size: 1h}, emit: [{to: b}]}`, "37: window: a record would be in more than 1000 windows; make ~every:~ longer or ~size:~ shorter"},
		{`{from: {a: {key: .k}}, window: {gap: 1m}, emit: [{to: b}]}`, `37: topology "t": a window with ~gap:~ needs ~order: time~`},
		{`{from: {a: {key: .k, set: {x: 1}}}, order: time, window: {gap: 1m}, emit: [{to: b}]}`, `33: topology "t": the state of a window with ~gap:~ is what ~keep:~ computes; there is no ~set:~`},
		{`{from: {a: {key: .k}}, ttl: 1h, window: {every: 1m}, emit: [{to: b}]}`, `34: topology "t": with a window there is no ~ttl:~; the state is forgotten when the window has ended`},
		{`{from: {a: {key: .k}}, window: {every: 1m}, timers: {x: {while: .a, after: 1s}}, emit: [{to: b, when: x}]}`, `58: topology "t" has a window, and so no timers; a topology of its own can have them`},
	} {
		check(t, topologyHead+"  t: "+c.topology+"\n", "4:", strings.ReplaceAll(c.want, "~", "`"))
	}
}

// Mistakes of a file with topologies, and of its tests.
func TestTopologyFileMessages(t *testing.T) {
	const right = "{from: {a: {key: .k}}, ttl: 1h, emit: [{to: b}]}"
	for _, c := range []struct{ line, want string }{
		{`topologies: [x, y]`, ``},
		{`topologies: {x: built-in}`, ``},
		{`topologies: {x: ` + right + `, x-log: {from: {a: }, emit: [{to: b}]}}`, ``},
		{`topologies: [{x: 1}]`, `14: an element of topologies must be a text, not a mapping`},
		{`topologies: x`, `13: topologies must be a mapping, not the text "x"`},
		{`topologies: {x: , y: built-in}`, `17: topology "x" must be a mapping with ~from:~ and ~emit:~, or built-in, not nothing`},
		{`topologies: {"x y": ` + right + `}`, "14: topology \"x y\": a name has letters, digits, ~.~, ~_~ and ~-~, begins with a letter or a digit, and has at most 100 characters"},
		{`topologies: {-x: ` + right + `}`, "14: topology \"-x\": a name has letters, digits, ~.~, ~_~ and ~-~, begins with a letter or a digit, and has at most 100 characters"},
		{`topologies: {x: ` + right + `, x: ` + right + `}`, `67: "x" is given twice in topologies`},
		{`topologies: {x: ` + right + `, x-state: ` + right + `}`, `67: topology "x-state" has the name of a stage of topology "x"; give it another name`},
		{`topologies: {o: ` + right + `}`, "14: topology \"o\": the topic with the alias \"o-log\" is its log, and needs ~internal: true~ and ~cleanup: delete~"},
		{`topologies: {p: ` + right + `}`, "14: topology \"p\": the topic with the alias \"p-changelog\" is its changelog, and needs ~internal: true~ and ~cleanup: compact~"},
		{`topologies: {q: ` + right + `}`, ``},
	} {
		check(t, "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}, o-log: {topic: o}, p-changelog: {topic: p, internal: true}, q-log: {topic: q, internal: true}}\n"+c.line+"\n",
			"3:", strings.ReplaceAll(c.want, "~", "`"))
	}
	const head = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\ntopologies: {inv: built-in, x: " + right + "}\ntests:\n"
	for _, c := range []struct{ test, want string }{
		{`{name: n, topology: x, when: [{at: 0s, a: {k: 1}}, {at: 40m}], then: {b: [{k: 1}], dlq: []}}`, ``},
		{`{name: n, topology: x, when: [{a: {k: 1}, key: 5}, {a: "<x/>"}, {at: 1s, a: null}]}`, ``},
		{`{name: n, topology: x}`, "4: a test needs ~when:~, what happens: records, as {at: 10s, ALIAS: VALUE, key: KEY}, and times, as {at: 40m}"},
		{`{topology: x, when: [{at: 1s}]}`, `4: a test needs ~name:~, its name`},
		{`{name: n, topology: xx, when: [{at: 1s}]}`, `24: test "n": ~topologies:~ has no "xx"; did you mean "x"?`},
		{`{name: n, topology: inv, when: [{at: 1s}]}`, `24: test "n": topology "inv" is built-in; tests are for those that the file declares`},
		{`{name: n, topology: x, when: []}`, `33: when is empty; a test begins with {at: 0s, ALIAS: {…}}`},
		{`{name: n, topology: x, when: [{}]}`, `34: an element of when is empty; write {at: 10s, ALIAS: {…}} for a record, or {at: 10s}`},
		{`{name: n, topology: x, when: [{at: 1s, key: k}]}`, `34: an element of when has a key, and no record; write {ALIAS: {…}, key: …}`},
		{`{name: n, topology: x, when: [{at: 1s, a: {}, c: {}}]}`, `50: an element of when has one record, not one for a and one for c; write two elements`},
		{`{name: n, topology: x, when: [{at: 5, a: {}}]}`, `39: at: "5" has no unit; write 5s, 5m, 5h or 5d`},
		{`{name: n, topology: x, when: [{at: 1s, c: {}}]}`, `43: test "n": topology "x" does not read "c"; did you mean "a"?`},
		{`{name: n, topology: x, when: [{at: 1s, orders: {}}]}`, `43: test "n": topology "x" does not read "orders", only "a"`},
		{`{name: n, topology: x, when: [{at: 1s}], then: {alerts: [{}]}}`, `52: test "n": topology "x" does not write "alerts", only "b"`},
		{`{name: n, topology: x, when: [{at: 1s}], then: {b: {}}}`, `55: b must be a list, not a mapping; begin each element with a dash`},
		{`{name: n, topology: x, when: [{at: 1s, a: {k: 007}}]}`, `50: a value: YAML reads 007 as the number 7; quote it if it is a text, else write 7`},
	} {
		check(t, head+" - "+c.test+"\n", "5:", strings.ReplaceAll(c.want, "~", "`"))
	}
	const test = " - {name: n, topology: x, when: [{at: 1s}]}\n"
	check(t, head+test+test, "6:", `4: there is a test "n" already; give this one another name`)
}
