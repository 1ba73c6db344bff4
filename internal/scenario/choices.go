package scenario

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// choices reads what one_of chooses from.
func (d *Decoder) choices(n *yaml.Node) []Choice {
	var out []Choice
	if n.Kind == yaml.SequenceNode {
		out = items(d, n, "one_of", func(item *yaml.Node) Choice { return Choice{d.gen(item, "one_of"), 1} })
	} else {
		out = entries(d, n, "one_of", func(key, value *yaml.Node) Choice {
			w := d.weight(value, "the weight of "+key.Value)
			literal, _ := d.scalar(key, "a choice")
			return Choice{&Gen{Pos: positionOf(key), Spec: &Literal{literal}, Optional: 1}, w}
		})
	}
	if noWeight(out) && (n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) {
		d.Problem(n, "one_of has nothing to choose from")
	}
	return out
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
