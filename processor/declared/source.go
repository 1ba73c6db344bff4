package declared

import (
	"bytes"
	"encoding/json"

	"inv/internal/jq"
	"inv/internal/jsonscan"
)

// view is $s and $was of the step in progress, for expressions: it implements [jq.Source]
// by looking up what they ask for.
type view struct {
	layout *layout
	now    *state
	was    *state
	time   int64 // of the step, epoch ms

	text [2][]byte // of $s and $was as a whole
}

// Variables of a view, by their numbers in all scopes: see looked.
const (
	stateNow = 1
	stateWas = 2
)

func (v *view) state(i int) *state {
	if i == stateWas {
		return v.was
	}
	return v.now
}

// Member implements [jq.Source].
func (v *view) Member(i int, key string) jq.Value {
	s := v.state(i)
	for f, name := range v.layout.Fields {
		if name == key {
			return jq.JSON(s.set[f])
		}
	}
	for k := range v.layout.Keeps {
		if v.layout.Keeps[k].Field == key {
			return s.aggregate(k, v.time)
		}
	}
	return jq.Value{}
}

// Variable implements [jq.Source].
func (v *view) Variable(i int) jq.Value {
	text := &v.text[i-stateNow]
	*text = v.state(i).appendObject((*text)[:0], v.time)
	return jq.JSON(*text)
}

// Native implements [jq.Source].
func (v *view) Native(i int) any {
	var out any
	d := json.NewDecoder(bytes.NewReader(v.state(i).appendObject(nil, v.time)))
	d.UseNumber()
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// aggregate returns the value of a keep at a time.
func (s *state) aggregate(i int, t int64) jq.Value {
	a := &s.layout.aggregates[i]
	return s.keeps[i].value(a, s.cut(a, t))
}

// cut returns the time up to which an aggregate leaves out values.
func (s *state) cut(a *aggregate, t int64) int64 {
	if s.exists {
		t = max(t, s.newest)
	}
	return t - a.within
}

// appendObject appends the state as a JSON object: what it keeps, then what is set.
func (s *state) appendObject(dst []byte, t int64) []byte {
	dst = append(dst, '{')
	name := func(text string) {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, []byte(text)), ':')
	}
	for i := range s.keeps {
		name(s.layout.Keeps[i].Field)
		dst = s.aggregate(i, t).AppendJSON(dst)
	}
	for i, text := range s.set {
		if text != nil {
			name(s.layout.Fields[i])
			dst = append(dst, text...)
		}
	}
	return append(dst, '}')
}
