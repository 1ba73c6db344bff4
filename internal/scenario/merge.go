package scenario

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxMerged bounds the mappings that the merge keys of a file name, counting aliases
// each time.
const maxMerged = 10_000

// merged returns a mapping with the keys of those that its merge key `<<` names in the
// place of that key, except for keys that it has itself. Of several mappings in a list,
// the first one with a key decides, as in YAML.
func (d *Decoder) merged(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode || !slices.ContainsFunc(n.Content, isMerge) {
		return n
	}
	out := *n
	out.Content = nil
	taken := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; !isMerge(key) {
			taken[key.Value] = true
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !isMerge(key) {
			out.Content = append(out.Content, key, value)
			continue
		}
		for _, from := range d.mergedFrom(value) {
			for k := 0; k+1 < len(from.Content); k += 2 {
				if name := from.Content[k].Value; !taken[name] {
					taken[name] = true
					out.Content = append(out.Content, from.Content[k], from.Content[k+1])
				}
			}
		}
	}
	return &out
}

// isMerge reports whether a node is the merge key. In quotes it is a name.
func isMerge(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!merge" }

// mergedFrom returns the mappings that a merge key names.
func (d *Decoder) mergedFrom(value *yaml.Node) (from []*yaml.Node) {
	list := []*yaml.Node{value}
	if of := aliased(value); of.Kind == yaml.SequenceNode {
		list = of.Content
	}
	for _, item := range list {
		of := aliased(item)
		if of.Kind != yaml.MappingNode {
			d.Problem(item, "<< takes a mapping, such as *base, or a list of them, not %s; in quotes, \"<<\" is a name", d.kindOf(of))
			return nil
		}
		if d.merges++; d.merges > maxMerged {
			if d.merges == maxMerged+1 {
				d.Problem(item, "<< merges more than %d mappings, counting aliases each time; does one contain itself?", maxMerged)
			}
			return nil
		}
		from = append(from, d.merged(of))
	}
	return from
}

// aliased returns what an alias stands for, and any other node itself.
func aliased(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// extension begins the names of top-level keys that a scenario may have for itself,
// such as mappings for anchors.
const extension = "x-"

// withoutExtensions returns the scenario's mapping without such keys.
func withoutExtensions(root *yaml.Node) *yaml.Node {
	if root.Kind != yaml.MappingNode {
		return root
	}
	out := *root
	out.Content = nil
	for i := 0; i+1 < len(root.Content); i += 2 {
		if !strings.HasPrefix(root.Content[i].Value, extension) {
			out.Content = append(out.Content, root.Content[i], root.Content[i+1])
		}
	}
	return &out
}
