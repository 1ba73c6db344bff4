package declared_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// alter returns a change of a record's own copy.
func alter(change func(r *kgo.Record)) func(h *history, topic string, i int) {
	return func(h *history, topic string, i int) {
		r := *h.topics[topic][i]
		r.Headers = slices.Clone(r.Headers)
		change(&r)
		h.topics[topic][i] = &r
	}
}

// swapped replaces the first of a text's digits.
func swapped(b []byte) []byte {
	b = bytes.Clone(b)
	if i := bytes.IndexAny(b, "0123456789"); i >= 0 {
		b[i] = '0' + (b[i]-'0'+1)%10
	} else {
		b = append(b[:len(b)-1], `,"extra":1}`...)
	}
	return b
}

func withHeader(name string, change func(string) string) func(*kgo.Record) {
	return func(r *kgo.Record) {
		for i, h := range r.Headers {
			if h.Key == name {
				r.Headers[i].Value = []byte(change(string(h.Value)))
				return
			}
		}
	}
}

func other(s string) string { return s + "x" }

// mutations are those of outputs, of lines and of letters.
var (
	drop = func(h *history, topic string, i int) {
		h.topics[topic] = slices.Delete(slices.Clone(h.topics[topic]), i, i+1)
	}
	copied = func(h *history, topic string, i int) {
		r := *h.topics[topic][i]
		r.Offset = 1 << 30
		h.topics[topic] = append(slices.Clone(h.topics[topic]), &r)
	}
	outputMutations = map[string]func(h *history, topic string, i int){
		"drop": drop, "duplicate": copied,
		"value":     alter(func(r *kgo.Record) { r.Value = swapped(r.Value) }),
		"tombstone": alter(func(r *kgo.Record) { r.Value = nil }),
		"key":       alter(func(r *kgo.Record) { r.Key = append(bytes.Clone(r.Key), 'x') }),
		"partition": alter(func(r *kgo.Record) { r.Partition = 1 - r.Partition }),
		"timestamp": alter(func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(time.Millisecond) }),
		"id":        alter(withHeader(event.HeaderID, other)),
		"source":    alter(withHeader(event.HeaderSource, other)),
		"type":      alter(withHeader(event.HeaderType, other)),
		"time":      alter(withHeader(event.HeaderTime, other)),
		"version":   alter(withHeader(event.HeaderSpecVersion, other)),
	}
	letterMutations = map[string]func(h *history, topic string, i int){
		"drop": drop, "duplicate": copied,
		"value":  alter(func(r *kgo.Record) { r.Value = append(bytes.Clone(r.Value), 'x') }),
		"reason": alter(withHeader(event.HeaderDLQReason, other)),
		"offset": alter(withHeader(event.HeaderDLQOffset, func(s string) string { return s + "0" })),
		"stage":  alter(withHeader(event.HeaderDLQStage, other)),
	}
)

// logMutations change the lines of a record of the log.
func logMutations(rng *rand.Rand) map[string]func(h *history, topic string, i int) {
	lines := func(change func(lines [][]byte, n int) [][]byte) func(h *history, topic string, i int) {
		return alter(func(r *kgo.Record) {
			all := bytes.SplitAfter(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n"))
			var records []int
			for n, l := range all {
				all[n] = append(bytes.TrimSuffix(bytes.Clone(l), []byte("\n")), '\n')
				if !bytes.HasPrefix(l, []byte(`{"tick"`)) {
					records = append(records, n)
				}
			}
			if len(records) > 0 {
				r.Value = bytes.Join(change(all, records[rng.IntN(len(records))]), nil)
			}
		})
	}
	replaced := func(old, by string) func(h *history, topic string, i int) {
		return lines(func(all [][]byte, n int) [][]byte {
			all[n] = bytes.Replace(all[n], []byte(old), []byte(by), 1)
			return all
		})
	}
	return map[string]func(h *history, topic string, i int){
		"drop a line":      lines(func(all [][]byte, n int) [][]byte { return slices.Delete(all, n, n+1) }),
		"duplicate a line": lines(func(all [][]byte, n int) [][]byte { return slices.Insert(all, n, all[n]) }),
		"key":              replaced(`{"k":"`, `{"k":"x`),
		"time":             replaced(`"t":1`, `"t":2`),
		"source":           replaced(`/0@`, `/1@`),
		"timestamp":        replaced(`"ts":1`, `"ts":2`),
		"value":            replaced(`"v":{`, `"v":{"extra":1,`),
		"format":           alter(withHeader("inv-format", other)),
		"garbage":          alter(func(r *kgo.Record) { r.Value = append(bytes.Clone(r.Value), "{]\n"...) }),
	}
}

// Each mutation of a right history is found.
func TestEachMutationIsFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	tried := 0
	for _, name := range sampleNames {
		h := newHistory(t, samples, name, 70)
		topics := h.topics
		try := func(topic, what string, change func(h *history, topic string, i int)) {
			t.Helper()
			for range 2 {
				if len(topics[topic]) == 0 {
					return
				}
				h.topics = map[string][]*kgo.Record{}
				for name, records := range topics {
					h.topics[name] = slices.Clone(records)
				}
				i := rng.IntN(len(topics[topic]))
				change(h, topic, i)
				if len(h.topics[topic]) == len(topics[topic]) && h.topics[topic][i] != topics[topic][i] && sameRecord(h.topics[topic][i], topics[topic][i]) {
					continue // it changed nothing
				}
				tried++
				// One output that is in the only partition of fewer is in doubt.
				if r := h.audit(); r.Verdict != verify.Violated && (what != "partition" || r.Verdict != verify.Undecided) {
					t.Errorf("%s: %s of %s at %d is not found: %s %+v\n%s\n%s", name, what, topic, i, r.Verdict, r.Warnings, topics[topic][i].Value, h.topics[topic][min(i, len(h.topics[topic])-1)].Value)
				}
			}
		}
		for _, e := range h.topology.Emit {
			topic, _ := h.scenario.Topic(e.To)
			for _, what := range slices.Sorted(maps.Keys(outputMutations)) {
				try(topic.Name, what, outputMutations[what])
			}
		}
		for _, in := range h.topology.From {
			topic, _ := h.scenario.Topic(in.Alias)
			for _, what := range slices.Sorted(maps.Keys(letterMutations)) {
				try(topic.Name+".dlq", what, letterMutations[what])
			}
		}
		if log, ok := h.scenario.Topic(h.topology.Log()); ok {
			mutations := logMutations(rng)
			for _, what := range slices.Sorted(maps.Keys(mutations)) {
				try(log.NameFor("app"), what, mutations[what])
			}
		}
	}
	t.Logf("%d mutations", tried)
	if tried < 300 {
		t.Errorf("only %d mutations were tried", tried)
	}
}

func sameRecord(a, b *kgo.Record) bool {
	return bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Key, b.Key) && a.Partition == b.Partition && a.Timestamp.Equal(b.Timestamp) &&
		slices.EqualFunc(a.Headers, b.Headers, func(x, y kgo.RecordHeader) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) })
}
