package declared

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"inv/internal/scenario"

	"github.com/itchyny/gojq"
)

// kept is a value of an aggregate.
type kept struct {
	time   int64
	number float64
	text   string // of distinct values
}

// keeper is the values of one aggregate of a key. It is a value: changes make a new one.
type keeper struct {
	all []kept // with a limit: the values within it, in the order in which they came
	// Without one: what has become of them.
	count, sum   float64
	least, most  float64
	distinctText map[string]bool
}

// value returns the value that an aggregate counts, and reports whether it counts it.
func counted(a *scenario.Aggregate, v any) (kept, bool, error) {
	if a.Kind == "count" {
		return kept{}, truthy(v), nil
	}
	if v == nil {
		return kept{}, false, nil
	}
	if a.Kind == "distinct" {
		text, err := gojq.Marshal(v)
		return kept{text: string(text)}, true, err
	}
	n, ok := v.(json.Number)
	if !ok {
		return kept{}, false, fmt.Errorf("%s of %s: it must be a number", a.Kind, gojq.TypeOf(v))
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return kept{}, false, fmt.Errorf("%s of a number that is too large", a.Kind)
	}
	return kept{number: f}, true, nil
}

// with returns the aggregate with one more value.
func (k keeper) with(a *scenario.Aggregate, v kept) keeper {
	if a.Within > 0 || a.Last > 0 {
		k.all = append(slices.Clone(k.all), v)
		if a.Last > 0 && len(k.all) > a.Last {
			k.all = k.all[len(k.all)-a.Last:]
		}
		return k
	}
	if k.count == 0 {
		k.least, k.most = v.number, v.number
	}
	k.count++
	k.sum += v.number
	k.least, k.most = min(k.least, v.number), max(k.most, v.number)
	if a.Kind == "distinct" && !k.distinctText[v.text] {
		texts := map[string]bool{v.text: true}
		for text := range k.distinctText {
			texts[text] = true
		}
		k.distinctText = texts
	}
	return k
}

// value returns the aggregate at a time.
func (k keeper) value(a *scenario.Aggregate, now int64) any {
	if a.Within > 0 || a.Last > 0 {
		var total keeper
		unlimited := scenario.Aggregate{Kind: a.Kind}
		for _, v := range k.all {
			if a.Within == 0 || v.time > now-a.Within.Milliseconds() {
				total = total.with(&unlimited, v)
			}
		}
		k = total
	}
	switch {
	case a.Kind == "count":
		return number(k.count)
	case a.Kind == "distinct":
		return number(float64(len(k.distinctText)))
	case a.Kind == "sum":
		return number(k.sum)
	case k.count == 0:
		return nil
	case a.Kind == "mean":
		return number(k.sum / k.count)
	case a.Kind == "min":
		return number(k.least)
	}
	return number(k.most)
}

// number returns a float64 as it is written in JSON; there is no negative zero.
func number(f float64) any {
	if f == 0 {
		f = 0
	}
	v, err := plain(f)
	if err != nil {
		return nil
	}
	return v
}
