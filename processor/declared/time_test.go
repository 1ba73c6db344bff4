package declared

import (
	"fmt"
	"strings"
	"testing"
)

const counting = `
		from: {a: {key: .k, set: {on: .on}}, b: {key: .k}}
		ttl: 100ms
		timers: {long: {while: $s.on, after: 10ms}, longer: {while: $s.on, after: 20ms}}
		emit:
		  - {to: x, when: long, fields: {t: $t, n: $n, in: $in, dot: ., s: $s}}
		  - {to: x, when: longer, fields: {longer: $t}}
		  - {to: y, if: .show, fields: {n: $n}}
		`

func TestWatermarkIsTheLeastOfItsSources(t *testing.T) {
	r := start(t, counting)
	r.parts = []TopicSize{{[]byte("a"), 2}, {[]byte("b"), 1}}
	mark := func(wantKnown bool, want int64) {
		t.Helper()
		if c := r.machine.clock.reading; c.known != wantKnown || c.watermark != want {
			t.Errorf("the watermark is %d (%t), want %d (%t)", c.watermark, c.known, want, wantKnown)
		}
	}
	r.line("a/0", "k", 100, `{}`)
	mark(false, 0) // there was no tick
	r.tick("a/0", 90)
	mark(false, 0) // a/1 and b/0 are unheard of
	r.line("a/1", "k", 80, `{}`)
	r.tick("b/0", -1)
	mark(true, 80) // b/0 is empty
	r.line("b/0", "k", 70, `{}`)
	mark(true, 80) // it never goes back
	r.line("a/1", "k", 120, `{}`)
	mark(true, 80)
	r.line("b/0", "k", 110, `{}`)
	mark(true, 100)
	r.tick("b/0", -1)
	r.tick("a/0", 95)
	mark(true, 100) // neither does a source
	r.parts[0].Partitions = 3
	r.tick("a/0", 200)
	mark(true, 100) // a/2 is new
	r.tick("a/1", 200)
	r.tick("b/0", 150)
	mark(true, 100)
	r.restart(r.program, true)
	mark(true, 100)
	r.line("a/2", "k", 130, `{}`)
	mark(true, 130)
}

// Ticks let timers fire without a record, and all that is due by a line's time happens
// before it.
func TestDueTimersComeBeforeTheLine(t *testing.T) {
	r := start(t, counting)
	r.parts = r.parts[:1]
	r.tick("a/0", 0)
	r.line("a/0", "k", 0, `{"on":true}`)
	want(t, r.tick("a/0", 9))
	want(t, r.tick("a/0", 10), `0 k@10 {"t":10,"n":2,"in":null,"dot":null,"s":{"on":true}} #t-k-0-2-0`)
	want(t, r.line("a/0", "k", 25, `{"on":false,"show":true}`), `1 k@20 {"longer":20} #t-k-0-3-1`, `2 k@25 {"n":4} #t-k-0-4-2`)
	r.line("a/0", "l", 30, `{"on":true}`)
	want(t, r.line("a/0", "k", 40, `{}`), `0 l@40 {"t":40,"n":2,"in":null,"dot":null,"s":{"on":true}} #t-l-30-2-0`)
	// A line that comes out of order may start what is due by now already.
	want(t, r.line("a/0", "m", 21, `{"on":true}`), `0 m@31 {"t":31,"n":2,"in":null,"dot":null,"s":{"on":true}} #t-m-21-2-0`)
}

func TestTimersFireOnceForEachStretch(t *testing.T) {
	r := start(t, counting)
	r.parts = r.parts[:1]
	r.tick("a/0", 0)
	fired := func(ms int64, value string, want int) {
		t.Helper()
		out := r.line("a/0", "k", ms, value)
		n := 0
		for _, o := range out {
			if strings.HasPrefix(o, "0 ") {
				n++
			}
		}
		if n != want {
			t.Errorf("at %d the timer fired %d times, want %d: %q", ms, n, want, out)
		}
	}
	fired(1, `{"on":true}`, 0)
	fired(5, `{"on":true}`, 0)
	fired(10, `{"on":true}`, 0)
	fired(11, `{"on":true}`, 1) // since 1
	fired(30, `{"on":true}`, 0)
	fired(50, `{"on":true}`, 0) // not again
	fired(51, `{"on":false}`, 0)
	fired(52, `{"on":true}`, 0)
	fired(60, `{"on":false}`, 0) // too short
	fired(61, `{"on":true}`, 0)
	fired(70, `{"on":true}`, 0)
	r.restart(r.program, true)
	fired(71, `{"on":true}`, 1)
	fired(90, `{"on":true}`, 0)
}

