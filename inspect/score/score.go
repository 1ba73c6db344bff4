// Package score compares what a detection found with labels of its inputs: precision and
// recall. Inputs that are to be found have a header with a label, such as the generator
// writes; outputs name what they found by an id that the input has, too.
package score

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options say where labels and ids are.
type Options struct {
	Label string // header of inputs; its value is the kind of what is to be found
	ID    string // path of the id in inputs and outputs, with dots
	// Kind is the path, in outputs, of the kinds that they claim: a text or a list of
	// texts. An output without it claims none.
	Kind string
}

// Tally collects inputs and outputs, in any order. It keeps the ids of those that have a
// label, and of what was found.
type Tally struct {
	Options
	inputs, outputs, nameless int64
	labels                    map[string]string   // by id
	found                     map[string][]string // claimed kinds by id
}

// New returns an empty Tally.
func New(o Options) *Tally {
	return &Tally{Options: o, labels: map[string]string{}, found: map[string][]string{}}
}

// Input adds an input. One without a label is only counted, as is a tombstone.
func (t *Tally) Input(headers []kgo.RecordHeader, value []byte) {
	if value == nil {
		return
	}
	t.inputs++
	label := ""
	for _, h := range headers { // the last counts
		if h.Key == t.Label {
			label = string(h.Value)
		}
	}
	if label == "" {
		return
	}
	if id := text(at(value, t.ID)); id == "" {
		t.nameless++
	} else if t.labels[id] == "" {
		t.labels[id] = label
	}
}

// Output adds an output.
func (t *Tally) Output(value []byte) {
	if value == nil {
		return
	}
	t.outputs++
	id := text(at(value, t.ID))
	if id == "" {
		t.nameless++
		return
	}
	kinds := t.found[id]
	for _, kind := range texts(at(value, t.Kind)) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	t.found[id] = kinds
}

// Result is how much of what is labelled was found, and how much of what was found is
// labelled. Ids count once.
type Result struct {
	Inputs   int64 `json:"inputs"`
	Outputs  int64 `json:"outputs"`
	Nameless int64 `json:"without_id"` // outputs and labelled inputs
	Labelled int64 `json:"labelled"`
	Found    int64 `json:"found"`

	True   int64 `json:"true_positives"`  // found and labelled
	False  int64 `json:"false_positives"` // found and not labelled
	Missed int64 `json:"false_negatives"` // labelled and not found
	// Precision and Recall are between 0 and 1, nil if there is nothing to divide by.
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	Labels    []Label  `json:"labels"` // by name
}

// Label is the result of one label.
type Label struct {
	Name     string   `json:"label"`
	Labelled int64    `json:"labelled"`
	Found    int64    `json:"found"` // of those, whatever the outputs claim
	Recall   *float64 `json:"recall"`
	// Claimed is how many ids outputs claim to be of this kind, and Right how many of
	// these have the label.
	Claimed   int64    `json:"claimed"`
	Right     int64    `json:"right"`
	Precision *float64 `json:"precision"`
}

// Result returns the result of what was added.
func (t *Tally) Result() Result {
	r := Result{Inputs: t.inputs, Outputs: t.outputs, Nameless: t.nameless, Labelled: int64(len(t.labels)), Found: int64(len(t.found))}
	labels := map[string]*Label{}
	of := func(name string) *Label {
		if labels[name] == nil {
			labels[name] = &Label{Name: name}
		}
		return labels[name]
	}
	for id, label := range t.labels {
		l := of(label)
		l.Labelled++
		if _, found := t.found[id]; found {
			r.True++
			l.Found++
		}
	}
	for id, kinds := range t.found {
		for _, kind := range kinds {
			l := of(kind)
			l.Claimed++
			if t.labels[id] == kind {
				l.Right++
			}
		}
	}
	r.False, r.Missed = r.Found-r.True, r.Labelled-r.True
	r.Precision, r.Recall = share(r.True, r.Found), share(r.True, r.Labelled)
	r.Labels = []Label{}
	for _, l := range labels {
		l.Recall, l.Precision = share(l.Found, l.Labelled), share(l.Right, l.Claimed)
		r.Labels = append(r.Labels, *l)
	}
	slices.SortFunc(r.Labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

func share(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	return new(float64(part) / float64(whole))
}

// at returns the JSON at a path, nil if it isn't there.
func at(value []byte, path string) json.RawMessage {
	for name := range strings.SplitSeq(path, ".") {
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return nil
		}
		value = object[name]
	}
	return value
}

// text returns a JSON string's contents, a number as it is written, and "" for the rest.
func text(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	var s string
	switch {
	case len(value) == 0:
	case value[0] == '"' && json.Unmarshal(value, &s) == nil:
		return s
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return string(value)
	}
	return ""
}

// texts returns those of a text or a list of texts.
func texts(value json.RawMessage) (all []string) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	for _, v := range list {
		if s := text(v); s != "" {
			all = append(all, s)
		}
	}
	return all
}
