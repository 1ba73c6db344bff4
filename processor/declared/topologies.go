package declared

import (
	"inv/internal/scenario"
)

// joined returns the aliases of the tables that a topology joins with, each once.
func joined(t *scenario.Topology) (aliases []string) {
	seen := map[string]bool{}
	for i := range t.From {
		for _, j := range t.From[i].Join {
			if !seen[j.Table] {
				seen[j.Table] = true
				aliases = append(aliases, j.Table)
			}
		}
	}
	return aliases
}
