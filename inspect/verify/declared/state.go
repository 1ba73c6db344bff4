package declared

import (
	"maps"
	"slices"
)

// state is the state of a key, or of a window of a key.
type state struct {
	key        string
	start, end int64 // of the window
	since      int64 // the time of the first step
	count      int64 // steps: $n
	last       int64 // the time of the last step
	newest     int64 // the greatest time of a step
	fields     map[string]any
	keeps      []keeper         // by aggregate
	emitted    map[int]int64    // when an emit with once was emitted last
	running    map[string]int64 // the timers that run, with the time at which they fall due
	fired      map[string]bool  // the timers that have fired since their condition began to hold
}

func (t *Topology) newState(key string) *state {
	return &state{key: key, fields: map[string]any{}, keeps: make([]keeper, len(t.Keep)), emitted: map[int]int64{},
		running: map[string]int64{}, fired: map[string]bool{}}
}

// clone returns a copy to which a step can be done.
func (s *state) clone() *state {
	c := *s
	c.fields, c.emitted, c.running, c.fired = maps.Clone(s.fields), maps.Clone(s.emitted), maps.Clone(s.running), maps.Clone(s.fired)
	c.keeps = slices.Clone(s.keeps)
	return &c
}

// object returns $s at a time: the aggregates and the fields that are set.
func (t *Topology) object(s *state, now int64) map[string]any {
	o := map[string]any{}
	now = max(now, s.newest)
	for i := range t.Keep {
		o[t.Keep[i].Field] = s.keeps[i].value(&t.Keep[i], now)
	}
	maps.Copy(o, s.fields)
	return o
}
