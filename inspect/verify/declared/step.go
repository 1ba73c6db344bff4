package declared

import (
	"fmt"
	"maps"
	"strconv"

	"inv/internal/scenario"

	"github.com/itchyny/gojq"
)

// Output is a record that a step writes.
type Output struct {
	To      string // alias
	Emit    int    // index in the topology's emits
	Key     string
	Keyless bool
	Value   []byte
	ID      string
	Type    string
	Time    int64 // epoch ms
	// Clocked are the fields that depend on the clock: of them only the kind is known.
	Clocked [][]string
}

// moment is what a step is done for: a line, a timer or a window's end.
type moment struct {
	line   *Line // nil: a timer or a window's end
	timer  int   // the timer's index, if it is one; else -1
	closed bool
	time   int64 // $t
}

// dot returns the record, null at a timer.
func (m *moment) dot() any {
	if m.line == nil {
		return nil
	}
	return m.line.Value
}

// step does a step to a copy of a state, which it returns, and reports whether the key is
// then forgotten. An error is a *Refusal, and nothing has happened.
func (t *Topology) step(before *state, m moment) (after *state, out []Output, forgotten bool, err error) {
	s := before.clone()
	s.count++
	if s.count == 1 {
		s.since = m.time
	}
	if t.Window != nil {
		s.since = s.start
	}
	s.last, s.newest = m.time, max(s.newest, m.time)
	if s.count == 1 {
		s.newest = m.time
	}
	if m.timer >= 0 {
		name := t.Timers[m.timer].Name
		delete(s.running, name)
		s.fired[name] = true
	}
	e := t.environment(s, m)
	if t.compares {
		e["$was"] = t.object(before, s.newest)
	}
	now := func() { e["$s"] = t.object(s, m.time) }
	now()
	if m.line != nil {
		if err := t.take(s, m, e, now); err != nil {
			return nil, nil, false, err
		}
	}
	for i := range t.Emit {
		if !t.fits(&t.Emit[i], m) {
			continue
		}
		more, err := t.emit(i, s, m, e)
		if err != nil {
			return nil, nil, false, err
		}
		out = append(out, more...)
		now()
	}
	if t.Until != nil {
		if forgotten, err = t.holds(t.Until, m.dot(), e); err != nil || forgotten {
			return s, out, forgotten, err
		}
	}
	return s, out, m.closed, t.setTimers(s, m, e)
}

// environment returns the variables of a step but for $s and $was.
func (t *Topology) environment(s *state, m moment) env {
	e := env{"$n": int(s.count), "$t": int(m.time), "$key": s.key, "$clock": clock}
	if t.Window != nil {
		e["$window"] = map[string]any{"start": int(s.start), "end": int(s.end)}
	}
	if l := m.line; l != nil {
		maps.Copy(e, env{"$in": l.In, "$topic": l.Source.Topic, "$partition": int(l.Source.Partition), "$offset": int(l.Source.Offset),
			"$headers": l.Headers, "$i": l.Index})
		for name, row := range l.Rows {
			e["$"+name] = row
		}
	}
	return e
}

// clock is the time that expressions see in place of the clock's, epoch ms.
const clock = 1_700_000_000_123

// take does what an input's line does to the state: keep and set.
func (t *Topology) take(s *state, m moment, e env, now func()) error {
	for i := range t.Keep {
		a := &t.Keep[i]
		v, ok, err := t.one(&a.Of, m.dot(), e)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		k, counts, err := counted(a, v)
		if err != nil {
			return t.failed(&a.Of, err)
		}
		if counts {
			k.time = m.time
			s.keeps[i] = s.keeps[i].with(a, k)
			now()
		}
	}
	if in := t.input(m.line.In); in != nil {
		return t.set(in.Set, s, m, e, now)
	}
	return nil
}

// set does assignments, in order, each seeing those before it.
func (t *Topology) set(all []scenario.Assignment, s *state, m moment, e env, now func()) error {
	for i := range all {
		v, ok, err := t.one(&all[i].JQ, m.dot(), e)
		if err != nil {
			return err
		}
		if ok {
			s.fields[all[i].Field] = v
			now()
		}
	}
	return nil
}

// fits reports whether an emit is for this kind of step.
func (t *Topology) fits(x *scenario.Emit, m moment) bool {
	switch {
	case m.closed:
		return x.When == scenario.Closed
	case m.timer >= 0:
		return x.When == t.Timers[m.timer].Name
	}
	return x.When == ""
}

// emit returns the outputs of an emit, and does its set.
func (t *Topology) emit(i int, s *state, m moment, e env) (out []Output, err error) {
	x := &t.Emit[i]
	if x.If != nil {
		if holds, err := t.holds(x.If, m.dot(), e); err != nil || !holds {
			return nil, err
		}
	}
	if before, ok := s.emitted[i]; ok && x.Once > 0 && m.time-before < x.Once.Milliseconds() {
		return nil, nil
	}
	id := fmt.Sprintf("%s-%s-%d-%d-%d", t.Name, s.key, s.since, s.count, i)
	out, err = t.outputs(i, m.dot(), e, s.key, id, m.time)
	if err != nil {
		return nil, err
	}
	if len(out) > 0 {
		s.emitted[i] = m.time
	}
	return out, t.set(x.Set, s, m, e, func() { e["$s"] = t.object(s, m.time) })
}

// outputs returns one output for each element of an emit's each, or one without it.
func (t *Topology) outputs(i int, dot any, e env, key, id string, ms int64) (out []Output, err error) {
	x := &t.Emit[i]
	elements := []any{dot}
	if x.Each != nil {
		if elements, err = t.eval(x.Each, dot, e); err != nil {
			return nil, err
		}
	}
	for n, element := range elements {
		o := Output{To: x.To, Emit: i, Key: key, ID: id, Type: x.Type, Time: ms}
		if x.Each != nil {
			o.ID += "." + strconv.Itoa(n)
		}
		if o.Type == "" {
			o.Type = t.scenario.Name + "." + x.To + ".v1"
		}
		if x.Key != nil {
			if o.Key, err = t.key(x.Key, element, e); err != nil {
				return nil, err
			}
		}
		if err := t.value(&o, x, element, e); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// value sets an output's value.
func (t *Topology) value(o *Output, x *scenario.Emit, dot any, e env) (err error) {
	if x.Fields == nil {
		o.Value, err = gojq.Marshal(dot)
		return err
	}
	f := &fields{t: t, dot: dot, env: e}
	o.Value, err = f.object(x.Fields.Members, nil)
	o.Clocked = f.clocked
	return err
}

// setTimers starts and stops the timers.
func (t *Topology) setTimers(s *state, m moment, e env) error {
	for i := range t.Timers {
		timer := &t.Timers[i]
		holds, err := t.holds(&timer.While, m.dot(), e)
		if err != nil {
			return err
		}
		_, running := s.running[timer.Name]
		switch {
		case !holds:
			delete(s.running, timer.Name)
			delete(s.fired, timer.Name)
		case !running && !s.fired[timer.Name]:
			s.running[timer.Name] = m.time + timer.After.Milliseconds()
		}
	}
	return nil
}
