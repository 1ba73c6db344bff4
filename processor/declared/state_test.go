package declared

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const everything = `
		from: {a: {key: .k, set: {x: .x, name: .name}}}
		ttl: 1h
		keep: {n: {count: .}, recent: {mean: .x, within: 10s}, d: {distinct: .name, last: 3}}
		timers: {long: {while: $s.x > 1, after: 10s}, short: {while: $s.x > 1, after: 1s}}
		emit:
		  - {to: x, when: long, fields: {x: $s.x}}
		  - {to: x, when: short, once: 1m, fields: {x: $s.x, n: $n}}
		  - {to: y, once: 5s, fields: {s: $s, n: $n}}
		`

// FuzzState reads states that may be anything: they are refused, or written again as they
// are.
func FuzzState(f *testing.F) {
	r := start(f, everything)
	for i := range 3 {
		r.line("a/0", "k", int64(1000*i), fmt.Sprintf(`{"x":%d.5,"name":"n%d"}`, i, i))
		r.tick("a/0", int64(1000*i))
		for _, c := range r.live() {
			if c.key[0] == stateKey[0] {
				f.Add(c.value)
			}
		}
	}
	known := r.machine.layouts
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var s, head, again state
		var scratch []byte
		if s.parse(encoded, known, true) != nil {
			return
		}
		if err := head.parseHead(encoded, known); err != nil || head.newest != s.newest || head.since != s.since || head.n != s.n {
			t.Fatalf("the head differs: %v", err)
		}
		if since, err := sinceOf(encoded); err != nil || since != s.since {
			t.Fatalf("since is %d (%v), want %d", since, err, s.since)
		}
		text := s.appendObject(nil, s.newest)
		written := s.append(nil, &scratch)
		if len(written) > s.room() {
			t.Fatalf("%d bytes, and room for %d", len(written), s.room())
		}
		if err := again.parse(written, known, true); err != nil {
			t.Fatal(err)
		}
		if other := again.appendObject(nil, again.newest); !bytes.Equal(text, other) {
			t.Fatalf("%s becomes %s", text, other)
		}
		if twice := again.append(nil, &scratch); !bytes.Equal(written, twice) {
			t.Fatalf("%x becomes %x", written, twice)
		}
	})
}

func TestStatesAreSmall(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {probe: if .x < 5 then $t else $s.probe end}}}
		ttl: 30d
		keep: {recent: {count: ., within: 10m}, usual: {mean: .x, last: 20}, seen: {count: ., last: 20}}
		emit: [{to: x, if: $s.recent > 99, fields: {n: $n}}]
		`)
	for i := range 100 {
		r.line("a/0", "customer-000017", 1_732_881_600_000+int64(i)*600_000, fmt.Sprintf(`{"x":%d.99}`, 100+i))
	}
	if c := r.machine.Counts(); c.Keys != 1 || c.Bytes > 120 {
		t.Errorf("a customer of the fraud topology has %+v", c)
	}
}

// The states of an earlier version are upgraded when a step needs them.
func TestUpgrade(t *testing.T) {
	r := start(t, everything)
	r.tick("a/0", 0)
	r.line("a/0", "k", 1000, `{"x":1.5,"name":"N"}`)
	r.line("a/0", "l", 1000, `{"x":2,"name":"L"}`)
	r.line("a/0", "m", 1000, `{"x":1,"name":"M"}`)
	r.line("a/0", "n", 1000, `{"x":2,"name":7}`)
	second := program(t, `
		from: {a: {key: .k, set: {y: .x, title: .name}}}
		ttl: 1h
		version: 2
		upgrade: 'if $key == "m" then empty else {y: (.x * 10), title: ("Dr. " + .name), n: 1000, other: 1} end'
		keep: {d: {distinct: .name, last: 3}, n: {count: .}, recent: {sum: .x, within: 10s}}
		timers: {short: {while: $s.y > 1, after: 1s}, new: {while: $s.y > 1, after: 3s}}
		emit:
		  - {to: x, when: new, fields: {new: $s}}
		  - {to: x, when: short, once: 1m, fields: {s: $s, was: $was, n: $n}}
		  - {to: y, once: 5s, fields: {s: $s, was: $was, n: $n}}
		`)
	r.restart(second, true)
	want(t, r.line("a/0", "m", 1500, `{"x":0}`)) // its once goes on
	want(t, r.tick("a/0", 2000),
		`1 k@2000 {"s":{"d":1,"n":1,"recent":0,"y":15,"title":"Dr. N"},"was":{"d":1,"n":1,"recent":0,"y":15,"title":"Dr. N"},"n":2} #t-k-1000-2-1`,
		`1 l@2000 {"s":{"d":1,"n":1,"recent":0,"y":20,"title":"Dr. L"},"was":{"d":1,"n":1,"recent":0,"y":20,"title":"Dr. L"},"n":2} #t-l-1000-2-1`,
		`timer - n: t.yaml:8:15: cannot add: string ("Dr. ") and number (7) {"key":"n","timer":"short","due":2000,"state":{"n":1,"recent":2,"d":1,"x":2,"name":7}}`)
	r.restart(second, false)
	want(t, r.tick("a/0", 3000))
	want(t, r.line("a/0", "m", 7000, `{"x":0}`),
		`0 k@5000 {"new":{"d":1,"n":1,"recent":0,"y":15,"title":"Dr. N"}} #t-k-1000-3-0`,
		`0 l@5000 {"new":{"d":1,"n":1,"recent":0,"y":20,"title":"Dr. L"}} #t-l-1000-3-0`,
		`2 m@7000 {"s":{"d":1,"n":3,"recent":0,"y":0,"title":null},"was":{"d":1,"n":2,"recent":0,"y":0,"title":null},"n":3} #t-m-1000-3-2`)
	if out := r.line("a/0", "n", 7000, `{"x":0}`); len(out) != 1 || !strings.HasPrefix(out[0], "expression a/0@6 n: t.yaml:8:15: cannot add") {
		t.Errorf("%q", out)
	}
	var layouts int
	for _, c := range r.live() {
		if c.key[0] == layoutKey[0] {
			layouts++
		}
	}
	if layouts != 2 {
		t.Errorf("the changelog has %d layouts, want those of both versions", layouts)
	}
}

