package builtin

import (
	"os"
	"strings"
	"testing"

	"inv/internal/scenario"
)

const head = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\ntopologies:\n"

// What the grammar can't know of topologies is reported with its place: names of the
// program, and mistakes in expressions, also where other parts of the file are wrong.
func TestCheck(t *testing.T) {
	for topologies, want := range map[string]string{
		"  x: {from: {a: }, emit: [{to: b}]}":         "",
		"  inventory: built-in":                       "",
		"  inventry: built-in":                        `4:3: there is no built-in topology "inventry" (there are inventory, procurement); did you mean "inventory"?`,
		"  inventory: {from: {a: }, emit: [{to: b}]}": `4:3: topology "inventory": the built-in topology inventory has that name; take another`,
		"  ledger: {from: {a: }, emit: [{to: b}]}":    `4:3: topology "ledger": the built-in topology inventory has that name; take another`,
		"  x:\n    from: {a: }\n    emit:\n      - to: b\n        if: |\n          .a and\n            (.b | lenght)": `10:19: function not defined: lenght/0 (did you mean length?) (a field is .lenght, a text '"lenght"')`,
		"  x: {from: {a: {where: \"USA\"}}, emit: [{to: b}]}":                                                         `4:26: function not defined: USA/0 (a field is .USA, a text '"USA"')`,
		"  x: {from: {a: }, let: {wish: 1}, emit: [{to: b, if: wihs > 1}]}":                                           `4:55: function not defined: wihs/0 (did you mean wish?) (a field is .wihs, a text '"wihs"')`,
		"  x: {from: {a: }, emit: [{to: b, if: $topc == 1}]}":                                                         `4:39: variable not defined: $topc (did you mean $topic?)`,
		"  x: {from: {a: {where: now > 1}}, emit: [{to: b, ky: .x}]}":                                                 `4:25: now is not allowed: it differs from run to run`,
		"  x: {from: {a: {where: {}, each: '.[', key: ''}}, emit: []}":                                                `4:38: unexpected EOF`,
	} {
		s, _ := scenario.Read("t.yaml", []byte(head+topologies+"\n"))
		problems := append(Check(s), CheckNames(s)...)
		if want != "" {
			want = "t.yaml:" + want
		}
		if got := problems.Error(); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", topologies, got, want)
		}
	}
}

// Hostile files don't make the check panic or hang.
func FuzzCheck(f *testing.F) {
	samples, err := os.ReadFile("../../internal/scenario/testdata/topologies.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(samples)
	f.Add([]byte(head + "  x: {from: {a: {where: [], join: {p: {table: x}}}, c: {key: .k}}, time: .t, keep: {x: {}}, emit: [{when: y, fields: {a: [{}, 5]}}]}\n"))
	f.Add([]byte(head + "  x: {from: {a: {format: xml, lists: ['', a.b], key: .x}}, timers: {t: }, emit: [{}]}\n"))
	f.Add([]byte(head + "  x: {from: {a: {format: csv, columns: [a, a]}}, window: {gap: 1m}, let: {'': 1, t: t}, emit: [{to: b}]}\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		s, _ := scenario.Read("f.yaml", source)
		if s == nil {
			return
		}
		for _, p := range Check(s) {
			if p.Pos.Line < 1 || p.Pos.Line > strings.Count(string(source), "\n")+1 && !strings.ContainsAny(string(source), "\r\u0085\u2028\u2029") {
				t.Errorf("a problem without a place: %v", p)
			}
		}
	})
}

// Topologies that feed each other are named, each cycle once, also through topologies of
// the program.
func TestCycles(t *testing.T) {
	for topologies, want := range map[string]string{
		"{x: {from: {a: }, emit: [{to: b}]}, y: {from: {b: }, emit: [{to: c}]}}": "",
		"{x: {from: {a: }, emit: [{to: b}]}, y: {from: {b: }, emit: [{to: a}]}}": "t.yaml:3:14: note: topologies in a cycle: x writes b, which y reads; y writes a, which x reads",
		"{x: {from: {a: }, emit: [{to: b}]}, y: {from: {b: }, emit: [{to: c}]}, z: {from: {b: {join: {j: {table: c, key: .}}}}, emit: [{to: a}]}}": "t.yaml:3:14: note: topologies in a cycle: x writes b, which z reads; z writes a, which x reads\n" +
			"t.yaml:3:49: note: topologies in a cycle: y writes c, which z reads; z writes a, which x reads; x writes b, which y reads",
		"{inventory: built-in, procurement: built-in}":                       "",
		"{inventory: built-in, x: {from: {alerts: }, emit: [{to: orders}]}}": "t.yaml:3:35: note: topologies in a cycle: x writes orders, which inventory reads; inventory writes alerts, which x reads",
	} {
		s, problems := scenario.Read("t.yaml", []byte("scenario: t\ntopics: {a: {topic: a}, b: {topic: b}, c: {topic: c}, orders: {topic: o}, alerts: {topic: l}}\ntopologies: "+topologies+"\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got := strings.ReplaceAll(Cycles(s).Error(), "; be sure that a record doesn't cause others without an end", "")
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", topologies, got, want)
		}
	}
}
