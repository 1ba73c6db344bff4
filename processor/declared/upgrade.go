package declared

import (
	"errors"
	"fmt"
	"slices"

	"inv/internal/jq"
	"inv/internal/jsonscan"
)

// VersionError is a state that this version of the topology can't go on with.
type VersionError struct {
	Version int // of the topology
	State   int // of the state
}

func (e *VersionError) Error() string {
	if e.State > e.Version {
		return fmt.Sprintf("the state is of version %d, and the topology has version %d", e.State, e.Version)
	}
	return fmt.Sprintf("the state is of version %d, and the topology, of version %d, has no upgrade", e.State, e.Version)
}

// checkVersion refuses a state that can't be gone on with.
func (m *Machine) checkVersion(s *state) error {
	if v := s.layout.Version; v > m.layout.Version || v < m.layout.Version && m.state.upgrade == nil {
		return &VersionError{m.layout.Version, v}
	}
	return nil
}

// upgrade makes an instance's state one of the machine's layout. After an error, which is an
// *ExpressionError, it is what it was.
func (m *Machine) upgrade(w *instance) error {
	old := w.cur
	if !old.exists || old.layout == m.layout {
		return nil
	}
	s := m.states.get()
	s.begin(m.layout, old.since)
	s.n, s.newest = old.n, old.newest
	if old.layout.Version == m.layout.Version { // only emits have changed
		copy(s.set, old.set)
	} else if err := m.upgradeFields(w, s); err != nil {
		return err
	}
	for i := range m.layout.Keeps {
		if k := slices.Index(old.layout.Keeps, m.layout.Keeps[i]); k >= 0 {
			s.keeps[i] = old.keeps[k]
		}
	}
	for i, name := range m.layout.Timers {
		if k := slices.Index(old.layout.Timers, name); k >= 0 {
			s.timers[i] = old.timers[k]
		}
	}
	for i, name := range m.layout.Once {
		if k := slices.Index(old.layout.Once, name); k >= 0 {
			s.once[i] = old.once[k]
		}
	}
	w.cur = s
	return nil
}

// upgradeFields sets the fields of a state of this version to what upgrade makes of w's.
func (m *Machine) upgradeFields(w *instance, s *state) error {
	x := m.state.upgrade
	var e jq.Evaluator
	e.Set(m.state.scope.variables["$key"], jq.Text(w.name))
	e.SetRecord(jq.JSON(w.cur.appendObject(nil, w.cur.newest)), nil)
	v, ok, err := x.one(&e)
	if err != nil || !ok || v.IsNull() {
		return err
	}
	if v.Type() != "object" {
		return x.fails(errors.New("the new state is " + article(v.Type()) + "; it must be an object"))
	}
	object := v.AppendJSON(nil)
	for i, name := range m.layout.Fields {
		if text := jsonscan.Member(object, name); text != nil {
			s.set[i] = m.mem.copy(text)
		}
	}
	return nil
}