func TestTiesAreByDueTimeKindAndKey(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		ttl: 10ms
		timers: {one: {while: $s.x, after: 10ms}, two: {while: $s.x, after: 10ms}, three: {while: $s.x, after: 9ms}}
		emit:
		  - {to: x, when: two, fields: {two: $t}}
		  - {to: x, when: one, fields: {one: $t}}
		  - {to: x, when: three, fields: {three: $t}}
		`)
	r.tick("a/0", 0)
	for _, key := range []string{"b", "a", "aa", "A"} {
		r.line("a/0", key, 5, `{"x":true}`)
	}
	r.line("a/0", "z", 4, `{"x":true}`)
	out := r.tick("a/0", 1000)
	var got []string
	for _, o := range out {
		_, o, _ := strings.Cut(o, " ")
		o, _, _ = strings.Cut(o, " #")
		got = append(got, strings.NewReplacer(`"`, "", "{", "", "}", "").Replace(o))
	}
	want(t, got, "z@13 three:13", "A@14 three:14", "a@14 three:14", "aa@14 three:14", "b@14 three:14", "z@14 one:14", "z@14 two:14",
		"A@15 one:15", "A@15 two:15", "a@15 one:15", "a@15 two:15", "aa@15 one:15", "aa@15 two:15", "b@15 one:15", "b@15 two:15")
	if c := r.machine.Counts(); c.Keys != 0 || c.Timers != 0 {
		t.Errorf("%+v in the end", c)
	}
}

func TestKeysExpireByTheWatermark(t *testing.T) {
	r := start(t, counting)
	r.parts = r.parts[:1]
	r.tick("a/0", 0)
	r.line("a/0", "k", 50, `{"show":true}`)
	want(t, r.line("a/0", "k", 20, `{"show":true}`), `2 k@20 {"n":2} #t-k-50-2-2`) // shortens nothing
	r.tick("a/0", 149)
	if c := r.machine.Counts(); c.Keys != 1 {
		t.Errorf("the key is gone before its time: %+v", c)
	}
	r.tick("a/0", 150)
	if c := r.machine.Counts(); c.Keys != 0 || c.Bytes != 0 {
		t.Errorf("the key is still there: %+v", c)
	}
	last := r.changelog[len(r.changelog)-2]
	if string(last.key) != "k/k" || last.value != nil {
		t.Errorf("the changelog has %q=%q, want a tombstone of k/k", last.key, last.value)
	}
	want(t, r.line("a/0", "k", 200, `{"show":true}`), `2 k@200 {"n":1} #t-k-200-1-2`)
	// A line so old that its key would have expired is applied, and the key forgotten.
	want(t, r.line("a/0", "old", 10, `{"show":true}`), `2 old@10 {"n":1} #t-old-10-1-2`)
	if c := r.machine.Counts(); c.Keys != 1 {
		t.Errorf("%+v", c)
	}
}

func TestLateLineChangesNothing(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k}}
		ttl: forever
		grace: 10ms
		keep: {n: {count: .}}
		emit: [{to: x, fields: {n: $s.n}}]
		`)
	r.tick("a/0", 100)
	want(t, r.line("a/0", "k", 89, `{"x":1}`),
		`late a/0@0 k: its time 1970-01-01T00:00:00.089Z is before 1970-01-01T00:00:00.090Z, up to which the state is complete {"x":1}`)
	if c := r.machine.Counts(); c != (Counts{Late: 1}) {
		t.Errorf("a late line changed the state: %+v", c)
	}
	want(t, r.line("a/0", "k", 90, `{}`), `0 k@90 {"n":1} #t-k-90-1-0`)
	// The time before the line counts is what it is compared with.
	want(t, r.line("a/0", "k", 500, `{}`), `0 k@500 {"n":2} #t-k-90-2-0`)
	if out := r.line("a/0", "k", 489, `{}`); len(out) != 1 || !strings.HasPrefix(out[0], "late ") {
		t.Errorf("%q", out)
	}
}

// Without a limit no line is late, whatever the clock: a backlog is no exception.
func TestNoLineIsLateWithoutALimit(t *testing.T) {
	r := start(t, counting)
	r.parts = r.parts[:1]
	r.tick("a/0", 1_000_000)
	want(t, r.line("a/0", "k", 5, `{"show":true}`), `2 k@5 {"n":1} #t-k-5-1-2`)
}

