// Package plan says what record operations a do-nothing loop has to make so that
// they are those of a processor: how many records come of an order, and what
// they look like.
package plan

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Plan is learnt from the topics that a processor wrote.
type Plan struct {
	Products int     `json:"products"`
	Lines    float64 `json:"lines_per_order"`
	Reorders float64 `json:"reorders_per_update"`
	Alerts   float64 `json:"alerts_per_update"`

	// Samples of what was written, so that sizes, keys and what a codec makes of
	// them are right. Those of the log are single lines.
	Log       []Record `json:"log"`
	Updates   []Record `json:"updates"`
	Reorder   []Record `json:"reorders"`
	Alert     []Record `json:"alerts"`
	Changelog []Record `json:"changelog"`
}

// Record is a record's content.
type Record struct {
	Key     []byte             `json:"key"`
	Value   []byte             `json:"value"`
	Headers []kgo.RecordHeader `json:"headers,omitempty"`
}

// Write puts a plan into a file.
func (p *Plan) Write(file string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// Read reads what Write wrote.
func Read(file string) (*Plan, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(p.Log) == 0 || len(p.Updates) == 0 || len(p.Changelog) == 0 || p.Products < 1 {
		return nil, fmt.Errorf("%s is no plan: it lacks samples of the log, the updates or the changelog", file)
	}
	return p, nil
}
