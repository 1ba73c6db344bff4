package cases

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"inv/internal/scenario"
	"inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

// variant is a way to run a case. All must give the same.
type variant struct {
	partitions int // of the inputs and the log
	rollback   bool
}

func variants() []variant {
	return []variant{{1, false}, {1, true}, {2, false}, {2, true}, {6, false}, {6, true}}
}

// Variants is the number of times that a case is run.
const Variants = 6

func (v variant) String() string {
	text := "over 1 partition"
	if v.partitions > 1 {
		text = fmt.Sprintf("over %d partitions", v.partitions)
	}
	if v.rollback {
		text += ", with a rollback after each record"
	}
	return text
}

// Result is what became of a case.
type Result struct {
	Test     *scenario.Test
	Failures []Failure // none: it passed
	// Only says in which run it failed if the one over one partition passed.
	Only string
}

// Run runs a case of a declared topology's program. What it writes must fit formats, which
// may be nil; otherwise the record is dead-lettered. The error is that of ctx.
func Run(ctx context.Context, sc *scenario.Scenario, p *declared.Program, formats declared.Formats, t *scenario.Test) (Result, error) {
	r := Result{Test: t}
	events, broken := prepare(sc, p.Topology, t)
	if len(broken) > 0 {
		r.Failures = broken
		return r, nil
	}
	for i, v := range variants() {
		if err := ctx.Err(); err != nil {
			return r, context.Cause(ctx)
		}
		got, err := play(sc, p, formats, v, events)
		if err != nil {
			r.Failures = []Failure{{Kind: Broken, Pos: t.Pos, Index: -1, Text: err.Error()}}
		} else {
			r.Failures = judge(t, begin(t), got)
			locate(r.Failures, t, events)
		}
		if len(r.Failures) > 0 {
			if i > 0 {
				r.Only = v.String()
			}
			return r, nil
		}
	}
	return r, nil
}

// begin returns when a case begins, in epoch ms.
func begin(t *scenario.Test) int64 {
	if t.Start.IsZero() {
		return Start().UnixMilli()
	}
	return t.Start.UnixMilli()
}

// prepare returns the records of a case; those without an alias are times.
func prepare(sc *scenario.Scenario, topology *scenario.Topology, t *scenario.Test) (records []declared.BenchRecord, broken []Failure) {
	for i := range t.When {
		e := &t.When[i]
		r := declared.BenchRecord{Alias: e.Alias, Partition: -1, Offset: -1, Timestamp: begin(t) + e.At.Milliseconds()}
		if e.Alias != "" {
			r.Value = placed(e.Value, r.Timestamp)
			r.Key = keyOf(sc, e, r.Value)
			for _, h := range e.Headers {
				header := kgo.RecordHeader{Key: h.Name}
				if h.Value != nil {
					header.Value = []byte(*h.Value)
				}
				r.Headers = append(r.Headers, header)
			}
			if r.Key == nil && isTable(topology, e.Alias) {
				broken = append(broken, Failure{Kind: Broken, Pos: e.Pos, Alias: e.Alias, Index: -1,
					Text: fmt.Sprintf("the row of the table %s has no key; add key: to it", e.Alias)})
			}
		}
		records = append(records, r)
	}
	return records, broken
}

func isTable(t *scenario.Topology, alias string) bool {
	return slices.ContainsFunc(t.From, func(in scenario.Input) bool {
		return slices.ContainsFunc(in.Join, func(j scenario.Join) bool { return j.Table == alias })
	})
}

// keyOf returns an event's key: its own, or else the field that the topic's producer takes
// for the key.
func keyOf(sc *scenario.Scenario, e *scenario.TestEvent, text []byte) []byte {
	if e.Key != nil {
		return []byte(*e.Key)
	}
	for i := range sc.Producers {
		p := &sc.Producers[i]
		if p.Topic.Text != e.Alias || p.Key == nil || p.Key.Field.Text == "" {
			continue
		}
		v, err := parse(text)
		if err != nil {
			continue
		}
		if field, ok := v.member(p.Key.Field.Text); ok && strings.IndexByte(`"0t`, field.kind) >= 0 {
			return []byte(field.text)
		}
	}
	return nil
}

