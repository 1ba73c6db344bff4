package declared

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka/partition"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// outputs are the records that the topology wrote, by their ids.
type outputs struct {
	written map[string][]*written
	missing []missing
	astray  map[string][]*written // those in another partition than their key's, by alias
}

// written is an output that is on its topic.
type written struct {
	at        event.Place
	alias     string
	raw       []byte // the key's bytes, which have its partition
	key       []byte // as text
	value     []byte // as JSON
	bad       error  // the key or the value can't be decoded
	timestamp int64
	kind, ce  string // ce_type and ce_time
	called    bool
}

// missing is an output that is called for, and not there.
type missing struct {
	*Output
	cause event.Place
}

func newOutputs() *outputs {
	return &outputs{written: map[string][]*written{}, astray: map[string][]*written{}}
}

// readOutputs reads what the topology wrote.
func (a *audit) readOutputs(ctx context.Context) error {
	var seen []string
	for _, e := range a.t.Emit {
		if slices.Contains(seen, e.To) {
			continue
		}
		seen = append(seen, e.To)
		a.trimmedTopic(a.topic(e.To), checkOutputs)
		err := a.records.Each(ctx, a.topic(e.To), func(r *kgo.Record) { a.written(e.To, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// written keeps a record if the topology wrote it.
func (a *audit) written(alias string, r *kgo.Record) {
	header := func(name string) string {
		value, _ := event.Header(r.Headers, name)
		return string(value)
	}
	id := header(event.HeaderID)
	if header(event.HeaderSource) != a.o.App || !a.owns(alias, id) {
		return
	}
	a.counts.Outputs++
	a.checks[checkOutputsOnce].Checked++
	d := a.decode(untyped(r), false)
	w := &written{at: placeOf(r), alias: alias, raw: slices.Clone(r.Key), key: slices.Clone(d.Key), value: slices.Clone(d.Value), timestamp: r.Timestamp.UnixMilli(),
		kind: header(event.HeaderType), ce: header(event.HeaderTime), bad: errors.Join(d.badKey, d.badValue)}
	for _, other := range a.outputs.written[id] {
		if other.alias == alias {
			a.note(checkOutputsOnce, verify.Finding{Key: string(r.Key), Where: w.at.String(), Expected: "each ce_id once in " + r.Topic, Seen: fmt.Sprintf("%q is at %s, too", id, other.at)})
			return
		}
	}
	a.envelope(w, r, a.contentType(alias, r.Value, d.Value), header)
	a.outputs.written[id] = append(a.outputs.written[id], w)
}

// owns reports whether an output of the application in a topic may be this topology's. Its
// id then begins with the topology's name. Without that it is, too, if nobody else writes
// to the topic.
func (a *audit) owns(alias, id string) bool {
	return strings.HasPrefix(id, a.t.Name+"-") || len(a.siblings(alias)) == 0 && !slices.Contains(a.o.Shared, alias)
}

// siblings returns the names of other topologies that write to a topic.
func (a *audit) siblings(alias string) (names []string) {
	for i := range a.o.Scenario.Topologies {
		t := &a.o.Scenario.Topologies[i]
		if t.Name != a.t.Name && slices.ContainsFunc(t.Emit, func(e scenario.Emit) bool { return e.To == alias }) {
			names = append(names, t.Name)
		}
	}
	return names
}

// foreign reports whether an output may be another topology's after all, by an id that
// begins with both names.
func (a *audit) foreign(alias, id string) bool {
	return slices.ContainsFunc(a.siblings(alias), func(name string) bool { return strings.HasPrefix(id, name+"-") })
}

// envelope checks what surrounds an output, as far as it depends on nothing else.
func (a *audit) envelope(w *written, r *kgo.Record, contentType string, header func(string) string) {
	a.checks[checkEnvelope].Checked++
	wrong := func(expected, seen string) {
		a.note(checkEnvelope, verify.Finding{Key: string(r.Key), Where: w.at.String(), Expected: expected, Seen: seen})
	}
	for _, h := range [][2]string{{event.HeaderSpecVersion, "1.0"}, {event.HeaderContentType, contentType}} {
		if got := header(h[0]); got != h[1] {
			wrong(h[0]+" "+h[1], fmt.Sprintf("%.80q", got))
		}
	}
	if r.Key != nil && partition.Murmur2(r.Key, int(a.partitions(r.Topic))) != r.Partition {
		a.outputs.astray[w.alias] = append(a.outputs.astray[w.alias], w)
	}
}

// callOutput takes an output that is called for by a record of the log or of an input; due
// if it must be there.
func (a *audit) callOutput(o *Output, cause event.Place, due bool) {
	a.checks[checkOutputs].Checked++
	w := a.outputs.of(o)
	if w == nil {
		if due {
			a.outputs.missing = append(a.outputs.missing, missing{o, cause})
		} else {
			a.counts.OutputsInFlight++
		}
		return
	}
	w.called = true
	if differ := a.differs(o, w); differ != nil {
		differ.Key, differ.Where = o.Key, w.at.String()
		a.note(checkOutputs, *differ)
	}
	a.surround(o, w)
}

// of returns the record that an output is, nil if it isn't there.
func (s *outputs) of(o *Output) *written {
	for _, w := range s.written[o.ID] {
		if w.alias == o.To && !w.called {
			return w
		}
	}
	return nil
}

// differs returns a finding if an output is not what it should be, as far as the schemas of
// its topic can hold that.
func (a *audit) differs(o *Output, w *written) *verify.Finding {
	switch {
	case w.bad != nil:
		return &verify.Finding{Expected: o.shown(), Seen: w.bad.Error()}
	case o.Keyless != (w.key == nil) || o.Key != string(w.key) && heldKey(a.schema(o.To, true), o.Key) != heldKey(a.schema(o.To, true), string(w.key)):
		return &verify.Finding{Expected: fmt.Sprintf("key %q", o.Key), Seen: fmt.Sprintf("key %q", w.key)}
	case w.value == nil || !o.same(a.schema(o.To, false), w.value):
		f := &verify.Finding{Expected: o.shown(), Seen: string(w.value)}
		want, err1 := decode(held(a.schema(o.To, false), o.Value))
		got, err2 := decode(held(a.schema(o.To, false), w.value))
		if err1 == nil && err2 == nil && len(o.Clocked) == 0 {
			if where, expected, seen, differ := difference(want, got, ""); differ && where != "" {
				f.Expected, f.Seen = where+" "+expected, seen
			}
		}
		return f
	}
	return nil
}

// timeLayout is that of ce_time.
const timeLayout = "2006-01-02T15:04:05.000Z"

// surround checks the headers and the timestamp of an output that is called for.
func (a *audit) surround(o *Output, w *written) {
	wrong := func(expected, seen string) {
		a.note(checkEnvelope, verify.Finding{Key: o.Key, Where: w.at.String(), Expected: expected, Seen: seen})
	}
	if w.kind != o.Type {
		wrong(event.HeaderType+" "+o.Type, fmt.Sprintf("%.80q", w.kind))
	}
	if want := time.UnixMilli(o.Time).UTC().Format(timeLayout); w.ce != want {
		wrong(event.HeaderTime+" "+want, fmt.Sprintf("%.80q", w.ce))
	}
	if w.timestamp != o.Time && !a.records.AppendTime(w.at.Topic) {
		wrong(fmt.Sprintf("timestamp %d", o.Time), fmt.Sprint(w.timestamp))
	}
}

// checkPlaces judges the outputs that are in another partition than their key's. The topic
// may have had fewer when they were written: if some number explains all, they are right,
// and a single one is in doubt.
func (a *audit) checkPlaces() {
	for alias, all := range a.outputs.astray {
		n := int(a.partitions(a.topic(alias)))
		explained := false
		for fewer := n - 1; fewer > 0 && !explained; fewer-- {
			explained = !slices.ContainsFunc(all, func(w *written) bool { return partition.Murmur2(w.raw, fewer) != w.at.Partition })
		}
		switch {
		case explained && len(all) == 1:
			a.doubt(fmt.Sprintf("%s is where fewer partitions would put it", all[0].at), checkEnvelope)
		case !explained:
			for _, w := range all {
				a.note(checkEnvelope, verify.Finding{Key: string(w.key), Where: w.at.String(), Expected: fmt.Sprintf("partition %d", partition.Murmur2(w.raw, n)), Seen: fmt.Sprintf("partition %d", w.at.Partition)})
			}
		}
	}
}

// checkOutputs looks at what is missing, and at what nothing calls for.
func (a *audit) checkOutputs() {
	for _, m := range a.outputs.missing {
		a.note(checkOutputs, verify.Finding{Key: m.Key, Where: m.cause.String(), Expected: fmt.Sprintf("%s in %s: %s", m.ID, a.topic(m.To), m.shown()), Seen: "no such output"})
	}
	for id, all := range a.outputs.written {
		for _, w := range all {
			if !w.called && !a.foreign(w.alias, id) {
				a.note(checkOutputs, verify.Finding{Key: string(w.key), Where: w.at.String(), Expected: "no output that nothing calls for", Seen: fmt.Sprintf("%q: %s", id, w.value)})
			}
		}
	}
}
