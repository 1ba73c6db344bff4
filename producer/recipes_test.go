package producer

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// recipe is a scenario in docs/recipes.md and the block after it with its records.
var recipe = regexp.MustCompile("(?s)```yaml\n(scenario: .*?)```\n(.*?)```([a-z]+)( envelope)?\n(.*?)```\n")

// TestRecipes holds the records in docs/recipes.md to the scenarios above them: the
// first three of each producer, with seed 7. They are the same with any number of
// workers and however they are compiled, and rendering one allocates nothing.
func TestRecipes(t *testing.T) {
	const file = "../docs/recipes.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	out := recipe.ReplaceAllStringFunc(string(page), func(text string) string {
		m := recipe.FindStringSubmatch(text)
		source, want := m[1], m[5]
		name, _, _ := strings.Cut(strings.TrimPrefix(source, "scenario: "), "\n")
		tested++
		t.Run(name, func(t *testing.T) {
			sc := parsed(t, name+".yaml", source)
			var names []string
			for i := range sc.Producers {
				if p := &sc.Producers[i]; !newCompiler(sc, CompileOptions{}).lineage.caused[p] {
					names = append(names, p.Name)
				}
			}
			envelope := m[4] != ""
			o := Options{Count: 3, NoEvents: true}
			got := madeAs(t, withoutFaults(t, sc, names...), o, envelope)
			o.Workers = 3
			if other := madeAs(t, compiled(t, sc, names...), o, envelope); other != got {
				t.Errorf("with three workers and compiled for faults:\n%s", firstDifference(got, other))
			}
			for _, p := range names {
				noAllocations(t, p, withoutFaults(t, sc, p))
			}
			if !*update && got != want {
				t.Errorf("%s shows other records:\n%s", file, firstDifference(want, got))
			}
			text = "```yaml\n" + source + "```\n" + m[2] + "```" + m[3] + m[4] + "\n" + got + "```\n"
		})
		return text
	})
	if blocks := strings.Count(string(page), "```yaml\nscenario: "); tested != blocks || tested == 0 {
		t.Errorf("%d of %d scenarios were tested; each needs a block with its records", tested, blocks)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
