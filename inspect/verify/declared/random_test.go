package declared_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// Random small topologies that use everything there is, production against the oracle.
// With INV_FUZZ=60m it goes on for so long.
func TestRandomTopologiesAgreeWithProduction(t *testing.T) {
	seen := map[string]int{}
	cases(t, 100, func(seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 6))
		text := (&writer{Rand: rng}).scenario()
		s, problems := scenario.Read("f.yaml", []byte(text))
		if len(problems) > 0 {
			t.Fatalf("seed %d: %v\n%s", seed, problems, text)
		}
		defer func() {
			if t.Failed() {
				t.Logf("seed %d\n%s", seed, text)
			}
		}()
		w := newWorld(t, s, "t", rng)
		for range 150 {
			w.randomStep()
		}
		if w.mapper == nil {
			w.apply()
		}
		for what, n := range w.seen {
			seen[what] += n
		}
	})
	t.Log(seen)
	for _, what := range []string{"outputs", "lines", "ticks", "letters late", "letters expression", "letters timer", "refused expression", "refused missing-row", "refused not-json"} {
		if seen[what] == 0 {
			t.Errorf("nothing of %q was compared", what)
		}
	}
}

// randomStep does something to the world.
func (w *world) randomStep() {
	w.Helper()
	w.now += w.Int64N(3_000)
	switch n := w.IntN(20); {
	case n < 2:
		for _, rows := range w.tables {
			key := fmt.Sprint(w.IntN(3))
			if rows[key] = w.value(2); w.IntN(4) == 0 {
				delete(rows, key)
			}
		}
	case n < 6 && w.mapper == nil:
		w.tick()
	case n < 8 && w.mapper == nil:
		w.apply()
	default:
		var key []byte
		if w.IntN(4) > 0 {
			key = []byte([]string{"x", "y\xff", ""}[w.IntN(3)])
		}
		input := w.IntN(len(w.topology.From))
		text := []byte(w.object(3))
		switch w.topology.From[input].Format {
		case "xml":
			text = fmt.Appendf(nil, "<r><k>k%d</k><a>%d</a><b x='1'>%s</b><l><a>1</a><k>k1</k></l></r>", w.IntN(3), w.IntN(9), w.pick("", "é", "<c/>"))
		case "csv":
			text = fmt.Appendf(nil, "k%d,%d,%s\n", w.IntN(3), w.IntN(9), w.pick("", `"a,""b"`, "é", "x,y"))
		}
		switch w.IntN(40) {
		case 0:
			text = nil
		case 1:
			text = []byte(w.value(2))
		case 2:
			text = text[:len(text)-1]
		}
		w.record(input, key, text, w.now-w.Int64N(4_000)*w.Int64N(4))
	}
}

func (w *world) pick(words ...string) string { return words[w.IntN(len(words))] }

// value is a JSON value.
func (w *world) value(depth int) string {
	switch n := w.IntN(10); {
	case depth > 0 && n == 0:
		return w.object(depth - 1)
	case depth > 0 && n == 1:
		parts := make([]string, w.IntN(4))
		for i := range parts {
			parts[i] = w.value(depth - 1)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case n < 7:
		return w.number(10)
	}
	return []string{`"x"`, `"\u00e9\ud800"`, `"a\tb"`, "true", "false", "null", "-0", "1e400", "12345678901234567890123", "0.1", `"1"`, "\"\xff\""}[w.IntN(12)]
}

// object is a record, with the fields that expressions use.
func (w *world) object(depth int) string {
	var parts []string
	for _, name := range []string{`"a"`, `"b"`, `"c"`} {
		if w.IntN(6) > 0 {
			parts = append(parts, name+":"+w.value(depth-1))
		}
	}
	parts = append(parts, fmt.Sprintf(`"k":"k%d"`, w.IntN(3)), fmt.Sprintf(`"ms":%d`, w.now-w.Int64N(2_000)))
	if w.IntN(15) == 0 {
		parts = append(parts, `"k":`+w.value(1))
	}
	if w.IntN(2) == 0 {
		elements := make([]string, w.IntN(4))
		for i := range elements {
			elements[i] = fmt.Sprintf(`{"k":"k%d","a":%s,"b":%s}`, w.IntN(3), w.value(1), w.value(1))
		}
		parts = append(parts, `"l":[`+strings.Join(elements, ",")+"]")
	}
	w.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, []string{",", " ,\n"}[w.IntN(2)]) + "}"
}

