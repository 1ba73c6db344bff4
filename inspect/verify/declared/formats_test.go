package declared_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	processor "inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

// open gives the topics that a history's topology writes a format, with schemas derived
// from so many records that it has written to each, and returns their names.
func (h *history) open(form registry.Form, records int) (names []string) {
	h.Helper()
	var list []registry.TopicFormat
	for _, alias := range h.topology.Writes() {
		topic, _ := h.scenario.Topic(alias)
		var values [][]byte
		for _, r := range h.topics[topic.Name] {
			if len(values) < records {
				values = append(values, r.Value)
			}
		}
		if len(values) == 0 {
			continue
		}
		source, misfits := registry.Derive(form, "R", "t", registrytest.ShapeOf(h, values))
		if len(misfits) > 0 {
			h.Logf("%s has no schema in %s: %v", alias, form, misfits)
			continue
		}
		sch, err := registry.Compile(h.Context(), source)
		if err != nil {
			h.Fatal(err)
		}
		names = append(names, topic.Name)
		list = append(list, registry.TopicFormat{Topic: topic.Name, Writes: true, Value: &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true}})
	}
	var err error
	if h.schemas, err = registry.Open(h.Context(), registrytest.New(h).Client(), list, nil); err != nil {
		h.Fatal(err)
	}
	return names
}

// encode encodes what the topology has written.
func (h *history) encode(form registry.Form) {
	h.Helper()
	for _, topic := range h.open(form, 1<<30) {
		w := h.schemas.Writer(topic, false)
		for i := range h.topics[topic] {
			alter(func(r *kgo.Record) {
				var err error
				if r.Value, err = w.Append(nil, r.Value); err != nil {
					h.Fatal(err)
				}
				withHeader(event.HeaderContentType, func(string) string { return w.Schema.ContentType() })(r)
			})(h, topic, i)
		}
	}
}

// What production has written is right, in any format; and what is changed there is found,
// unless the schema can't hold the difference.
func TestAuditOfFormats(t *testing.T) {
	for _, form := range []registry.Form{registry.Avro, registry.Protobuf} {
		tried := 0
		for _, name := range sampleNames {
			h := newHistory(t, samples, name, 100)
			h.encode(form)
			if r := h.audit(); r.Verdict != verify.Holds || r.Counts.Outputs < 5 {
				t.Errorf("%s in %s: %s\n%+v\n%+v", name, form, r.Verdict, r.Findings, r.Counts)
				continue
			}
			for _, alias := range h.topology.Writes() {
				topic, _ := h.scenario.Topic(alias)
				tried += h.changeValues(topic.Name)
			}
		}
		if tried < 10 {
			t.Errorf("%d outputs in %s were changed", tried, form)
		}
	}
}

// changeValues changes some of a topic's values, one at a time, and returns how many.
func (h *history) changeValues(topic string) (tried int) {
	h.Helper()
	w := h.schemas.Writer(topic, false)
	if w == nil {
		return 0
	}
	rng := rand.New(rand.NewPCG(5, 5))
	all := h.topics[topic]
	for range 3 {
		h.topics[topic] = slices.Clone(all)
		i := rng.IntN(len(all))
		decoded, err := h.schemas.Value(nil, all[i])
		if err != nil {
			h.Fatal(err)
		}
		changed, err := w.Append(nil, swapped(decoded))
		if err != nil || bytes.Equal(changed, all[i].Value) {
			continue
		}
		tried++
		alter(func(r *kgo.Record) { r.Value = changed })(h, topic, i)
		if r := h.audit(); r.Verdict != verify.Violated {
			h.Errorf("%s at %d of %s is not found: %s", swapped(decoded), i, topic, r.Verdict)
		}
		alter(func(r *kgo.Record) { r.Value = r.Value[:len(r.Value)-1] })(h, topic, i)
		if r := h.audit(); r.Verdict != verify.Violated {
			h.Errorf("that %d of %s is cut short is not found: %s", i, topic, r.Verdict)
		}
	}
	h.topics[topic] = all
	return tried
}

// Outputs that do not fit are dead-lettered by production, and expected to be by the audit,
// at the same places. The schemas are those of the first outputs, which others do not fit.
func TestAuditOfMisfits(t *testing.T) {
	letters := 0
	for _, name := range sampleNames {
		narrow := newHistory(t, samples, name, 60)
		narrow.open(registry.Avro, 1)
		misfits := func(o *processor.Output, room []byte) ([]byte, error) {
			e := &narrow.topology.Emit[o.Emit]
			topic, _ := narrow.scenario.Topic(e.To)
			sch := narrow.schemas.Schema(topic.Name, false)
			if sch == nil {
				return room, nil
			}
			_, err := sch.Encode(nil, o.Value)
			if err != nil {
				return room, &processor.ExpressionError{File: samples, Pos: e.FieldPos(registry.PathOf(err)), Err: errors.New("a misfit")}
			}
			return room, nil
		}
		h := newHistoryWith(t, samples, name, 300, misfits)
		h.schemas = narrow.schemas
		r := h.audit() // of values without a frame, as from before the topics had formats
		if r.Verdict != verify.Holds {
			t.Errorf("%s: %s\n%+v\n%+v", name, r.Verdict, r.Findings, r.Counts)
		}
		for _, in := range h.topology.From {
			topic, _ := h.scenario.Topic(in.Alias)
			for _, l := range h.topics[topic.Name+".dlq"] {
				if message, _ := event.FirstHeader(l.Headers, event.HeaderDLQMessage); bytes.HasSuffix(message, []byte("a misfit")) {
					letters++
				}
			}
		}
	}
	if letters < 5 {
		t.Errorf("%d dead letters of misfits", letters)
	}
}