func TestHeldLinesAreAppliedByTimeSourceAndOffset(t *testing.T) {
	r := start(t, `
		from: {a: {each: ., key: .k}, b: {key: .k}}
		order: time
		grace: 10ms
		ttl: forever
		timers: {after: {while: .x == 2, after: 2ms}}
		emit:
		  - {to: x, fields: {x: .x, at: '"\($topic)/\($partition)@\($offset)"', i: $i}}
		  - {to: x, when: after, fields: {after: $t}}
		`)
	r.parts[0].Partitions = 2
	for _, source := range []string{"b/0", "a/0", "a/1"} {
		r.tick(source, 0)
	}
	r.line("b/0", "k", 5, `{"x":6}`)
	r.line("a/1", "k", 5, `{"x":5}`)
	r.line("a/0", "k", 7, `{"x":7}`)
	r.line("a/0", "k", 3, `{"x":1}`)
	r.line("a/0", "k", 3, `{"x":2}`)
	lines := r.lineOf("a/0", "k", 5, `{"x":4}`)
	text := strings.Replace(string(lines), `,"v"`, `,"i":1,"v"`, 1) + strings.Replace(string(lines), `,"v":{"x":4}`, `,"i":0,"v":{"x":3}`, 1)
	want(t, r.record([]byte(text)))
	r.restart(r.program, true)
	r.tick("a/0", 16)
	r.tick("a/1", 17)
	r.line("b/0", "l", 30, `{"x":9}`)
	if c := r.machine.Counts(); c.Held != 2 {
		t.Errorf("%+v, want two lines that wait: T is 6", c)
	}
	want(t, r.out,
		`0 k@3 {"x":1,"at":"a/0@1","i":null} #t-k-3-1-0`,
		`0 k@3 {"x":2,"at":"a/0@2","i":null} #t-k-3-2-0`,
		`1 k@5 {"after":5} #t-k-3-3-1`, // before the lines of its time
		`0 k@5 {"x":3,"at":"a/0@3","i":0} #t-k-3-4-0`,
		`0 k@5 {"x":4,"at":"a/0@3","i":1} #t-k-3-5-0`,
		`0 k@5 {"x":5,"at":"a/1@0","i":null} #t-k-3-6-0`,
		`0 k@5 {"x":6,"at":"b/0@0","i":null} #t-k-3-7-0`)
	r.out = nil
	r.tick("a/0", 100)
	r.tick("a/1", 100)
	want(t, r.out, `0 k@7 {"x":7,"at":"a/0@0","i":null} #t-k-3-8-0`)
}

// Lines that wait are still there after a restart with another grace, each once.
func TestGraceMayChange(t *testing.T) {
	const lines = "from: {a: {key: .k}}\norder: time\ngrace: %s\nttl: forever\nemit: [{to: x, fields: {t: $t}}]"
	r := start(t, fmt.Sprintf(lines, "10ms"))
	r.tick("a/0", 100)
	for _, ms := range []int64{98, 95, 90, 105} {
		r.line("a/0", "k", ms, `{}`)
	}
	want(t, r.out, `0 k@90 {"t":90} #t-k-90-1-0`) // T is 95
	r.restart(program(t, fmt.Sprintf(lines, "30ms")), true)
	r.line("a/0", "k", 110, `{}`)
	r.restart(program(t, fmt.Sprintf(lines, "0s")), true)
	if out := r.line("a/0", "k", 94, `{}`); len(out) != 1 || !strings.HasPrefix(out[0], "late ") {
		t.Errorf("%q", out)
	}
	r.line("a/0", "k", 111, `{}`)
	r.tick("a/0", 112)
	var times []string
	for _, out := range r.out {
		if !strings.HasPrefix(out, "late ") {
			times = append(times, out[:strings.Index(out, " {")])
		}
	}
	want(t, times, "0 k@90", "0 k@95", "0 k@98", "0 k@105", "0 k@110", "0 k@111")
}

func TestFailedTimerFiresOnceAndLeavesALetter(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {on: .on, x: .x}}}
		ttl: forever
		keep: {n: {count: .}}
		timers: {long: {while: $s.on, after: 10ms}}
		emit:
		  - {to: y, when: long, fields: {x: 0}, set: {x: 7}}
		  - {to: x, when: long, fields: {x: 1 / ($s.x - 7)}}
		  - {to: y, if: .show, fields: {n: $n, x: $s.x}}
		`)
	r.tick("a/0", 0)
	r.line("a/0", "k", 0, `{"on":true,"x":"a\"b"}`)
	want(t, r.tick("a/0", 10), `timer - k: t.yaml:11:41: cannot divide number (1) by: number (0) {"key":"k","timer":"long","due":10,"state":{"n":1,"on":true,"x":"a\"b"}}`)
	r.restart(r.program, false)
	want(t, r.tick("a/0", 50))
	want(t, r.line("a/0", "k", 60, `{"on":true,"x":1,"show":true}`), `2 k@60 {"n":2,"x":1} #t-k-0-2-2`)
	want(t, r.tick("a/0", 100))
}

