package declared_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/inspect/verify/declared"
	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"
	"inv/internal/registry"
	"inv/internal/scenario"
	processor "inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

// history is what a topology has read and written, by topic.
type history struct {
	testing.TB
	scenario *scenario.Scenario
	topology *scenario.Topology
	topics   map[string][]*kgo.Record
	// read and applied are how far the topology has come, -1: everything.
	read, applied int64
	trimmed       string // a topic whose beginning is gone
	schemas       *registry.Topics
}

// partitions of all topics.
const partitions = 2

// Each calls visit with a topic's records.
func (h *history) Each(_ context.Context, topic string, visit func(*kgo.Record)) error {
	for _, r := range h.topics[topic] {
		visit(r)
	}
	return nil
}

// AppendTime reports that timestamps are the writer's.
func (h *history) AppendTime(string) bool { return false }

// audit checks the history.
func (h *history) audit() *declared.Report {
	h.Helper()
	p := &declared.Progress{Starts: map[fetch.ID]int64{}, Ends: map[fetch.ID]int64{}, Read: map[fetch.ID]int64{}, Applied: map[fetch.ID]int64{}}
	for _, topic := range h.scenario.Topics {
		name := topic.NameFor("app")
		for i := range int32(partitions) {
			id := fetch.ID{Topic: name, Partition: i}
			p.Ends[id], p.Read[id], p.Applied[id] = 1<<40, 1<<40, 1<<40
			if h.read >= 0 {
				p.Read[id] = h.read
			}
			if h.applied >= 0 {
				p.Applied[id] = h.applied
			}
			if name == h.trimmed {
				p.Starts[id] = 1
			}
		}
	}
	r, err := declared.Audit(h.Context(), declared.Options{Scenario: h.scenario, Topology: h.topology, App: "app", MaxFindings: 5, Schemas: h.schemas}, p, h)
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// put appends a record to a topic; partition -1 is that of its key.
func (h *history) put(alias string, p int32, ms int64, key, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
	topic, _ := h.scenario.Topic(alias)
	return h.putTo(topic.NameFor("app"), p, ms, key, value, headers...)
}

func (h *history) putTo(topic string, p int32, ms int64, key, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
	if p < 0 {
		p = partition.Murmur2(key, partitions)
	}
	r := &kgo.Record{Topic: topic, Partition: p, Timestamp: time.UnixMilli(ms), Key: key, Value: value, Headers: headers}
	for _, before := range h.topics[topic] {
		if before.Partition == p {
			r.Offset = before.Offset + 1
		}
	}
	h.topics[topic] = append(h.topics[topic], r)
	return r
}

// written writes what a topology in production makes of the inputs.
type written struct {
	*history
	*world
}

// Output writes an output as a stage does.
func (w *written) Output(o *processor.Output) error {
	emit := &w.history.topology.Emit[o.Emit]
	kind := emit.Type
	if kind == "" {
		kind = w.scenario.Name + "." + emit.To + ".v1"
	}
	p := int32(-1)
	if o.Key == nil {
		p = 0
	}
	w.put(emit.To, p, o.Time, clone(o.Key), clone(o.Value), event.AppendHeaders(nil, event.Envelope{Type: kind, Source: "app", ID: string(o.ID), Time: o.Time})...)
	return nil
}

// Letter writes a letter of the state stage.
func (w *written) Letter(l *processor.Letter) error {
	if l.Record.Topic == "" {
		first, _ := w.scenario.Topic(w.history.topology.From[0].Alias)
		w.letter(&kgo.Record{Topic: first.NameFor("app"), Value: clone(l.Value)}, "-state", l.Refusal)
		return nil
	}
	for _, r := range w.topics[l.Record.Topic] {
		if r.Partition == l.Record.Partition && r.Offset == l.Record.Offset {
			w.letter(r, "-state", l.Refusal)
		}
	}
	return nil
}

func (w *written) letter(r *kgo.Record, stage string, why processor.Refusal) {
	var headers []kgo.RecordHeader
	for _, h := range [][2]string{{event.HeaderDLQTopic, r.Topic}, {event.HeaderDLQPartition, strconv.Itoa(int(r.Partition))}, {event.HeaderDLQOffset, strconv.FormatInt(r.Offset, 10)},
		{event.HeaderDLQTimestamp, strconv.FormatInt(r.Timestamp.UnixMilli(), 10)}, {event.HeaderDLQStage, w.history.topology.Name + stage}, {event.HeaderDLQReason, string(why.Reason)}, {event.HeaderDLQMessage, why.Message}} {
		headers = append(headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	w.putTo(r.Topic+".dlq", 0, 0, r.Key, r.Value, append(headers, r.Headers...)...)
}

// newHistory lets a topology in production work on random records of a file's scenario.
func newHistory(t testing.TB, file, name string, records int) *history {
	t.Helper()
	return newHistoryWith(t, file, name, records, nil)
}

// newHistoryWith does so with what looks at the outputs.
func newHistoryWith(t testing.TB, file, name string, records int, takes processor.Takes) *history {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := scenario.Read(file, source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h := &history{TB: t, scenario: s, topology: s.Topology(name), topics: map[string][]*kgo.Record{}, read: -1, applied: -1}
	w := &written{history: h, world: newWorld(t, s, name, rand.New(rand.NewPCG(7, 7)))}
	if w.mapper != nil {
		w.mapper.Takes = takes
	}
	for _, m := range w.machines {
		m.production.Takes = takes
	}
	for i := range records {
		w.now += w.Int64N(w.pace())
		if i%5 == 0 {
			for alias, rows := range w.tables {
				key, row := w.row(alias)
				rows[key] = row
				h.put(alias, -1, w.now, []byte(key), []byte(row))
			}
		}
		if w.mapper == nil && w.IntN(4) == 0 {
			w.tick()
			w.flush()
		}
		input := w.IntN(len(h.topology.From))
		alias := h.topology.From[input].Alias
		ms := w.now - w.Int64N(3_000)
		text := w.spoilt(w.sample(alias, ms))
		w.decide(input, h.put(alias, int32(w.IntN(partitions)), ms, []byte("k"), text, kgo.RecordHeader{Key: "own", Value: []byte("x")}))
		if topic := w.names[alias]; w.mapper == nil {
			w.offsets[topic+"/0"] = int64(len(h.topics[topic]) / 2)
			w.offsets[topic+"/1"] = w.offsets[topic+"/0"]
		}
	}
	return h
}

// decide lets production decide a record, and apply its lines.
func (w *written) decide(input int, r *kgo.Record) {
	rec := &processor.Record{Input: input, Origin: processor.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}, Key: r.Key, Value: r.Value}
	var refusal *processor.Refusal
	var err error
	stage := ""
	if w.mapper != nil {
		_, refusal, err = w.mapper.Map(rec, clock, w)
	} else {
		stage = "-route"
		var lines collector
		if _, refusal, err = w.router.Route(rec, &lines); err == nil {
			for i, line := range lines.lines {
				to := partition.Murmur2([]byte(lines.keys[i]), logPartitions)
				w.log[to] = append(w.log[to], line)
			}
			if ms, ok := w.router.Time(); ok {
				source := fmt.Sprintf("%s/%d", r.Topic, r.Partition)
				w.latest[source] = max(w.latest[source], ms)
			}
		}
	}
	if err != nil {
		w.history.Fatal(err)
	}
	if refusal != nil {
		w.letter(r, stage, *refusal)
	}
	w.flush()
}

// flush writes the lines to the log, and applies them.
func (w *written) flush() {
	for i, m := range w.machines {
		if len(w.log[i]) == 0 {
			continue
		}
		lines := bytes.Join(w.log[i], nil)
		r := w.put(w.history.topology.Log(), int32(i), w.now, nil, lines, kgo.RecordHeader{Key: "inv-format", Value: []byte("declared-log/1")})
		if err := m.production.Apply(r.Offset, lines, w); err != nil {
			w.history.Fatal(err)
		}
		w.log[i] = nil
	}
}

const samples = "../../../internal/scenario/testdata/topologies.yaml"

var sampleNames = []string{"standardize", "low-stock", "pricing", "promotions", "fraud", "delays", "backorders"}

// What production has written is right.
func TestAuditHolds(t *testing.T) {
	for _, name := range sampleNames {
		h := newHistory(t, samples, name, 300)
		r := h.audit()
		if r.Verdict != verify.Holds || len(r.Warnings) > 0 || r.Counts.Outputs < 10 {
			t.Errorf("%s: %s\n%+v\n%+v %q", name, r.Verdict, r.Findings, r.Counts, r.Warnings)
		}
		t.Logf("%s: %+v", name, r.Counts)
	}
}

// What has not been processed yet is told apart, and is no finding; and with it what must
// be there is still missed.
func TestInFlight(t *testing.T) {
	h := newHistory(t, samples, "pricing", 200)
	log, _ := h.scenario.Topic("pricing-log")
	h.applied, h.read = 5, 30
	r := h.audit()
	if r.Verdict != verify.Undecided || r.AtRest || r.Counts.InputsInFlight == 0 || r.Counts.LinesInFlight == 0 || r.Counts.OutputsInFlight != 0 {
		t.Errorf("all is there: %s %+v", r.Verdict, r.Counts)
	}
	topic, _ := h.scenario.Topic("price-changes")
	all := h.topics[topic.Name]
	h.topics[topic.Name] = all[:len(all)-3]
	if r := h.audit(); r.Verdict != verify.Undecided || r.Counts.OutputsInFlight != 3 {
		t.Errorf("without the last outputs: %s %+v %+v", r.Verdict, r.Counts, r.Findings)
	}
	h.topics[topic.Name] = all[1:]
	if r := h.audit(); r.Verdict != verify.Violated {
		t.Errorf("without the first output: %s", r.Verdict)
	}
	h.topics[topic.Name] = all
	name := log.NameFor("app")
	lines := h.topics[name]
	h.topics[name] = lines[:len(lines)-1]
	if r := h.audit(); r.Verdict == verify.Holds {
		t.Errorf("without the last lines: %s", r.Verdict)
	}
}

// Without the beginning of a topic what depends on it is undecided.
func TestTrimmed(t *testing.T) {
	for _, name := range []string{"pricing", "standardize"} {
		h := newHistory(t, samples, name, 100)
		aliases := []string{h.topology.From[0].Alias, h.topology.Emit[0].To}
		if h.topology.Keyed() {
			aliases = append(aliases, h.topology.Log())
		}
		topics := h.topics
		for _, alias := range aliases {
			topic, _ := h.scenario.Topic(alias)
			h.trimmed = topic.NameFor("app")
			h.topics = maps.Clone(topics)
			h.topics[h.trimmed] = slices.DeleteFunc(slices.Clone(topics[h.trimmed]), func(r *kgo.Record) bool { return r.Offset == 0 })
			if r := h.audit(); r.Verdict != verify.Undecided {
				t.Errorf("%s without the beginning of %s: %s %+v", name, alias, r.Verdict, r.Findings)
			}
		}
	}
}

// A state that was upgraded can't be replayed from the log's beginning.
func TestUpgradedState(t *testing.T) {
	h := newHistory(t, samples, "pricing", 100)
	h.topology.Version = 2
	if r := h.audit(); r.Verdict != verify.Holds {
		t.Errorf("that nothing differs: %s", r.Verdict)
	}
	topic, _ := h.scenario.Topic("price-changes")
	h.topics[topic.Name] = h.topics[topic.Name][1:]
	if r := h.audit(); r.Verdict != verify.Undecided || len(r.Findings) > 0 {
		t.Errorf("that an output is missing: %s %+v", r.Verdict, r.Findings)
	}
}
