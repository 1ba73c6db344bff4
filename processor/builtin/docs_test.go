package builtin

import (
	"os"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/declared"
	"inv/processor/declared/cases"
)

// The examples of docs/topologies.md compile, and their tests pass.
func TestDocumentedTopologies(t *testing.T) {
	page, err := os.ReadFile("../../docs/topologies.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	head, _, _ := strings.Cut(blocks[0], "```")
	ran := 0
	for _, block := range blocks[1:] {
		source, _, _ := strings.Cut(block, "```")
		if strings.Contains(source, "\ntopics:") {
			source = "scenario: docs\n" + source
		} else {
			source = head + source
		}
		sc, problems := scenario.Read("topologies.md", []byte(source))
		if problems = append(problems, Check(sc)...); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, source)
			continue
		}
		for i := range sc.Tests {
			p, _ := declared.Compile(sc, sc.Topology(sc.Tests[i].Topology))
			result, err := cases.Run(t.Context(), sc, p, &sc.Tests[i])
			if err != nil || len(result.Failures) > 0 {
				t.Errorf("%v, %+v\n%s", err, result.Failures, source)
			}
			ran++
		}
	}
	if ran == 0 {
		t.Error("no test was run")
	}
}