func TestTumblingWindows(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		window: {every: 10ms}
		grace: 3ms
		keep: {sum: {sum: .x}}
		emit:
		  - {to: x, when: closed, fields: {w: $window, s: $s, n: $n, t: $t}}
		  - {to: y, if: .show, fields: {w: $window, n: $n}}
		`)
	r.tick("a/0", 0)
	r.line("a/0", "k", 1, `{"x":1}`)
	r.line("a/0", "k", 10, `{"x":2}`)
	r.line("a/0", "j", 9, `{"x":3}`)
	want(t, r.line("a/0", "k", 12, `{"show":true}`), `1 k@12 {"w":{"start":10,"end":20},"n":2} #t-k-10-2-1`)
	want(t, r.line("a/0", "k", 9, `{"x":4}`)) // the window is open: T is 9
	r.restart(r.program, true)
	want(t, r.tick("a/0", 13),
		`0 j@10 {"w":{"start":0,"end":10},"s":{"sum":3,"x":3},"n":2,"t":10} #t-j-0-2-0`,
		`0 k@10 {"w":{"start":0,"end":10},"s":{"sum":5,"x":4},"n":3,"t":10} #t-k-0-3-0`)
	if out := r.line("a/0", "k", 9, `{"x":4}`); len(out) != 1 || !strings.HasPrefix(out[0], "late ") {
		t.Errorf("%q", out)
	}
	want(t, r.tick("a/0", 1000), `0 k@20 {"w":{"start":10,"end":20},"s":{"sum":2,"x":null},"n":3,"t":20} #t-k-10-3-0`)
	if c := r.machine.Counts(); c.Keys != 0 {
		t.Errorf("%+v", c)
	}
}

func TestHoppingWindows(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k}}
		window: {every: 5ms, size: 10ms}
		grace: 0s
		keep: {n: {count: .}}
		emit:
		  - {to: y, if: .x, fields: {w: $window, x: .x / ($n - 2)}}
		  - {to: x, when: closed, fields: {w: $window, n: $s.n}}
		`)
	r.tick("a/0", 0)
	want(t, r.line("a/0", "k", 7, `{"x":1}`), `0 k@7 {"w":{"start":0,"end":10},"x":-1} #t-k-0-1-0`, `0 k@7 {"w":{"start":5,"end":15},"x":-1} #t-k-5-1-0`)
	// In its second window the line is the second, and so it counts in neither.
	if out := r.line("a/0", "k", 10, `{"x":1}`); len(out) != 2 || !strings.HasPrefix(out[0], "1 k@10 ") || !strings.HasPrefix(out[1], "expression a/0@1 ") {
		t.Errorf("%q", out)
	}
	r.line("a/0", "k", 12, `{}`)
	want(t, r.tick("a/0", 100), `1 k@15 {"w":{"start":5,"end":15},"n":2} #t-k-5-3-1`, `1 k@20 {"w":{"start":10,"end":20},"n":1} #t-k-10-2-1`)
}

func TestSessionWindows(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k}}
		window: {gap: 10ms}
		order: time
		grace: 0s
		keep: {n: {count: .}}
		emit:
		  - {to: x, when: closed, fields: {w: $window, n: $s.n, t: $t}}
		  - {to: y, if: .show, fields: {w: $window}}
		`)
	r.tick("a/0", 0)
	for _, ms := range []int64{5, 14, 20, 30, 41} {
		r.line("a/0", "k", ms, `{"show":true}`)
		r.restart(r.program, ms%2 == 0)
	}
	r.tick("a/0", 1000)
	want(t, r.out,
		`1 k@5 {"w":{"start":5,"end":15}} #t-k-5-1-1`,
		`1 k@14 {"w":{"start":5,"end":24}} #t-k-5-2-1`,
		`1 k@20 {"w":{"start":5,"end":30}} #t-k-5-3-1`,
		`0 k@30 {"w":{"start":5,"end":30},"n":3,"t":30} #t-k-5-4-0`,
		`1 k@30 {"w":{"start":30,"end":40}} #t-k-30-1-1`,
		`0 k@40 {"w":{"start":30,"end":40},"n":1,"t":40} #t-k-30-2-0`,
		`1 k@41 {"w":{"start":41,"end":51}} #t-k-41-1-1`,
		`0 k@51 {"w":{"start":41,"end":51},"n":1,"t":51} #t-k-41-2-0`)
}
