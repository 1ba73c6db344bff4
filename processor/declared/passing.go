package declared

import (
	"slices"
	"strconv"

	"inv/internal/jsonscan"
	"inv/internal/scenario"
)

// happen makes everything happen that is due at a time or before, in its order, and what
// becomes due by that.
func (m *Machine) happen(until int64, effects Effects) error {
	for {
		e, id, ok := m.due.next(until)
		if !ok {
			return nil
		}
		at, ok, err := m.dueAt(&e, id)
		switch {
		case err != nil:
			return err
		case !ok || at != e.time && e.kind == dueTimer:
			continue // it was stopped or forgotten; what was started again has an entry of its own
		case at > e.time:
			m.due.again(e, at)
			continue
		}
		switch e.kind {
		case dueTimer:
			err = m.timerStep(&e, id, effects)
		case dueWindow:
			err = m.closeStep(&e, id, effects)
		default:
			m.expire(id)
		}
		if err != nil {
			return err
		}
	}
}

// dueAt returns when what an entry means is due by now, if it is still meant.
func (m *Machine) dueAt(e *dueEntry, id []byte) (at int64, ok bool, err error) {
	s, err := m.peek(id)
	if err != nil || s == nil {
		return 0, false, err
	}
	switch e.kind {
	case dueTimer:
		t := m.timerOf(s, int(e.timer))
		if t == nil || t.status != timerRunning {
			return 0, false, nil
		}
		return t.due, true, nil
	case dueWindow:
		return m.end(s), true, nil
	}
	return s.newest + m.ttl, true, nil
}

// peek returns the times and timers of an instance, nil if it has no state.
func (m *Machine) peek(id []byte) (*state, error) {
	switch w, encoded, _ := m.find(id); {
	case w != nil && w.cur != nil && w.cur.exists:
		return w.cur, nil
	case encoded != nil:
		return &m.head, m.head.parseHead(encoded, m.layouts)
	}
	return nil, nil
}

// timerOf returns a timer of a state, which may be of an earlier version; nil if that had
// none of its name.
func (m *Machine) timerOf(s *state, i int) *timer {
	if s.layout != m.layout {
		i = slices.Index(s.layout.Timers, m.layout.Timers[i])
	}
	if i < 0 {
		return nil
	}
	return &s.timers[i]
}

// timerStep does the step of a timer. If it fails, the timer has fired, and nothing else
// has happened.
func (m *Machine) timerStep(e *dueEntry, id []byte, effects Effects) error {
	w, err := m.load(id)
	if err != nil {
		return err
	}
	timerIndex := int(e.timer)
	m.leaveLine()
	err = m.begin(w, timerStep, e.time, 0)
	begun := err == nil
	if begun {
		w.cur.timers[timerIndex] = timer{status: timerFired}
		if err = m.do(w, timerStep, -1, timerIndex); err == nil {
			err = m.checkOutputs()
		}
	}
	if err == nil {
		m.done(w)
		return m.pending.flush(effects)
	}
	if begun {
		w.undo()
	}
	if err := m.timerLetter(w, m.topology.Timers[timerIndex].Name, e.time, err, effects); err != nil {
		return err
	}
	*m.timerOf(w.cur, timerIndex) = timer{status: timerFired}
	w.changed = true
	return nil
}

// closeStep does the step of a window's end, and forgets the window.
func (m *Machine) closeStep(e *dueEntry, id []byte, effects Effects) error {
	w, err := m.load(id)
	if err != nil {
		return err
	}
	m.leaveLine()
	err = m.begin(w, closeStep, e.time, 0)
	begun := err == nil
	if begun {
		if err = m.do(w, closeStep, -1, -1); err == nil {
			err = m.checkOutputs()
		}
	}
	w.changed = true
	if err == nil {
		w.cur.exists = false
		return m.pending.flush(effects)
	}
	if begun {
		w.undo()
	}
	err = m.timerLetter(w, scenario.Closed, e.time, err, effects)
	w.cur.exists = false
	return err
}

// expire forgets a key, of which nothing else is looked at.
func (m *Machine) expire(id []byte) {
	w, encoded, at := m.find(id)
	switch {
	case w == nil:
		w = m.open(id, at)
		m.note(w, &m.head, encoded) // dueAt has looked at it
	case w.cur != nil:
		w.cur.exists = false
	}
	w.changed = true
}

// timerLetter dead-letters a step that has no record.
func (m *Machine) timerLetter(w *instance, name string, due int64, failed error, effects Effects) error {
	m.pending.reset()
	why, ok := refusal(failed)
	if !ok {
		return failed
	}
	why.Reason = ReasonTimer
	text := jsonscan.AppendString([]byte(`{"key":`), w.name)
	text = jsonscan.AppendString(append(text, `,"timer":`...), []byte(name))
	text = strconv.AppendInt(append(text, `,"due":`...), due, 10)
	text = append(w.cur.appendObject(append(text, `,"state":`...), due), '}')
	return effects.Letter(&Letter{Refusal: why, Key: w.name, Value: text})
}
