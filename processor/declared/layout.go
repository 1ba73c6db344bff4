package declared

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"inv/internal/scenario"
)

// layout is what a state's encoding has, in its order. The changelog keeps each layout that
// it has states of, so that they can be read without the file that they were made by.
type layout struct {
	ID      int          `json:"id"`      // in the changelog's partition, from 1
	Version int          `json:"version"` // of the topology
	Fields  []string     `json:"set,omitempty"`
	Keeps   []keepLayout `json:"keep,omitempty"`
	Timers  []string     `json:"timers,omitempty"`
	// Once are the emits with `once`. Emits may change while their state goes on, so they
	// are not known by their place in the file: see onceNames.
	Once []string `json:"once,omitempty"`

	aggregates []aggregate
}

type keepLayout struct {
	Field  string `json:"field"`
	Kind   string `json:"kind"`
	Within int64  `json:"within,omitempty"` // ms
	Last   int    `json:"last,omitempty"`
}

// newLayout returns the layout of a topology's states. names are the fields, those of
// keep first.
func newLayout(t *scenario.Topology, names []string) *layout {
	l := &layout{ID: 1, Version: max(t.Version, 1), Fields: slices.Clone(names[len(t.Keep):]), Once: onceNames(t)}
	for _, a := range t.Keep {
		l.Keeps = append(l.Keeps, keepLayout{a.Field, a.Kind, a.Within.Milliseconds(), a.Last})
	}
	for _, timer := range t.Timers {
		l.Timers = append(l.Timers, timer.Name)
	}
	l.prepare()
	return l
}

// onceNames returns names of the emits with `once`: the topic, when they are evaluated, and
// a number if there are several of these.
func onceNames(t *scenario.Topology) (names []string) {
	count := map[string]int{}
	for _, e := range t.Emit {
		if e.Once == 0 {
			continue
		}
		name := e.To + "/" + e.When
		if count[name]++; count[name] > 1 {
			name += "/" + strconv.Itoa(count[name])
		}
		names = append(names, name)
	}
	return names
}

func (l *layout) prepare() bool {
	for _, k := range l.Keeps {
		kind, ok := aggregateKinds[k.Kind]
		if !ok || k.Within < 0 || k.Last < 0 {
			return false
		}
		l.aggregates = append(l.aggregates, aggregate{kind, k.Within, int64(k.Last)})
	}
	return true
}

func (l *layout) encode() []byte {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings and numbers
	}
	return text
}

func parseLayout(text []byte) (*layout, error) {
	l := &layout{}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, fmt.Errorf("a layout of states: %w", err)
	}
	if !l.prepare() || l.Version < 1 || l.ID < 1 {
		return nil, fmt.Errorf("a layout of states that this program does not know: %.200q", text)
	}
	return l, nil
}

// same reports whether states of two layouts have the same fields, keeps and timers.
func (l *layout) same(other *layout) bool {
	return slices.Equal(l.Fields, other.Fields) && slices.Equal(l.Keeps, other.Keeps) && slices.Equal(l.Timers, other.Timers)
}

// settle gives the layout of a topology its place among those of the changelog.
func (l *layout) settle(known layouts) error {
	highest := 0
	for id, other := range known {
		highest = max(highest, id)
		switch {
		case other.Version != l.Version:
		case !l.same(other):
			return errOtherState
		case slices.Equal(l.Once, other.Once):
			l.ID = id
			known[id] = l
			return nil
		}
	}
	l.ID = highest + 1
	known[l.ID] = l
	return nil
}

var errOtherState = errors.New("the topology keeps other state than the one of the same version that made the changelog")
