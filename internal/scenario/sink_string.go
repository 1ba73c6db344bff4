package scenario

import "strings"

// String returns the text as a file has it.
func (t *SinkText) String() string {
	var b strings.Builder
	for i, p := range t.Parts {
		switch {
		case p.Variable != "":
			b.WriteString("${" + p.Variable + "}")
		case p.Meta == metaCount:
			b.WriteString("{" + p.Meta + "}")
		case p.Meta != "":
			b.WriteString("{$" + p.Meta + "}")
		case p.Path != nil:
			b.WriteString("{" + strings.Join(p.Path, ".") + "}")
		default:
			literal := strings.ReplaceAll(strings.ReplaceAll(p.Literal, "{", "{{"), "}", "}}")
			if i+1 < len(t.Parts) && strings.HasSuffix(literal, "$") {
				literal += "$" // else it would begin a variable
			}
			b.WriteString(literal)
		}
	}
	return b.String()
}

// Variables returns the names of the variables of the environment that the sink needs, each
// once, in the order in which they stand in the file's texts.
func (s *Sink) Variables() (names []string) {
	seen := map[string]bool{}
	for _, t := range s.Texts() {
		for _, p := range t.Parts {
			if p.Variable != "" && !seen[p.Variable] {
				seen[p.Variable] = true
				names = append(names, p.Variable)
			}
		}
	}
	return names
}
