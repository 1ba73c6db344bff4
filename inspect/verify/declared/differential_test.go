package declared_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/inspect/verify/declared"
	"inv/internal/jsonscan"
	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	processor "inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clock is what both sides have as the clock's time.
const clock = 1_700_000_000_123

// world is a topology's surroundings: records of its inputs, tables that change, and the
// partitions of its log, on both sides.
type world struct {
	testing.TB
	*rand.Rand
	topology *scenario.Topology
	oracle   *declared.Topology
	router   *processor.Router
	mapper   *processor.Mapper
	program  *processor.Program
	tables   map[string]map[string]string // rows by alias and key
	names    map[string]string            // topics by alias
	offsets  map[string]int64             // by source partition
	latest   map[string]int64             // event times, by source partition
	now      int64
	log      [][][]byte // the lines that each partition has not applied yet
	parts    map[string]int
	machines []*machine
	seen     map[string]int // what happened, by kind
}

// partitions of the log, and of each source.
const logPartitions, sourcePartitions = 2, 2

// machine is both sides of a partition of the log.
type machine struct {
	production *processor.Machine
	oracle     *declared.Replay
	offset     int64
	changelog  [][2][]byte
	applied    [][]byte         // the lines, by offset
	ticked     map[string]int64 // by source partition
}

func newWorld(t testing.TB, s *scenario.Scenario, name string, rng *rand.Rand) *world {
	t.Helper()
	topology := s.Topology(name)
	program, problems := processor.Compile(s, topology)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", name, problems)
	}
	w := &world{TB: t, Rand: rng, topology: topology, oracle: declared.Compile(s, topology), program: program, tables: map[string]map[string]string{},
		names: map[string]string{}, offsets: map[string]int64{}, latest: map[string]int64{}, now: 1_700_000_000_000, parts: map[string]int{}, seen: map[string]int{}}
	for _, topic := range s.Topics {
		w.names[topic.Alias] = topic.NameFor("app")
	}
	for _, in := range topology.From {
		w.parts[w.names[in.Alias]] = sourcePartitions
		for _, j := range in.Join {
			w.tables[j.Table] = map[string]string{}
		}
	}
	if !topology.Keyed() {
		w.mapper = program.Mapper(productionRows{w})
		return w
	}
	w.router = program.Router(productionRows{w})
	w.log = make([][][]byte, logPartitions)
	for range logPartitions {
		m := &machine{production: program.NewMachine(), oracle: w.oracle.NewReplay(), ticked: map[string]int64{}}
		m.production.Now = func() int64 { return clock }
		w.machines = append(w.machines, m)
	}
	return w
}

// productionRows and oracleRows are the tables, for each side.
type productionRows struct{ *world }

func (r productionRows) Row(table string, key []byte) ([]byte, error) {
	row, ok := r.tables[table][string(key)]
	if !ok {
		return nil, nil
	}
	flags, valid := jsonscan.Valid([]byte(row))
	if !valid {
		r.Fatalf("a row that is not JSON: %s", row)
	}
	return jsonscan.AppendSafe(nil, []byte(row), flags), nil // the form that tables have
}

type oracleRows struct{ *world }

func (r oracleRows) Row(_ int, j *scenario.Join, key string) (any, bool) {
	row, ok := r.tables[j.Table][key]
	return value(row), ok
}