// placed returns a value with times in the place of $t.
func placed(text []byte, at int64) []byte {
	if !bytes.Contains(text, []byte("$t")) {
		return text
	}
	v, err := parse(text)
	if err != nil {
		return text
	}
	v.place(at)
	return []byte(v.String())
}

func (v *value) place(at int64) {
	if d, ok := relativeTime(v.text); ok && v.kind == '"' {
		*v = value{kind: '0', text: strconv.FormatInt(at+d.Milliseconds(), 10)}
	}
	for i := range v.members {
		v.members[i].place(at)
	}
	for i := range v.list {
		v.list[i].place(at)
	}
}

// play runs the events, and returns what the topology wrote and refused.
func play(sc *scenario.Scenario, p *declared.Program, formats declared.Formats, v variant, events []declared.BenchRecord) (got []*Record, err error) {
	inputs := v.partitions
	if p.Uses("$partition") || p.Uses("$offset") {
		inputs = 1 // what a record is would depend on the partitions
	}
	b := declared.NewBench(p, declared.BenchOptions{
		App: "test", Partitions: v.partitions, Rollback: v.rollback, Formats: formats,
		Inputs: func(string) int { return inputs },
		Output: func(o *declared.BenchOutput) error {
			got = append(got, &Record{Alias: o.Alias, Key: bytes.Clone(o.Key), Value: bytes.Clone(o.Value), Timestamp: o.Timestamp, Headers: o.Headers})
			return nil
		},
		Letter: func(l *declared.BenchLetter) error {
			got = append(got, letter(sc, l))
			return nil
		},
	})
	for i := range events {
		if err := b.Advance(events[i].Timestamp); err != nil {
			return nil, err
		}
		if events[i].Alias == "" {
			continue
		}
		r := events[i]
		if err := b.Record(&r); err != nil {
			return nil, err
		}
	}
	return got, b.Flush()
}

// letter returns a dead letter, in the topic for those of its record's topic.
func letter(sc *scenario.Scenario, l *declared.BenchLetter) *Record {
	r := &Record{
		Key: bytes.Clone(l.Record.Key), Value: bytes.Clone(l.Record.Value), Timestamp: l.Record.Timestamp, Headers: l.Record.Headers,
		Reason: string(l.Reason), Message: l.Message, Input: l.Record.Alias,
	}
	for _, t := range sc.Topics {
		if slices.Contains(t.DeadLettersOf, l.Record.Alias) {
			r.Alias = t.Alias
		}
	}
	return r
}

// locate gives dead letters the place of the records that they are.
func locate(failures []Failure, t *scenario.Test, events []declared.BenchRecord) {
	for i := range failures {
		f := &failures[i]
		if f.Kind != Letter {
			continue
		}
		at := slices.IndexFunc(events, func(e declared.BenchRecord) bool {
			return e.Alias == f.Got.Input && e.Timestamp == f.Got.Timestamp && bytes.Equal(e.Key, f.Got.Key) && bytes.Equal(e.Value, f.Got.Value)
		})
		if at >= 0 {
			f.Pos = t.When[at].Pos
		}
	}
}

// MarshalJSON writes a failure for programs.
func (f Failure) MarshalJSON() ([]byte, error) {
	out := map[string]any{"kind": f.Kind, "line": f.Pos.Line, "column": f.Pos.Column}
	if f.Alias != "" {
		out["topic"] = f.Alias
	}
	if f.Index >= 0 {
		out["index"] = f.Index
	}
	if f.Want != "" {
		out["want"] = json.RawMessage(f.Want)
	}
	if f.Text != "" {
		out["text"] = f.Text
	}
	var differs []string
	for _, x := range f.Fields {
		if !x.Equal {
			differs = append(differs, x.Path)
		}
	}
	if differs != nil {
		out["differs"] = differs
	}
	if r := f.Got; r != nil {
		got := map[string]any{"key": nil, "timestamp": r.Timestamp, "value": string(r.Value)}
		if r.Key != nil {
			got["key"] = string(r.Key)
		}
		if json.Valid(r.Value) {
			got["value"] = json.RawMessage(r.Value)
		}
		if r.Reason != "" {
			got["reason"], got["message"] = r.Reason, r.Message
		}
		out["got"] = got
	}
	return json.Marshal(out)
}
