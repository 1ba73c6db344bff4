package declared

import (
	"errors"
	"fmt"
	"strconv"

	"inv/internal/jq"
)

// stepKind is why a step is done.
type stepKind uint8

const (
	lineStep stepKind = iota
	timerStep
	closeStep
)

// variables are the numbers of the variables that expressions of the state refer to; 0 for
// those that none does.
type variables struct {
	key, t, in, topic, partition, offset, headers, i, n, window, clock int
}

func newVariables(s *scope) variables {
	return variables{
		key: s.variable("$key"), t: s.variable("$t"), in: s.variable("$in"), topic: s.variable("$topic"), partition: s.variable("$partition"),
		offset: s.variable("$offset"), headers: s.variable("$headers"), i: s.variable("$i"), n: s.variable("$n"),
		window: s.variable("$window"), clock: s.variable("$clock"),
	}
}

// set sets a variable, if an expression uses it.
func (m *Machine) set(variable int, v jq.Value) {
	if variable > 0 {
		m.eval.Set(variable, v)
	}
}

// enterLine sets what the expressions of a line's steps see of it.
func (m *Machine) enterLine(l *Line) error {
	m.befores.reset()
	if !m.state.scope.fields.Scan(l.Value, m.found) {
		return fmt.Errorf("%w: its value is not JSON", errNoLine)
	}
	v := &m.variables
	if v.in > 0 {
		m.set(v.in, jq.Text(l.Input))
	}
	if v.topic > 0 {
		m.set(v.topic, jq.Text(l.Topic))
	}
	m.set(v.partition, jq.Int(int64(l.Partition)))
	m.set(v.offset, jq.Int(l.Offset))
	if v.headers > 0 {
		m.set(v.headers, jq.JSON(l.Headers))
	}
	if v.i > 0 {
		m.set(v.i, index(l))
	}
	m.rows.set(&m.eval)
	m.step.record, m.step.found = jq.JSON(l.Value), m.found
	return nil
}

func index(l *Line) jq.Value {
	if l.Index < 0 {
		return jq.Value{}
	}
	return jq.Int(int64(l.Index))
}

// leaveLine sets what the expressions of a step without a line see in its place.
func (m *Machine) leaveLine() {
	m.befores.reset()
	v := &m.variables
	for _, variable := range [...]int{v.in, v.topic, v.partition, v.offset, v.headers, v.i} {
		m.set(variable, jq.Value{})
	}
	m.rows.unset(&m.eval)
	m.step.record, m.step.found = jq.Value{}, nil
}

// begin begins a step of an instance at a time. start is that of a state that is new.
func (m *Machine) begin(w *instance, kind stepKind, t, start int64) error {
	if err := m.upgrade(w); err != nil {
		return err
	}
	s := w.cur
	w.was = m.befores.get()
	w.was.copyFrom(s)
	if !s.exists {
		s.exists, s.since, s.newest = true, start, t
	}
	s.n++
	if kind != closeStep { // a session's end is counted from its lines
		s.newest = max(s.newest, t)
	}
	m.view.now, m.view.was, m.view.time = s, w.was, t
	v := &m.variables
	if v.key > 0 {
		m.set(v.key, jq.Text(w.name))
	}
	m.set(v.t, jq.Int(t))
	m.set(v.n, jq.Int(s.n))
	if v.clock > 0 && m.Now != nil {
		m.set(v.clock, jq.Int(m.Now()))
	}
	if v.window > 0 {
		m.window = strconv.AppendInt(append(m.window[:0], `{"start":`...), s.since, 10)
		m.window = append(strconv.AppendInt(append(m.window, `,"end":`...), m.end(s), 10), '}')
		m.set(v.window, jq.JSON(m.window))
	}
	m.step.key, m.step.time = w.name, t
	m.step.enter(&m.eval)
	return nil
}

// identify sets the id of the step's outputs. Most steps have none.
func (m *Machine) identify(s *state) {
	id := append(append(append(m.step.id[:0], m.topology.Name...), '-'), m.step.key...)
	id = strconv.AppendInt(append(id, '-'), s.since, 10)
	m.step.id = append(strconv.AppendInt(append(id, '-'), s.n, 10), '-')
}