func TestStatesThatCanNotGoOn(t *testing.T) {
	r := start(t, everything)
	r.line("a/0", "k", 1000, `{"x":1.5,"name":"N"}`)
	restored := func(lines string) error {
		m := program(t, lines).NewMachine()
		for _, c := range r.changelog {
			if err := m.Restore(c.key, c.value); err != nil {
				return err
			}
		}
		_, _, _, err := m.Restored()
		return err
	}
	var version *VersionError
	without := strings.Replace(everything, "ttl: 1h", "ttl: 1h\n\t\tversion: 3", 1)
	if err := restored(without); !errors.As(err, &version) || version.Error() != "the state is of version 1, and the topology, of version 3, has no upgrade" {
		t.Errorf("%v", err)
	}
	if err := restored(strings.Replace(everything, "name: .name", "other: .name", 1)); err == nil || !strings.Contains(err.Error(), "other state") {
		t.Errorf("%v", err)
	}
	if err := restored(strings.Replace(without, "version: 3", "version: 3\n\t\tupgrade: '7'", 1)); err != nil {
		t.Errorf("%v", err)
	}
	r.restart(program(t, strings.Replace(without, "version: 3", "version: 3\n\t\tupgrade: .", 1)), true)
	r.line("a/0", "k", 2000, `{"x":1.5,"name":"N"}`)
	if err := restored(everything); !errors.As(err, &version) || version.Error() != "the state is of version 3, and the topology has version 1" {
		t.Errorf("%v", err)
	}
}

// Emits may change while their state goes on: when one was written last is known of those
// that stay.
func TestEmitsMayChange(t *testing.T) {
	const first = "from: {a: {key: .k, set: {x: .x}}}\nttl: forever\nemit:\n  - {to: x, once: 10ms, fields: {n: $n}}\n  - {to: x, once: 10ms, fields: {second: $n}}"
	r := start(t, first)
	want(t, r.line("a/0", "k", 1, `{"x":1}`), `0 k@1 {"n":1} #t-k-1-1-0`, `1 k@1 {"second":1} #t-k-1-1-1`)
	changed := strings.Replace(first, "emit:", "emit:\n  - {to: y, once: 10ms, fields: {x: $s.x}}", 1)
	r.restart(program(t, changed), true)
	want(t, r.line("a/0", "k", 2, `{}`), `0 k@2 {"x":null} #t-k-1-2-0`)
	r.restart(program(t, strings.ReplaceAll(first, "once: 10ms, ", "")), true)
	want(t, r.line("a/0", "k", 3, `{"x":3}`), `0 k@3 {"n":3} #t-k-1-3-0`, `1 k@3 {"second":3} #t-k-1-3-1`)
	r.restart(program(t, first), true)
	want(t, r.line("a/0", "k", 4, `{}`), `0 k@4 {"n":4} #t-k-1-4-0`, `1 k@4 {"second":4} #t-k-1-4-1`)
	r.restart(program(t, first), true)
	want(t, r.line("a/0", "k", 5, `{}`))
	n := 0
	for _, c := range r.live() {
		if c.key[0] == layoutKey[0] {
			n++
		}
	}
	if n != 3 {
		t.Errorf("there are %d layouts, want three", n)
	}
}

func TestUpgradeMustGiveAnObject(t *testing.T) {
	r := start(t, "from: {a: {key: .k, set: {x: .x}}}\nttl: forever\nemit: [{to: x, fields: {s: $s}}]")
	r.line("a/0", "k", 1, `{"x":1}`)
	const second = "from: {a: {key: .k, set: {x: .x}}}\nttl: forever\nversion: 2\nupgrade: %s\nemit: [{to: x, fields: {was: $was}}]"
	for upgrade, want := range map[string]string{
		".x":     "expression a/0@1 k: t.yaml:8:14: the new state is a number; it must be an object {}",
		".x, .x": "expression a/0@1 k: t.yaml:8:14: 2 results; there must be one {}",
		"null":   `0 k@2 {"was":{}} #t-k-1-2-0`,
		".":      `0 k@2 {"was":{"x":1}} #t-k-1-2-0`,
	} {
		var e effects
		again := newRig(t, r.program)
		again.changelog, again.log, again.machine = r.changelog, r.log, nil
		again.restart(program(t, fmt.Sprintf(second, upgrade)), true)
		if err := again.machine.Apply(1, AppendLine(nil, &Line{Key: []byte("k"), Time: 2, Input: []byte("a"), Topic: []byte("a"), Offset: 1, Index: -1, Value: []byte("{}")}), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.out) != 1 || e.out[0] != want {
			t.Errorf("upgrade: %s gives %q, want %q", upgrade, e.out, want)
		}
	}
}
