// Package plan describes a processor's output for a loop that writes the same: how many
// records each order causes, and samples of them.
package plan

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Plan is made from the topics that a processor wrote.
type Plan struct {
	Products int     `json:"products"`
	Lines    float64 `json:"lines_per_order"`
	Reorders float64 `json:"reorders_per_update"`
	Alerts   float64 `json:"alerts_per_update"`

	// Samples of the records, so that sizes, keys and compression are right. Those of
	// the log are single lines.
	Log       []Record `json:"log"`
	Updates   []Record `json:"updates"`
	Reorder   []Record `json:"reorders"`
	Alert     []Record `json:"alerts"`
	Changelog []Record `json:"changelog"`
}

// Record is the content of a record.
type Record struct {
	Key     []byte             `json:"key"`
	Value   []byte             `json:"value"`
	Headers []kgo.RecordHeader `json:"headers,omitempty"`
}

// Write writes the plan to a file.
func (p *Plan) Write(file string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// Read reads a plan from a file.
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
		return nil, fmt.Errorf("%s is not a plan: it has no samples of the log, the updates or the changelog", file)
	}
	return p, nil
}
