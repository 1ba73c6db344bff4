package declared

import (
	"bytes"
	"fmt"
	"time"

	"inv/internal/jq"
	"inv/internal/scenario"
	"inv/processor/stage"
)

// Machine applies the lines of one partition of a topology's log to the states of its
// keys. What it gives is a function of the lines. It is for one goroutine.
//
// A new Machine gets the changelog with Restore and Restored, and the lines that wait for
// their time with Hold. Then come transactions: Apply for each record of the log, Seal,
// and Commit or Rollback.
type Machine struct {
	// Now is $clock, epoch ms. It must be set if an expression uses $clock.
	Now func() int64
	// Takes makes outputs what their topics have; nil: they are taken as they are.
	Takes Takes

	topology  *scenario.Topology
	state     *stateProgram
	layout    *layout
	windows   windowKind
	ordered   bool  // by time
	ttl       int64 // ms; 0: forever
	every     int64 // of fixed windows, ms
	size, gap int64
	fits      []moment // by emit
	once      []int    // by emit: the index in a state's once, -1: none
	variables variables

	clock clock
	held  *held
	due   *due

	committed *stage.Table // by id; an entry's mark is its place in touched + 1
	layouts   layouts
	added     map[string]*instance // by id, those of the transaction that are not committed
	touched   []*instance          // by the transaction, in order of first use
	stepped   []*instance          // by the line
	instances pool[instance]
	states    pool[state]
	befores   pool[state] // the states before the steps of a line, or of what is due
	mem       arena       // of the transaction

	applied, before int64 // the last log offset; as of the last commit; -1: none
	dirty           bool  // the transaction has applied something
	changelog
	counts, sealedCounts Counts // as of the last commit, and of what was sealed
	late                 int64  // lines of the transaction

	line    Line
	rows    *joinedRows // of the line
	tick    Tick
	sizes   []topicParts
	found   [][]byte
	eval    jq.Evaluator
	view    view
	step    step
	pending pending
	head    state // of a key that is not worked on

	scratch, kept, id, window []byte
	startTimes                []int64
}

// Counts describe a Machine as of its last commit.
type Counts struct {
	Keys   int64 // with state; windows, if there are any
	Bytes  int64 // of these states and their keys
	Timers int64 // that are running
	Held   int64 // lines that wait for their time
	Late   int64 // lines that came too late, since the Machine was made
}

// NewMachine returns the machine of a partition of the topology's log, which must have
// keys, before its first record.
func (p *Program) NewMachine() *Machine {
	t := p.Topology
	m := &Machine{
		topology: t, state: p.state, layout: newLayout(t, p.state.names), ordered: t.Order == scenario.ByTime,
		variables: newVariables(p.state.scope), rows: newJoinedRows(p.state.scope, t), committed: stage.NewTable(), added: map[string]*instance{},
		applied: -1, before: -1, found: make([][]byte, p.state.scope.fields.Len()),
	}
	if !t.TTLForever {
		m.ttl = t.TTL.Milliseconds()
	}
	if w := t.Window; w != nil {
		m.windows, m.every, m.size, m.gap = fixedWindows, w.Every.Milliseconds(), w.Size.Milliseconds(), w.Gap.Milliseconds()
		if w.Gap > 0 {
			m.windows = sessions
		}
	}
	grace, limited := t.Graceful()
	m.clock.grace, m.clock.limited = grace.Milliseconds(), limited
	m.held = newHeld(&m.clock)
	m.due = newDue(compareKeys(m.windows == fixedWindows))
	m.layouts = layouts{m.layout.ID: m.layout}
	m.changelog.raw = map[string][]byte{}
	m.view.layout = m.layout
	m.eval.Source = &m.view
	m.clock.save()
	m.prepareEmits()
	return m
}

// prepareEmits finds which steps emits fit, and their places in a state's once.
func (m *Machine) prepareEmits() {
	count := 0
	for i := range m.topology.Emit {
		e := &m.topology.Emit[i]
		fits, once := moment{lineStep, -1}, -1
		if e.When == scenario.Closed {
			fits = moment{closeStep, -1}
		}
		for k := range m.topology.Timers {
			if e.When == m.topology.Timers[k].Name {
				fits = moment{timerStep, k}
			}
		}
		if e.Once > 0 {
			once = count
			count++
		}
		m.fits, m.once = append(m.fits, fits), append(m.once, once)
	}
}

// Apply applies the lines of a record of the log, each with its line feed, and gives what
// follows from them. An error is a log or a state that can't be read, or one of effects.
func (m *Machine) Apply(offset int64, lines []byte, effects Effects) error {
	m.applied, m.dirty = max(m.applied, offset), true
	return eachLine(lines, func(text []byte) error {
		if IsTick(text) {
			return m.applyTick(text, effects)
		}
		return m.applyLine(offset, text, effects)
	})
}

// eachLine calls use with each line, without its line feed.
func eachLine(lines []byte, use func(text []byte) error) error {
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n')
		if n < 0 {
			n = len(lines)
		}
		if err := use(lines[:n:n]); err != nil {
			return err
		}
		lines = lines[min(n+1, len(lines)):]
	}
	return nil
}

// applyTick lets time pass.
func (m *Machine) applyTick(text []byte, effects Effects) error {
	if err := ParseTick(text, &m.tick); err != nil {
		return err
	}
	source := m.clock.at(m.tick.Topic, m.tick.Partition)
	m.setParts()
	if m.tick.Time < 0 {
		m.clock.silent(source)
	} else {
		m.clock.line(source, m.tick.Time)
	}
	return m.pass(effects)
}