// value decodes JSON as both sides should understand it; nil if it is none.
func value(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

func same(a, b []byte) bool {
	return bytes.Equal(a, b) || reflect.DeepEqual(value(string(a)), value(string(b))) && json.Valid(a) && json.Valid(b)
}

// collector takes what production gives.
type collector struct {
	lines   [][]byte
	keys    []string
	outputs []processor.Output
	letters []processor.Letter
}

func (c *collector) Line(key, line []byte) error {
	c.lines, c.keys = append(c.lines, bytes.Clone(line)), append(c.keys, string(key))
	return nil
}

func (c *collector) Output(o *processor.Output) error {
	c.outputs = append(c.outputs, processor.Output{Emit: o.Emit, Key: bytes.Clone(o.Key), Value: bytes.Clone(o.Value), ID: bytes.Clone(o.ID), Time: o.Time})
	return nil
}

func (c *collector) Letter(l *processor.Letter) error {
	l2 := *l
	l2.Value, l2.Key, l2.Record.Topic = bytes.Clone(l.Value), bytes.Clone(l.Key), strings.Clone(l.Record.Topic)
	c.letters = append(c.letters, l2)
	return nil
}

// record puts a record into an input, on both sides.
func (w *world) record(input int, key, text []byte, ms int64) {
	w.Helper()
	alias := w.topology.From[input].Alias
	p := w.IntN(sourcePartitions)
	source := fmt.Sprintf("%s/%d", w.names[alias], p)
	w.offsets[source] += 1 + w.Int64N(2)
	offset := w.offsets[source]
	k := &kgo.Record{Topic: w.names[alias], Partition: int32(p), Offset: offset, Timestamp: time.UnixMilli(ms), Key: key, Value: text,
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("x")}, {Key: "b", Value: nil}, {Key: "a", Value: []byte("y\xff")}}}
	r := &processor.Record{Input: input, Origin: processor.Origin{Topic: k.Topic, Partition: k.Partition, Offset: k.Offset, Timestamp: ms}, Key: key, Value: text}
	if w.program.UsesHeaders() {
		for _, h := range k.Headers {
			r.Headers = append(r.Headers, processor.Header{Key: h.Key, Value: h.Value})
		}
	}
	var got collector
	if w.mapper != nil {
		outcome, refusal, err := w.mapper.Map(r, clock, &got)
		want, failed := w.oracle.Map(alias, k, oracleRows{w})
		if w.decided(text, outcome, refusal, err, failed) {
			w.outputs(&got, want, string(text))
		}
		return
	}
	outcome, refusal, err := w.router.Route(r, &got)
	want, failed := w.oracle.Route(alias, k, oracleRows{w})
	if !w.decided(text, outcome, refusal, err, failed) {
		return
	}
	if len(got.lines) != len(want) {
		w.Fatalf("%s\n%d lines: %s\nwant %d", text, len(got.lines), bytes.Join(got.lines, nil), len(want))
	}
	for i, line := range got.lines {
		wanted, err := json.Marshal(want[i].Object())
		if err != nil {
			w.Fatal(err)
		}
		if !same(bytes.TrimSuffix(line, []byte("\n")), wanted) || got.keys[i] != want[i].Key {
			w.Fatalf("%s\nline %s\nwant %s", text, line, wanted)
		}
		w.seen["lines"]++
		to := partition.Murmur2([]byte(got.keys[i]), logPartitions)
		w.log[to] = append(w.log[to], line)
		w.latest[source] = max(w.latest[source], want[i].Time)
	}
}

// decided compares what was decided about a record, and reports whether it goes on.
func (w *world) decided(text []byte, outcome processor.Outcome, refusal *processor.Refusal, err error, failed error) bool {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	want, _ := failed.(*declared.Refusal)
	if (outcome == processor.Refused) != (failed != nil) {
		w.Fatalf("%s\nrefused: %v\nwant %v", text, refusal, failed)
	}
	if want == nil {
		return outcome == processor.Routed
	}
	w.seen["refused "+string(want.Reason)]++
	if refusal.Reason != want.Reason || want.Place != "" && !strings.HasPrefix(refusal.Message, want.Place+": ") {
		w.Fatalf("%s\nrefused: %+v\nwant %v", text, *refusal, want)
	}
	return false
}

// outputs compares outputs.
func (w *world) outputs(got *collector, want []declared.Output, cause string) {
	w.Helper()
	if len(got.outputs) != len(want) {
		w.Fatalf("%s\n%d outputs: %s\nwant %d: %+v", cause, len(got.outputs), shown(got.outputs), len(want), want)
	}
	for i := range want {
		g, o := &got.outputs[i], &want[i]
		w.seen["outputs"]++
		if g.Emit != o.Emit || string(g.Key) != o.Key || (g.Key == nil) != o.Keyless || string(g.ID) != o.ID || g.Time != o.Time || !same(g.Value, o.Value) {
			w.Fatalf("%s\noutput %d %q %q @%d %s\nwant   %d %q %q @%d %s", cause, g.Emit, g.ID, g.Key, g.Time, g.Value, o.Emit, o.ID, o.Key, o.Time, o.Value)
		}
	}
}

func shown(outputs []processor.Output) (all []string) {
	for _, o := range outputs {
		all = append(all, fmt.Sprintf("%s %s", o.ID, o.Value))
	}
	return all
}