// writer writes scenarios with a topology named t.
type writer struct {
	*rand.Rand
	text   strings.Builder
	keyed  bool
	window bool
	gap    bool
	timers []string
	joins  []string
	each   bool // $i can be used
	keeps  int  // the fields f0, f1, …
}

func (w *writer) pick(words ...string) string { return words[w.IntN(len(words))] }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// quoted is an expression as a YAML scalar.
func quoted(expression string) string { return "'" + strings.ReplaceAll(expression, "'", "''") + "'" }

func (w *writer) maybe(oneIn int) bool { return w.IntN(oneIn) == 0 }

func (w *writer) scenario() string {
	w.line("scenario: s\ntopics:\n  in: {topic: in, view: {time: ms}}\n  more: {topic: more}\n  out: {topic: out}\n  other: {topic: other}\n  table: {topic: table, cleanup: compact}\n  second: {topic: second, cleanup: compact}\ntopologies:\n  t:")
	w.keyed = !w.maybe(6)
	w.window = w.keyed && w.maybe(3)
	w.gap = w.window && w.maybe(2)
	w.line("    let:\n      double: %s\n      first: %s", quoted(w.expression(1)), quoted(w.pick(".l[0]", ".a", "[.l[]?.a] | min", "[double, 1] | max")))
	w.line("    from:")
	w.input("in")
	if w.maybe(2) {
		w.input("more")
	}
	if w.maybe(4) {
		w.line("    time: %s", quoted(w.pick(".ms", "if .ms then .ms / 1 else empty end", ".ms // null", ".c")))
	}
	if w.keyed {
		w.state()
	}
	w.line("    emit:")
	for range 1 + w.IntN(3) {
		w.emit("")
	}
	for _, timer := range w.timers {
		w.emit(timer)
	}
	if w.window {
		w.emit("closed")
	}
	return w.text.String()
}

func (w *writer) input(alias string) {
	w.line("      %s:", alias)
	switch {
	case alias == "more" && w.maybe(4):
		w.line("        format: xml\n        lists: [l]")
	case alias == "more" && w.maybe(4):
		w.line("        format: csv\n        columns: [k, a, b]")
	}
	if w.maybe(4) {
		w.line("        where: %s", quoted(w.pick(".a != 3", ".b < 5", ".a", ".a | not", "$t % 7 != 0", "double")))
	}
	if w.maybe(3) {
		w.each = true
		w.line("        each: %s", quoted(w.pick(".l[]? + {c}", ".l[]?", ".l[]", ".l[]? | select(.a != 1)", "., (.l[0] // empty)")))
	}
	var joins []string
	if w.maybe(3) {
		w.line("        join:\n          p: {table: table, key: %s, missing: %s}", quoted(w.pick(".a", ".b", `"\(.a)"`, "$key // 1", "empty")), w.pick("null", "drop", "dead-letter"))
		joins = append(joins, "$p")
		if w.maybe(2) {
			w.line("          q: {table: second, key: %s}", quoted(w.pick("$p.a", "$p.b // .a", ".b")))
			joins = append(joins, "$q")
		}
	}
	if w.keyed {
		w.line("        key: %s", quoted(w.pick(".k", ".k", `"\(.k)-x"`, ".k // $offset", ".a")))
	}
	w.joins = append(w.joins, joins...)
	if w.keyed && !w.gap && (alias == "in" || !w.maybe(3)) {
		w.line("        set: {x: %s, y: %s}", quoted(w.set()), quoted(w.set()))
	}
}

func (w *writer) set() string {
	if w.each && w.maybe(8) {
		return "$i"
	}
	return w.pick(".a", ".b", "($s.x // 0) + .a", "($s.y // []) + [.b] | .[:5]", "if .a > 3 then $t else $s.x end", "empty", "null", "if .c then .c else empty end", "$n", "$headers.a", "$was.x", "{(.k): .a}")
}

