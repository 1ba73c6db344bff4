package producer

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
)

// encodable reports whether a record can be written in the producer's format, with a
// problem for each field that can't.
func (c *compiler) encodable(spec *scenario.Producer, root *node) bool {
	before := len(c.problems.Problems)
	switch spec.Format.Name {
	case "csv":
		for _, f := range root.fields {
			if f.node.text == nil {
				c.problem(f.pos, "%q is %s, and a CSV record has only plain values; use json or xml, or hide it with `hidden: true`", f.name, kindNames[f.node.kind])
			}
		}
		if len(root.fields) == 0 {
			c.problem(spec.Pos, "producer %q: a CSV record needs a field that is not hidden", spec.Name)
		}
	case "xml":
		c.elements(root, map[scenario.Position]bool{})
	}
	return len(c.problems.Problems) == before
}

// elements checks the names of the XML elements in a value. A copied object has the
// same fields in several places.
func (c *compiler) elements(n *node, seen map[scenario.Position]bool) {
	for _, f := range n.fields {
		attribute, marked := strings.CutPrefix(f.name, attributeMark)
		switch {
		case seen[f.pos]:
		case f.node.text == nil && (marked || f.name == textName):
			c.problem(f.pos, "%q is %s; in XML, an attribute and the text of an element are plain values", f.name, kindNames[f.node.kind])
		case marked && attribute != "xmlns" && !scenario.XMLName(attribute):
			c.problem(f.pos, "%q can't be the name of an XML attribute: after the %s it begins with a letter or _, and goes on with these, digits, - and .", f.name, attributeMark)
		case !marked && f.name != textName && !scenario.XMLName(f.name):
			c.problem(f.pos, "%q can't be the name of an XML element: it begins with a letter or _, and goes on with these, digits, - and .", f.name)
		}
		seen[f.pos] = true
		c.elements(f.node, seen)
	}
	for _, of := range slices.Concat(n.items, n.choices) {
		c.elements(of, seen)
	}
	if n.elem != nil {
		c.elements(n.elem, seen)
	}
}

// PartitionError is a record whose `partition:` its topic does not have.
type PartitionError struct {
	Producer   string
	Number     int64 // the record's, from 0
	Partition  int64
	Topic      string
	Partitions int // the topic's
}

func (e *PartitionError) Error() string {
	return fmt.Sprintf("record %d of %q: its partition is %d, but topic %s has the partitions 0 to %d", e.Number+1, e.Producer, e.Partition, e.Topic, e.Partitions-1)
}
