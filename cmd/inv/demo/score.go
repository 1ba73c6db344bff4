package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Score is how well a kind of fraud was found, by the labels of the generated orders.
type Score struct {
	Fraud    string `json:"fraud"`
	Labelled int64  `json:"labelled"` // orders
	Alerts   int64  `json:"alerts"`
	Right    int64  `json:"right"` // alerts of labelled orders
}

// score takes a record of fraud-score, which replaces the one before of its kind.
func (t *Tally) score(value []byte) {
	var s Score
	if json.Unmarshal(value, &s) != nil {
		return
	}
	i, found := slices.BinarySearchFunc(t.Scores, s, func(a, b Score) int { return cmp.Compare(a.Fraud, b.Fraud) })
	if found {
		t.Scores[i] = s
		return
	}
	t.Scores = slices.Insert(t.Scores, i, s)
}

func percent(part, whole int64) string {
	if whole <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}