func (w *writer) state() {
	if w.gap || w.maybe(2) {
		w.line("    keep:")
		w.keeps = 1 + w.IntN(3)
		for i := range w.keeps {
			limit := w.pick("", ", within: 5s", ", last: 3", ", within: 2s")
			w.line("      f%d: {%s: %s%s}", i, w.pick("count", "sum", "mean", "min", "max", "distinct"), quoted(w.pick(".a", ".b", ".a | numbers", "(.a | numbers) * 1.1", ".", "double", ".c // empty")), limit)
		}
	}
	switch {
	case w.gap:
		w.line("    window: {gap: %s}\n    order: time", w.pick("1s", "4s"))
	case w.window:
		w.line("    window: {every: %s}", w.pick("2s", "2s, size: 5s", "3s, size: 1s"))
	default:
		w.line("    ttl: %s", w.pick("forever", "5s", "20s"))
	}
	if !w.gap && w.maybe(2) {
		w.line("    order: time")
	}
	if w.maybe(2) {
		w.line("    grace: %s", w.pick("0s", "1s", "5s"))
	}
	if w.maybe(4) {
		w.line("    ahead: %s", w.pick("0s", "1s", "1h"))
	}
	if !w.window && w.maybe(2) {
		w.line("    timers:")
		for i := range 1 + w.IntN(2) {
			name := fmt.Sprint("timer", i)
			w.line("      %s: {while: %s, after: %s}", name, quoted(w.condition()), w.pick("1ms", "1s", "3s", "7s"))
			w.timers = append(w.timers, name)
		}
	}
	if w.maybe(4) {
		w.line("    until: %s", quoted(w.pick(".a == 9", "$n > 4", ".b == $n")))
	}
}

func (w *writer) condition() string {
	all := []string{".a > 3", ".a > 3 | not", ".b == null", ".c", "double > 4", "first", ".a < .b", "(.a, .b)", ".l | length > 1"}
	if w.keyed {
		all = append(all, "$n % 3 == 0", "$in == \"in\"")
	}
	if w.keyed && !w.gap {
		all = append(all, "$s.x", "$s.x | not", "$s.x > 2 and ($was.x > 2 | not)", "$s.y != null", "$s.x == $was.x", "($was.x // 0) < 3")
	}
	return w.pick(all...)
}

func (w *writer) expression(depth int) string {
	all := []string{".a", ".b", ".c", "$key", "$t", "$in", "$offset", ".a * 2", ".a + .b", `"\(.a)-\(.b)"`, "[.a, .b]", "{a, b}", ".l", "if .a > 2 then .b else .c end", ".a // .b", "[.l[]? | .a]", "empty", "$topic", "$headers.b", ".a | tostring", ".l[0].a", "[.l[]?.a | numbers] | add"}
	if w.keyed && depth == 0 {
		all = append(all, "$s", "$was", "$n", "$partition")
		if !w.gap {
			all = append(all, "$s.x", "$was.x")
		}
		for i := range w.keeps {
			all = append(all, fmt.Sprint("$s.f", i), fmt.Sprint("$was.f", i))
		}
		if w.window {
			all = append(all, "$window", "$window.end - $t")
		}
	}
	if w.each && depth == 0 && w.keyed {
		all = append(all, "$i", "[$i]")
	}
	if depth == 0 {
		all = append(all, "double", "first", "$clock / 1000 | floor")
		for _, j := range w.joins {
			all = append(all, j, j+".a", j+".a < 3", j+" == null")
		}
	}
	return w.pick(all...)
}

func (w *writer) emit(when string) {
	w.line("      - to: %s", w.pick("out", "other"))
	if when != "" {
		w.line("        when: %s", when)
	}
	if !w.maybe(3) {
		w.line("        if: %s", quoted(w.condition()))
	}
	if w.maybe(4) {
		w.line("        each: %s", quoted(w.pick(".l[]?", ".l[]", ".a, .b", "$in // empty")))
	}
	if w.keyed && w.maybe(4) {
		w.line("        once: %s", w.pick("1s", "6s"))
	}
	if w.maybe(3) {
		w.line("        key: %s", quoted(w.pick(".k", ".a", `"\(.a)"`, "$key", ".k // \"none\"")))
	}
	if !w.maybe(6) {
		w.line("        fields:\n          v: %s\n          w: {x: %s, y: [%s, %s]}\n          z: %s", quoted(w.expression(0)), quoted(w.expression(0)), quoted(w.expression(0)), quoted(w.expression(0)), quoted(w.expression(0)))
	}
	if w.keyed && !w.gap && w.maybe(3) {
		w.line("        set: {x: %s}", quoted(w.pick("null", "$n", ".a", "($s.x // 0) + 1", "empty")))
	}
}
