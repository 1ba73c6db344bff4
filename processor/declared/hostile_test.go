package declared

import (
	"bytes"
	"testing"
)

// FuzzApply applies what may be no log at all: it is an error, or has effects.
func FuzzApply(f *testing.F) {
	for _, name := range []string{"timers", "sessions", "windows", "stragglers"} {
		r := start(f, varied[name])
		for _, lines := range [][]byte{
			r.lineOf("a/0", "k", 1000, `{"x":12,"s":"t"}`), r.tickOf("a/0", 9000), r.lineOf("a/0", "k", 12000, `{"x":"s"}`), r.tickOf("b/0", -1), r.tickOf("a/0", 99000),
		} {
			f.Add(name, lines)
		}
	}
	programs := map[string]*Program{}
	for name, lines := range varied {
		programs[name] = program(f, lines)
	}
	f.Fuzz(func(t *testing.T, name string, lines []byte) {
		p := programs[name]
		if p == nil {
			return
		}
		r := newRig(t, p)
		r.record(r.lineOf("a/0", "k", 1000, `{"x":12,"s":"t"}`))
		r.record(r.tickOf("a/0", 2000))
		before := texts(r.live())
		var e effects
		err := r.machine.Apply(2, lines, &e)
		if err == nil {
			r.log = append(r.log, lines)
			r.commit(r.machine, &e)
			r.restart(p, true)
			return
		}
		r.machine.Rollback()
		r.check(r.machine)
		if after := texts(r.live()); after != before {
			t.Errorf("what is refused left\n%s of\n%s", after, before)
		}
	})
}

// FuzzRestore restores what may be no changelog at all.
func FuzzRestore(f *testing.F) {
	for _, name := range []string{"timers", "sessions", "windows", "stragglers"} {
		r := start(f, varied[name])
		r.tick("a/0", 0)
		for ms := int64(1000); ms < 5000; ms += 1000 {
			r.line("a/0", "k", ms, `{"x":12,"s":"t"}`)
			r.tick("b/0", ms)
			r.tick("a/0", ms+1000)
		}
		for _, c := range r.changelog {
			f.Add(name, c.key, c.value)
		}
	}
	programs := map[string]*Program{}
	for name, lines := range varied {
		programs[name] = program(f, lines)
	}
	f.Fuzz(func(t *testing.T, name string, key, value []byte) {
		p := programs[name]
		if p == nil {
			return
		}
		m := p.NewMachine()
		layout := m.layout.encode()
		if m.Restore([]byte(layoutKey+"1"), layout) != nil || m.Restore(key, bytes.Clone(value)) != nil {
			return
		}
		if _, _, _, err := m.Restored(); err != nil {
			return
		}
		r := newRig(t, p)
		r.machine = m
		r.changelog = []record{{[]byte(layoutKey + "1"), layout}, {key, value}}
		if value == nil {
			r.changelog = r.changelog[:1]
		}
		r.check(m)
		r.log = make([][]byte, 3)
		for _, lines := range [][]byte{r.lineOf("a/0", "k", 7000, `{"x":12,"s":"t"}`), r.tickOf("a/0", 9_000_000)} {
			var e effects
			if err := m.Apply(m.Applied()+1, lines, &e); err != nil {
				t.Fatal(err)
			}
			r.commit(m, &e)
		}
	})
}
