package declared

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor"
)

// program compiles the topology "t" of a scenario's lines under `topologies:` `t:`. It
// reads a, b and c, which each have a partition or more, and writes x and y.
func program(t testing.TB, lines string) *Program {
	t.Helper()
	var text strings.Builder
	text.WriteString("scenario: test\ntopics: {a: {topic: a}, b: {topic: b}, c: {topic: c}, x: {topic: x}, y: {topic: y}}\ntopologies:\n  t:\n")
	for line := range strings.SplitSeq(strings.Trim(lines, "\n"), "\n") {
		text.WriteString("    " + strings.TrimPrefix(line, "\t\t") + "\n")
	}
	s, err := scenario.Parse("t.yaml", []byte(text.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	p, problems := Compile(s, s.Topology("t"))
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text.String())
	}
	return p
}

// rig is a machine with its log, its changelog and what it gave.
type rig struct {
	testing.TB
	program   *Program
	machine   *Machine
	sources   map[string]int64 // the next offsets of source partitions
	log       [][]byte
	changelog []record
	out       []string // outputs and letters of committed transactions
	parts     []TopicSize
}

type record struct{ key, value []byte }

func newRig(t testing.TB, p *Program) *rig {
	r := &rig{TB: t, program: p, machine: p.NewMachine(), sources: map[string]int64{}}
	for i := range p.Topology.From {
		r.parts = append(r.parts, TopicSize{[]byte(p.Topology.From[i].Alias), 1})
	}
	return r
}

// start returns a rig for the lines of a topology.
func start(t testing.TB, lines string) *rig { t.Helper(); return newRig(t, program(t, lines)) }

// effects collects what a machine gives.
type effects struct{ out []string }

func (e *effects) Output(o *Output) error {
	e.out = append(e.out, fmt.Sprintf("%d %s@%d %s #%s", o.Emit, o.Key, o.Time, o.Value, o.ID))
	return nil
}

func (e *effects) Letter(l *Letter) error {
	at := "-"
	if l.Record.Topic != "" {
		at = fmt.Sprintf("%s/%d@%d", l.Record.Topic, l.Record.Partition, l.Record.Offset)
	}
	e.out = append(e.out, fmt.Sprintf("%s %s %s: %s %s", l.Reason, at, l.Key, l.Message, l.Value))
	return nil
}

// line appends a line of a source partition, such as a/0, as a log record of its own, and
// applies it.
func (r *rig) line(source, key string, ms int64, value string) []string {
	r.Helper()
	return r.record(r.lineOf(source, key, ms, value))
}

func (r *rig) lineOf(source, key string, ms int64, value string) []byte {
	topic, partition, _ := partitionName([]byte(source))
	offset := r.sources[source]
	r.sources[source]++
	return AppendLine(nil, &Line{Key: []byte(key), Time: ms, Input: topic, Topic: topic, Partition: partition, Offset: offset, Timestamp: ms, Index: -1, Value: []byte(value)})
}

// tick appends a tick of a source partition; -1: it has no time.
func (r *rig) tick(source string, ms int64) []string {
	r.Helper()
	return r.record(r.tickOf(source, ms))
}

func (r *rig) tickOf(source string, ms int64) []byte {
	topic, partition, _ := partitionName([]byte(source))
	return AppendTick(nil, &Tick{Time: ms, Topic: topic, Partition: partition, Parts: r.parts})
}

// record appends a record to the log and applies it in a transaction of its own. It
// returns what that gave.
func (r *rig) record(lines []byte) []string {
	r.Helper()
	r.log = append(r.log, lines)
	return r.apply(r.machine, len(r.log)-1)
}

// apply applies a record of the log and commits.
func (r *rig) apply(m *Machine, offset int) []string {
	r.Helper()
	var e effects
	if err := m.Apply(int64(offset), r.log[offset], &e); err != nil {
		r.Fatal(err)
	}
	r.commit(m, &e)
	return e.out
}

func (r *rig) commit(m *Machine, e *effects) {
	r.Helper()
	r.changelog = append(r.changelog, r.seal(m)...)
	m.Commit()
	r.out = append(r.out, e.out...)
	r.check(m)
}

func (r *rig) seal(m *Machine) (sealed []record) {
	r.Helper()
	err := m.Seal(func(key, value []byte) error {
		sealed = append(sealed, record{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return sealed
}

// live returns the live records of the changelog, in the order of their keys.
func (r *rig) live() []record {
	latest := map[string][]byte{}
	for _, c := range r.changelog {
		if latest[string(c.key)] = c.value; c.value == nil {
			delete(latest, string(c.key))
		}
	}
	var all []record
	for k, v := range latest {
		all = append(all, record{[]byte(k), v})
	}
	slices.SortFunc(all, func(a, b record) int { return bytes.Compare(a.key, b.key) })
	return all
}

// check compares the machine's digest and counts with the changelog.
func (r *rig) check(m *Machine) {
	r.Helper()
	var digest processor.Digest
	states := int64(0)
	for _, c := range r.live() {
		digest.Add(processor.Fingerprint(c.key, c.value))
		if c.key[0] == stateKey[0] || c.key[0] == windowKey[0] {
			states++
		}
	}
	if got := m.Digest(); got != digest {
		r.Fatalf("the digest is %v, and that of the changelog %v", got, digest)
	}
	if got := m.Counts(); got.Keys != states || (got.Bytes > 0) != (states > 0) || got.Timers < 0 {
		r.Fatalf("%+v, with %d states in the changelog", got, states)
	}
}

// restart makes the machine anew from the changelog and the log. compacted: only from the
// last record of each key.
func (r *rig) restart(p *Program, compacted bool) {
	r.Helper()
	m := p.NewMachine()
	records := r.changelog
	if compacted {
		records = r.live()
	}
	for _, c := range records {
		if err := m.Restore(c.key, c.value); err != nil {
			r.Fatal(err)
		}
	}
	from, to, again, err := m.Restored()
	if err != nil {
		r.Fatal(err)
	}
	for offset := from; again && offset <= to; offset++ {
		if err := m.Hold(offset, r.log[offset]); err != nil {
			r.Fatal(err)
		}
	}
	if r.machine != nil {
		before, after := r.machine.Counts(), m.Counts()
		if before.Late, after.Late = 0, 0; before != after {
			r.Fatalf("%+v before the restart, %+v after it", before, after)
		}
		if before, after := len(r.machine.held.items), len(m.held.items); before != after {
			r.Fatalf("%d lines were held before the restart, %d after it", before, after)
		}
	}
	if r.machine != nil {
		m.due.least, m.due.entriesLimit = r.machine.due.least, min(m.due.entriesLimit, r.machine.due.entriesLimit)
	}
	r.machine, r.program = m, p
	r.check(m)
}

// want compares what a step gave.
func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
