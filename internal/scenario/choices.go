package scenario

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// choices reads what one_of chooses from.
func (d *Decoder) choices(n *yaml.Node) []Choice {
	switch n.Kind {
	case yaml.SequenceNode:
		out := items(d, n, "one_of", func(item *yaml.Node) Choice { return Choice{d.gen(item, "one_of"), 1} })
		if len(out) == 0 {
			d.Problem(n, "one_of has nothing to choose from")
		}
		return out
	case yaml.MappingNode:
		return d.weighted(n)
	}
	d.Problem(n, "one_of must be a list, or a mapping of texts to weights, not %s", d.kindOf(n))
	return nil
}

// weighted reads a mapping of texts to weights, which are all numbers or all percentages.
func (d *Decoder) weighted(n *yaml.Node) []Choice {
	before, percentages, total := len(d.Problems), 0, Number{}
	out := entries(d, n, "one_of", func(key, value *yaml.Node) Choice {
		w, percent := d.shareOrWeight(value, "the weight of "+key.Value)
		if percent {
			percentages++
		}
		total = total.plus(w)
		literal, _ := d.scalar(key, "a choice")
		return Choice{&Gen{Pos: positionOf(key), Spec: &Literal{literal}, Optional: 1}, w.Float()}
	})
	switch {
	case len(d.Problems) > before:
	case percentages > 0 && percentages < len(out):
		d.Problem(n, "one_of has percentages and other numbers; the weights are all one or the other")
	case percentages > 0 && total.Compare(Number{Units: 100}) != 0:
		d.Problem(n, "one_of: the percentages add up to %g%%, not 100%%", total.Float())
	case total.Units == 0:
		d.Problem(n, "one_of has nothing to choose from")
	}
	return out
}

// shareOrWeight reads a number, or a percentage as the number before the sign.
func (d *Decoder) shareOrWeight(n *yaml.Node, what string) (w Number, percent bool) {
	digits, percent := strings.CutSuffix(n.Value, "%")
	if w, ok := ParseNumber(strings.TrimSpace(digits)); percent && ok && n.Kind == yaml.ScalarNode {
		if w.Units < 0 {
			d.Problem(n, "%s is negative", what)
		}
		return w, true
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" {
		d.Problem(n, "%s must be a number such as 3, or a percentage, not %s", what, d.kindOf(n))
		return Number{}, false
	}
	if w = d.number(n, what); w.Units < 0 {
		d.Problem(n, "%s is negative", what)
	}
	return w, false
}

func noWeight(choices []Choice) bool {
	return !slices.ContainsFunc(choices, func(c Choice) bool { return c.Weight > 0 })
}

func (d *Decoder) weight(n *yaml.Node, what string) float64 {
	w := d.number(n, what)
	if w.Units < 0 {
		d.Problem(n, "%s is negative", what)
	}
	return w.Float()
}

// weights are those of the elements of a list.
type weights struct {
	at *yaml.Node
	of []float64
}

func (d *Decoder) weights(n *yaml.Node) *weights {
	return &weights{n, items(d, n, "weights", func(item *yaml.Node) float64 { return d.weight(item, "a weight") })}
}

// weigh gives the elements of a list their weights.
func (d *Decoder) weigh(s *OneOf, n *yaml.Node) {
	switch w := s.weights; {
	case w == nil:
	case n.Kind == yaml.MappingNode:
		d.Problem(w.at, "weights are those of a list; a mapping has its own")
	case len(w.of) != len(s.Choices):
		d.Problem(w.at, "there are %d weights for %d elements", len(w.of), len(s.Choices))
	default:
		for i := range s.Choices {
			s.Choices[i].Weight = w.of[i]
		}
		if noWeight(s.Choices) {
			d.Problem(w.at, "one_of has nothing to choose from")
		}
	}
}
