package declared

import (
	"strconv"

	"inv/internal/jq"
)

// Mapper makes the outputs of a topology without keys. It is for one goroutine.
type Mapper struct {
	// Takes makes outputs what their topics have; nil: they are taken as they are.
	Takes Takes

	p       *Program
	readers []*reader
	clock   int // the variable; 0: not used
	refusal Refusal
	step    step
	pending pending
}

// Mapper returns a mapper of a topology that is not keyed. tables is asked only by inputs
// with joins, and may be nil without.
func (p *Program) Mapper(tables Tables) *Mapper {
	m := &Mapper{p: p}
	for _, in := range p.inputs {
		m.readers = append(m.readers, newReader(p, in, tables))
		m.clock = in.scope.variable("$clock")
	}
	return m
}

// Map decides a record at a time of the clock, in epoch ms, and gives its outputs to to,
// all or none. The refusal is valid until the next call. An error is one of the tables, or
// of to; then the record is not decided.
func (m *Mapper) Map(rec *Record, now int64, to Effects) (Outcome, *Refusal, error) {
	in := m.readers[rec.Input]
	m.pending.reset()
	outcome, err := in.read(rec)
	if outcome == Routed {
		if m.clock > 0 {
			in.e.Set(m.clock, jq.Int(now))
		}
		if outcome, err = m.emit(in, rec); err == nil {
			err = m.pending.check(m.Takes)
		}
	}
	switch {
	case err == nil && outcome == Routed:
		return Routed, nil, m.pending.flush(to)
	case err == nil:
		return outcome, nil, nil
	}
	why, ok := refusal(err)
	if !ok {
		return 0, nil, err
	}
	m.refusal = why
	return Refused, &m.refusal, nil
}

// emit makes the outputs of a record.
func (m *Mapper) emit(in *reader, rec *Record) (Outcome, error) {
	s := &m.step
	s.key, s.time = rec.Key, in.time
	s.id = append(append(append(s.id[:0], m.p.Topology.Name...), '-'), in.topic...)
	s.id = strconv.AppendInt(append(s.id, '-'), int64(rec.Partition), 10)
	s.id = append(strconv.AppendInt(append(s.id, '-'), rec.Offset, 10), '-')
	common, outcome := len(s.id), Dropped
	for i := range in.count() {
		ok, err := in.enter(i)
		if err != nil {
			return Refused, err
		}
		if !ok {
			continue
		}
		outcome = Routed
		s.record, s.found = in.element, nil
		if in.each != nil {
			s.id = append(strconv.AppendInt(s.id[:common], int64(i), 10), '-')
		} else {
			s.found = in.found
		}
		if err := m.emits(in, s); err != nil {
			return Refused, err
		}
	}
	return outcome, nil
}

// emits makes the outputs of an element.
func (m *Mapper) emits(in *reader, s *step) error {
	for _, emit := range m.p.mapping.emits {
		if emit.cond != nil {
			holds, err := emit.cond.matches(in.e)
			if err != nil {
				return err
			}
			if !holds {
				continue
			}
		}
		if err := m.pending.evaluate(emit, s, in.e); err != nil {
			return err
		}
	}
	return nil
}
