package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// topologies are the seven of the specification of declared topologies.
//
//go:embed topologies.yaml
var topologies []byte

// sample is an expression of a topology, with the kind of record that it is evaluated on.
type sample struct {
	place  string // such as emit[0].fields.price
	source string
	of     string
}

// topology is what of a declared topology is expressions.
type topology struct {
	name    string
	lets    [][2]string
	samples []sample
}

// load reads the topologies.
func load(text []byte) ([]*topology, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	var out []*topology
	err := pairs(child(root.Content[0], "topologies"), func(name string, n *yaml.Node) error {
		t := &topology{name: name}
		out = append(out, t)
		return t.read(n)
	})
	return out, err
}

// records are the kinds of records that the emits of a topology see; others see those
// of its only input.
var records = map[string]string{"pricing": "updates", "delays": "updates"}

func (t *topology) read(n *yaml.Node) error {
	of := records[t.name]
	err := pairs(child(n, "from"), func(alias string, from *yaml.Node) error {
		if of == "" {
			of = alias
		}
		record := alias
		if each := child(from, "each"); each != nil {
			t.add(alias+".each", each, alias)
			record = "lines"
		}
		for _, key := range []string{"where", "key", "set"} {
			t.add(alias+"."+key, child(from, key), record)
		}
		return pairs(child(from, "join"), func(table string, join *yaml.Node) error {
			t.add(alias+".join."+table, child(join, "key"), record)
			return nil
		})
	})
	if err != nil {
		return err
	}
	t.add("keep", valuesOf(child(n, "keep"), "count", "mean"), of)
	t.add("timers", valuesOf(child(n, "timers"), "while"), of)
	t.add("until", child(n, "until"), of)
	if err := pairs(child(n, "let"), func(name string, let *yaml.Node) error {
		t.lets = append(t.lets, [2]string{name, let.Value})
		return nil
	}); err != nil {
		return err
	}
	emits := child(n, "emit")
	if emits == nil {
		return fmt.Errorf("topology %s emits nothing", t.name)
	}
	for i, emit := range emits.Content {
		place, record := fmt.Sprintf("emit[%d].", i), of
		t.add(place+"if", child(emit, "if"), of)
		if each := child(emit, "each"); each != nil {
			t.add(place+"each", each, of)
			record = "delays"
		}
		for _, key := range []string{"key", "fields", "set"} {
			t.add(place+key, child(emit, key), record)
		}
	}
	return nil
}

// add adds the expressions at the leaves of n.
func (t *topology) add(place string, n *yaml.Node, of string) {
	if n == nil {
		return
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			t.add(place+"."+n.Content[i].Value, n.Content[i+1], of)
		}
		return
	}
	t.samples = append(t.samples, sample{place, strings.TrimSpace(n.Value), of})
}

// valuesOf returns the mapping of the values of some keys in each value of n.
func valuesOf(n *yaml.Node, keys ...string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	if n == nil {
		return out
	}
	for i := 1; i < len(n.Content); i += 2 {
		for _, key := range keys {
			if v := child(n.Content[i], key); v != nil {
				out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.Itoa(i / 2)}, v)
			}
		}
	}
	return out
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func pairs(n *yaml.Node, f func(key string, value *yaml.Node) error) error {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := f(n.Content[i].Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}