// do does what a step is for, after begin. input is the index of a line's. An error is
// an *ExpressionError or a *refusalError, and then the step must be undone.
func (m *Machine) do(w *instance, kind stepKind, input, timer int) error {
	if kind == lineStep {
		if err := m.take(w.cur, input); err != nil {
			return err
		}
	}
	for i, e := range m.state.emits {
		if m.fits[i] != (moment{kind, timer}) {
			continue
		}
		if err := m.emit(w.cur, i, e); err != nil {
			return err
		}
	}
	if m.state.until != nil {
		done, err := m.state.until.matches(&m.eval)
		if err != nil {
			return err
		}
		if done {
			w.cur.exists = false
			return nil
		}
	}
	if err := m.setTimers(w.cur); err != nil {
		return err
	}
	return m.checkSize(w)
}

// moment is the step that an emit fits.
type moment struct {
	kind  stepKind
	timer int
}

// take is what a line does to the state: keep, and set of its input.
func (m *Machine) take(s *state, input int) error {
	for i := range m.state.keeps {
		k := &m.state.keeps[i]
		v, ok, err := k.of.one(&m.eval)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		a := &s.layout.aggregates[i]
		if err := s.keeps[i].add(a, v, m.view.time, s.cut(a, m.view.time), &m.mem); err != nil {
			return k.of.fails(err)
		}
	}
	return m.assign(s, m.state.sets[input])
}

// assign sets fields, in order, each expression seeing those before it.
func (m *Machine) assign(s *state, list []assignment) error {
	for i := range list {
		a := &list[i]
		v, ok, err := a.value.one(&m.eval)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		m.scratch = v.AppendJSON(m.scratch[:0])
		field := &s.set[a.field-len(m.state.keeps)]
		if string(*field) != string(m.scratch) { // the old text stays: it costs nothing
			*field = m.mem.copy(m.scratch)
		}
	}
	return nil
}

// emit evaluates an emit that fits the step.
func (m *Machine) emit(s *state, i int, e *emitProgram) error {
	if e.cond != nil {
		if holds, err := e.cond.matches(&m.eval); err != nil || !holds {
			return err
		}
	}
	once := m.once[i]
	if once >= 0 {
		if last := s.once[once]; last.known && m.view.time-last.time < e.Once.Milliseconds() {
			return nil
		}
	}
	m.identify(s)
	before := len(m.pending.outputs)
	if err := m.pending.evaluate(e, &m.step, &m.eval); err != nil {
		return err
	}
	if once >= 0 && len(m.pending.outputs) > before {
		s.once[once] = lastTime{true, m.view.time}
	}
	return m.assign(s, e.set)
}

// setTimers starts and stops the timers.
func (m *Machine) setTimers(s *state) error {
	for i := range m.state.timers {
		p, t := &m.state.timers[i], &s.timers[i]
		holds, err := p.while.matches(&m.eval)
		switch {
		case err != nil:
			return err
		case !holds:
			*t = timer{}
		case t.status == timerIdle:
			*t = timer{timerRunning, m.view.time + p.After.Milliseconds()}
		}
	}
	return nil
}

// refusalError is a step that can't be done for another reason than an expression.
type refusalError struct{ Refusal }

func (e *refusalError) Error() string { return e.Message }

// checkSize refuses a state that is too large.
func (m *Machine) checkSize(w *instance) error {
	if w.cur.room() <= MaxState {
		return nil
	}
	m.scratch = w.cur.append(m.scratch[:0], &m.kept)
	if n := len(m.scratch); n > MaxState {
		return &refusalError{Refusal{ReasonState, fmt.Sprintf("the state of key %s would have %d bytes; the limit is %d", quoted(w.name), n, MaxState)}}
	}
	return nil
}

// quoted returns a key as messages may repeat it.
func quoted(key []byte) string {
	if len(key) > 64 {
		key = key[:64]
	}
	return strconv.QuoteToASCII(string(key))
}

// refusal returns why a step failed.
func refusal(err error) (Refusal, bool) {
	var failed *ExpressionError
	var refused *refusalError
	switch {
	case errors.As(err, &failed):
		return Refusal{ReasonExpression, err.Error()}, true
	case errors.As(err, &refused):
		return refused.Refusal, true
	}
	return Refusal{}, false
}

// undo makes the instance what it was before the step.
func (w *instance) undo() { w.cur.copyFrom(w.was) }

// checkOutputs refuses outputs that their topics don't take.
func (m *Machine) checkOutputs() error { return m.pending.check(m.Takes) }
