package declared

import (
	"encoding/json"
	"fmt"
	"slices"

	"inv/internal/scenario"
)

// layout is what a state's encoding has, in its order. The changelog keeps the layout of
// each version, so that states of an earlier one can be read without its file.
type layout struct {
	Version int          `json:"version"`
	Fields  []string     `json:"set,omitempty"`
	Keeps   []keepLayout `json:"keep,omitempty"`
	Timers  []string     `json:"timers,omitempty"`
	// Once are the emits with `once`, by their place in the file.
	Once []int `json:"once,omitempty"`

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
	l := &layout{Version: max(t.Version, 1), Fields: slices.Clone(names[len(t.Keep):])}
	for _, a := range t.Keep {
		l.Keeps = append(l.Keeps, keepLayout{a.Field, a.Kind, a.Within.Milliseconds(), a.Last})
	}
	for _, timer := range t.Timers {
		l.Timers = append(l.Timers, timer.Name)
	}
	for i, e := range t.Emit {
		if e.Once > 0 {
			l.Once = append(l.Once, i)
		}
	}
	l.prepare()
	return l
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
	if !l.prepare() || l.Version < 1 {
		return nil, fmt.Errorf("a layout of states that this program does not know: %.200q", text)
	}
	return l, nil
}

// same reports whether states of two layouts of one version are encoded alike.
func (l *layout) same(other *layout) bool {
	return l.Version == other.Version && slices.Equal(l.Fields, other.Fields) && slices.Equal(l.Keeps, other.Keeps) &&
		slices.Equal(l.Timers, other.Timers) && slices.Equal(l.Once, other.Once)
}