// tick lets time pass in a partition of the log.
func (w *world) tick() {
	sources := slices.Sorted(maps.Keys(w.latest))
	var all []string
	for topic, n := range w.parts {
		for p := range n {
			all = append(all, fmt.Sprintf("%s/%d", topic, p))
		}
	}
	slices.Sort(all)
	i := w.IntN(logPartitions)
	m := w.machines[i]
	source := all[w.IntN(len(all))]
	at := "null"
	if slices.Contains(sources, source) || m.ticked[source] > 0 {
		ms := max(w.latest[source], m.ticked[source])
		if w.IntN(6) == 0 {
			ms = max(ms, w.now) + w.Int64N(3_000)
		}
		m.ticked[source] = ms
		at = fmt.Sprint(ms)
	} else if w.IntN(3) > 0 {
		return
	}
	parts, _ := json.Marshal(w.parts)
	w.log[i] = append(w.log[i], fmt.Appendf(nil, `{"tick":%s,"of":%q,"parts":%s}`+"\n", at, source, parts))
	w.seen["ticks"]++
}

// apply has what is in the log applied by both sides, in transactions, some of which are
// rolled back first.
func (w *world) apply() {
	w.Helper()
	for i, m := range w.machines {
		lines := w.log[i]
		w.log[i] = nil
		for len(lines) > 0 {
			n := 1 + w.IntN(len(lines))
			w.transaction(m, lines[:n])
			lines = lines[n:]
		}
	}
}

func (w *world) transaction(m *machine, lines [][]byte) {
	w.Helper()
	if w.IntN(8) == 0 {
		w.restart(m)
	}
	if w.IntN(4) == 0 {
		for i, line := range lines {
			if err := m.production.Apply(m.offset+int64(i), line, &collector{}); err != nil {
				w.Fatalf("%s: %v", line, err)
			}
		}
		m.production.Rollback()
	}
	for _, line := range lines {
		var got collector
		if err := m.production.Apply(m.offset, line, &got); err != nil {
			w.Fatalf("%s: %v", line, err)
		}
		l, err := declared.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			w.Fatalf("%s: %v", line, err)
		}
		w.results(&got, m.oracle.Apply(m.offset, l), string(line))
		m.applied = append(m.applied, line)
		m.offset++
	}
	err := m.production.Seal(func(key, value []byte) error {
		m.changelog = append(m.changelog, [2][]byte{bytes.Clone(key), clone(value)})
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	m.production.Commit()
}

// restart replaces the production's machine by one from the changelog and the log.
func (w *world) restart(m *machine) {
	w.Helper()
	m.production = w.program.NewMachine()
	m.production.Now = func() int64 { return clock }
	for _, r := range m.changelog {
		if err := m.production.Restore(r[0], r[1]); err != nil {
			w.Fatal(err)
		}
	}
	from, to, again, err := m.production.Restored()
	if err != nil {
		w.Fatal(err)
	}
	for offset := from; again && offset <= to; offset++ {
		if err := m.production.Hold(offset, m.applied[offset]); err != nil {
			w.Fatal(err)
		}
	}
	w.seen["restarts"]++
}

// results compares what followed from a line.
func (w *world) results(got *collector, want []declared.Result, line string) {
	w.Helper()
	var outputs []declared.Output
	var letters []*declared.Letter
	for _, r := range want {
		if r.Output != nil {
			outputs = append(outputs, *r.Output)
		} else {
			letters = append(letters, r.Letter)
		}
	}
	w.outputs(got, outputs, line)
	if len(got.letters) != len(letters) {
		w.Fatalf("%s\n%d letters: %+v\nwant %d: %v", line, len(got.letters), got.letters, len(letters), letters)
	}
	for i, l := range letters {
		g := got.letters[i]
		w.seen["letters "+string(l.Reason)]++
		at := fmt.Sprintf("%s/%d@%d", g.Record.Topic, g.Record.Partition, g.Record.Offset)
		if g.Reason != l.Reason || l.Place != "" && !strings.HasPrefix(g.Message, l.Place+": ") || l.Source.Topic != g.Record.Topic || l.Source.Topic != "" && at != l.Source.String() ||
			l.Source.Topic == "" && !same(g.Value, l.Value) {
			w.Fatalf("%s\nletter %+v %s\nwant   %v %s %s", line, g, g.Value, l, l.Source, l.Value)
		}
	}
}

// clone copies bytes; nil stays nil.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// cases returns a number of seeds, or, if INV_FUZZ is a duration, others for so long.
func cases(t *testing.T, n int, run func(seed uint64)) {
	t.Helper()
	long, base := time.Duration(0), uint64(0)
	if s := os.Getenv("INV_FUZZ"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		base = uint64(time.Now().UnixNano())
	}
	start := time.Now()
	for i := 0; (i < n || time.Since(start) < long) && !t.Failed(); i++ {
		run(base + uint64(i))
	}
}
