package declared

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"unicode/utf8"

	"inv/internal/convert"
	"inv/internal/event"
	"inv/internal/scenario"

	"github.com/itchyny/gojq"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Rows are the rows that records are joined with.
type Rows interface {
	// Row returns the row of a key for the element with this index, and reports whether
	// there is one.
	Row(element int, j *scenario.Join, key string) (row any, ok bool)
}

// element is a record, or an element of it, on its way into the log.
type element struct {
	value any
	index any // of the element; nil without each
	rows  map[string]any
	env   env
}

// Route returns the lines of an input's record. The error is a *Refusal.
func (t *Topology) Route(alias string, r *kgo.Record, rows Rows) (lines []*Line, err error) {
	err = t.decide(alias, r, rows, func(in *scenario.Input, x *element, ms int64) error {
		key, err := t.key(in.Key, x.value, x.env)
		if err != nil {
			return err
		}
		l := &Line{Key: key, Time: ms, In: alias, Source: placeOf(r), Timestamp: r.Timestamp.UnixMilli(), Index: x.index, Rows: x.rows, Value: x.value}
		if t.headed {
			l.Headers = x.env["$headers"]
		}
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// Map returns the outputs of a record in a topology without keys. The error is a
// *Refusal.
func (t *Topology) Map(alias string, r *kgo.Record, rows Rows) (out []Output, err error) {
	err = t.decide(alias, r, rows, func(in *scenario.Input, x *element, ms int64) error {
		id := fmt.Sprintf("%s-%s-%d-%d", t.Name, r.Topic, r.Partition, r.Offset)
		if in.Each != nil {
			id += fmt.Sprintf("-%v", x.index)
		}
		x.env["$clock"] = clock
		for i := range t.Emit {
			if cond := t.Emit[i].If; cond != nil {
				if holds, err := t.holds(cond, x.value, x.env); err != nil {
					return err
				} else if !holds {
					continue
				}
			}
			more, err := t.outputs(i, x.value, x.env, string(r.Key), fmt.Sprintf("%s-%d", id, i), ms)
			if err != nil {
				return err
			}
			for n := range more {
				more[n].Keyless = r.Key == nil && t.Emit[i].Key == nil
			}
			out = append(out, more...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if refusal := t.misfit(out); refusal != nil {
		return nil, refusal
	}
	return out, nil
}

// decide calls use with each element of a record that goes on: its where holds, and its
// rows are there if they must be.
func (t *Topology) decide(alias string, r *kgo.Record, rows Rows, use func(in *scenario.Input, x *element, ms int64) error) error {
	in := t.input(alias)
	if in == nil || r.Value == nil {
		return nil
	}
	record, err := t.read(in, r.Value)
	if err != nil {
		return err
	}
	e := env{"$in": alias, "$topic": r.Topic, "$partition": int(r.Partition), "$offset": int(r.Offset), "$key": text(r.Key), "$headers": headers(r)}
	where := func() (bool, error) {
		if in.Where == nil {
			return true, nil
		}
		return t.holds(in.Where, record, e)
	}
	// Where is decided first, unless it refers to the time.
	early := in.Where != nil && t.refers(in.Where.Source, "$t")
	goes := true
	if !early {
		goes, err = where()
	}
	if err != nil || !goes {
		return err
	}
	ms, err := t.time(in, r, record, e)
	if err != nil {
		return err
	}
	if e["$t"] = int(ms); early {
		if goes, err = where(); err != nil || !goes {
			return err
		}
	}
	values := []any{record}
	if in.Each != nil {
		if values, err = t.eval(in.Each, record, e); err != nil {
			return err
		}
	}
	for i, v := range values {
		x := &element{value: v, env: maps.Clone(e)}
		if in.Each != nil {
			x.index = json.Number(strconv.Itoa(i))
			x.env["$i"] = x.index
		}
		goes, err := t.join(in, i, x, rows)
		if err == nil && goes {
			err = use(in, x, ms)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// join adds an element's rows, and reports whether it goes on.
func (t *Topology) join(in *scenario.Input, i int, x *element, rows Rows) (bool, error) {
	for n := range in.Join {
		j := &in.Join[n]
		var row any
		found := false
		v, _, err := t.one(&j.Key, x.value, x.env)
		if err != nil {
			return false, err
		}
		if v != nil {
			key, ok := keyText(v)
			if !ok {
				return false, t.failed(&j.Key, fmt.Errorf("%s can't be a key", gojq.TypeOf(v)))
			}
			row, found = rows.Row(i, j, key)
		}
		switch {
		case found || j.Missing == scenario.MissingNull:
		case j.Missing == scenario.MissingDrop:
			return false, nil
		default:
			return false, &Refusal{Reason: reasonMissingRow, Detail: fmt.Sprintf("table %s has no row %s", j.Table, canonical(v))}
		}
		if x.rows == nil {
			x.rows = map[string]any{}
		}
		x.rows[j.Name], x.env["$"+j.Name] = row, row
	}
	return true, nil
}

// read returns a value as JSON.
func (t *Topology) read(in *scenario.Input, value []byte) (any, error) {
	reason := event.NotJSON
	switch in.Format {
	case "xml":
		reason = reasonNotXML
		x, err := convert.NewXML(in.Lists)
		if err == nil {
			value, err = x.AppendJSON(nil, value)
		}
		if err != nil {
			return nil, &Refusal{Reason: reason, Detail: err.Error()}
		}
	case "csv":
		reason = reasonNotCSV
		x, err := convert.NewCSV(in.Columns)
		if err == nil {
			value, err = x.AppendJSON(nil, value)
		}
		if err != nil {
			return nil, &Refusal{Reason: reason, Detail: err.Error()}
		}
	}
	v, err := decode(value)
	if err != nil {
		return nil, &Refusal{Reason: reason, Detail: err.Error()}
	}
	return v, nil
}

// time returns the event time of a record, epoch ms, if it is not too far ahead.
func (t *Topology) time(in *scenario.Input, r *kgo.Record, record any, e env) (int64, error) {
	ms, err := t.told(in, r, record, e)
	if err != nil || t.Ahead == nil {
		return ms, err
	}
	if own := r.Timestamp.UnixMilli(); own >= 0 && ms > own+t.Ahead.Milliseconds() {
		return 0, &Refusal{Reason: reasonFuture, Detail: fmt.Sprintf("%d is too far ahead of %d", ms, own)}
	}
	return ms, nil
}

// told returns the event time by the topology, by the topic's view, or the record's own.
func (t *Topology) told(in *scenario.Input, r *kgo.Record, record any, e env) (int64, error) {
	if t.Time != nil {
		v, _, err := t.one(t.Time, record, e)
		if err != nil {
			return 0, err
		}
		if ms, ok := milliseconds(v); ok {
			return ms, nil
		} else if v != nil {
			return 0, t.failed(t.Time, fmt.Errorf("%s is no time", canonical(v)))
		}
	}
	topic, _ := t.scenario.Topic(in.Alias)
	if topic.View != nil && topic.View.Time != "" && !topic.View.Lines {
		v := record
		for _, part := range scenario.SplitPath(topic.View.Time) {
			o, _ := v.(map[string]any)
			v = o[part.Name]
		}
		if ms, ok := milliseconds(v); ok {
			return ms, nil
		}
	}
	return event.ClampTime(r.Timestamp.UnixMilli()), nil
}

// milliseconds returns a number as a time, rounded down. It reports false for what is
// none, or after the year 9999.
func milliseconds(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	ms, err := n.Int64()
	if err != nil {
		f, err := n.Float64()
		if err != nil || f < 0 || f > float64(event.MaxTime)+1 {
			return 0, false
		}
		ms = int64(math.Floor(f))
	}
	return ms, ms >= 0 && ms <= event.MaxTime
}

// input returns the input of an alias, nil if there is none.
func (t *Topology) input(alias string) *scenario.Input {
	for i := range t.From {
		if t.From[i].Alias == alias {
			return &t.From[i]
		}
	}
	return nil
}

func placeOf(r *kgo.Record) event.Place {
	return event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// text returns bytes as jq has them.
func text(b []byte) any {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	v, _ := plain(string(b))
	return v
}

// headers returns the last value of each header.
func headers(r *kgo.Record) any {
	all := map[string]any{}
	for _, h := range r.Headers {
		name, _ := text([]byte(h.Key)).(string)
		all[name] = text(h.Value)
	}
	return all
}

// Object returns a line as it is in the log.
func (l *Line) Object() map[string]any {
	o := map[string]any{"k": l.Key, "t": int(l.Time), "in": l.In, "src": l.Source.String(), "ts": int(l.Timestamp), "v": l.Value}
	if l.Index != nil {
		o["i"] = l.Index
	}
	if l.Rows != nil {
		o["j"] = l.Rows
	}
	if l.Headers != nil {
		o["h"] = l.Headers
	}
	return o
}

// canonical returns a value's JSON with sorted fields.
func canonical(v any) string {
	text, err := gojq.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