func (m *Machine) setParts() {
	same := len(m.tick.Parts) == len(m.clock.parts)
	for i := 0; same && i < len(m.tick.Parts); i++ {
		p, q := &m.tick.Parts[i], &m.clock.parts[i]
		same = p.Partitions == q.count && string(p.Topic) == q.topic
	}
	if same {
		return
	}
	m.sizes = m.sizes[:0]
	for _, p := range m.tick.Parts {
		m.sizes = append(m.sizes, topicParts{string(p.Topic), p.Partitions})
	}
	m.clock.setParts(m.sizes)
}

// applyLine counts a line's time, makes happen what is due by that, and applies or holds
// the line.
func (m *Machine) applyLine(offset int64, text []byte, effects Effects) error {
	l := &m.line
	if err := m.parse(text); err != nil {
		return err
	}
	late, stage := m.clock.late(l.Time), m.clock.time
	source := m.clock.at(l.Topic, l.Partition)
	m.clock.line(source, l.Time)
	switch {
	case late:
		m.late++
		if err := m.letter(l, Refusal{ReasonLate, lateText(l.Time, stage)}, effects); err != nil {
			return err
		}
	case m.ordered:
		m.held.add(l, source, offset)
	default:
		if err := m.pass(effects); err != nil {
			return err
		}
		if err := m.applyNow(l, effects); err != nil {
			return err
		}
	}
	return m.pass(effects)
}

// parse reads a line but for its value, which enterLine looks at.
func (m *Machine) parse(text []byte) error {
	if len(text) > MaxLine {
		return fmt.Errorf("%w: it has %d bytes", errNoLine, len(text))
	}
	m.rows.forget()
	if m.line.parseFast(text, m.rows) {
		return nil
	}
	if err := m.line.parseAny(text); err != nil {
		return err
	}
	m.scanRows()
	return nil
}

// scanRows finds what expressions want of the line's joined rows.
func (m *Machine) scanRows() {
	if m.rows.forget(); m.line.Rows != nil {
		m.rows.scan(m.line.Rows)
	}
}

func lateText(t, stage int64) string {
	return fmt.Sprintf("its time %s is before %s, up to which the state is complete", utc(t), utc(stage))
}

func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// pass makes everything happen that the clock has come to.
func (m *Machine) pass(effects Effects) error {
	if !m.clock.known {
		return nil
	}
	if !m.ordered {
		now := m.clock.watermark
		if m.windows != noWindows {
			now = m.clock.time
		}
		return m.happen(now, effects)
	}
	for {
		t, ok := m.held.first()
		if !ok || t >= m.clock.time {
			return m.happen(m.clock.time, effects)
		}
		if err := m.happen(t, effects); err != nil {
			return err
		}
		m.held.release(&m.line)
		m.scanRows()
		if err := m.applyNow(&m.line, effects); err != nil {
			return err
		}
	}
}

// applyNow does the steps of a line: one, or one for each of its windows. If one fails,
// all of them are undone.
func (m *Machine) applyNow(l *Line, effects Effects) error {
	input := -1
	for i := range m.topology.From {
		if m.topology.From[i].Alias == string(l.Input) {
			input = i
		}
	}
	if input < 0 {
		return fmt.Errorf("a line of the input %.100q, which the topology %s does not have", l.Input, m.topology.Name)
	}
	if err := m.enterLine(l); err != nil {
		return err
	}
	m.stepped = m.stepped[:0]
	if err := m.steps(l, input); err != nil {
		for _, w := range m.stepped {
			w.undo()
		}
		m.pending.reset()
		why, ok := refusal(err)
		if !ok {
			return err
		}
		return m.letter(l, why, effects)
	}
	for _, w := range m.stepped {
		m.done(w)
	}
	return m.pending.flush(effects)
}

// steps does the steps of a line.
func (m *Machine) steps(l *Line, input int) error {
	m.startTimes = append(m.startTimes[:0], l.Time)
	if m.windows == fixedWindows {
		m.startTimes = m.starts(m.startTimes[:0], l.Time)
	}
	for _, start := range m.startTimes {
		m.id = m.appendID(m.id[:0], start, l.Key)
		if err := m.lineStep(l, input, start); err != nil {
			return err
		}
	}
	return m.checkOutputs()
}

// lineStep does a step of a line for the instance whose id is m.id.
func (m *Machine) lineStep(l *Line, input int, start int64) error {
	w, err := m.load(m.id)
	if err != nil {
		return err
	}
	if err := m.begin(w, lineStep, l.Time, start); err != nil {
		return err
	}
	m.stepped = append(m.stepped, w)
	return m.do(w, lineStep, input, -1)
}

// done takes the state that a step has made.
func (m *Machine) done(w *instance) {
	w.changed = true
	s, was := w.cur, w.was
	if !s.exists {
		return
	}
	if !was.exists {
		switch {
		case m.windows != noWindows:
			m.due.add(m.end(s), dueWindow, 0, w.id)
		case m.ttl > 0:
			m.due.add(s.newest+m.ttl, dueExpiry, 0, w.id)
		}
	}
	for i := range s.timers {
		if t := s.timers[i]; t.status == timerRunning && (!was.exists || was.timers[i] != t) {
			m.due.add(t.due, dueTimer, i, w.id)
		}
	}
}

// letter dead-letters a line's record.
func (m *Machine) letter(l *Line, why Refusal, effects Effects) error {
	return effects.Letter(&Letter{Refusal: why, Key: l.Key, Value: l.Value,
		Record: Origin{string(l.Topic), l.Partition, l.Offset, l.Timestamp}})
}
