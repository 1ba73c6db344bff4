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
	ran, head := 0, ""
	for _, block := range strings.Split(string(page), "```yaml")[1:] {
		_, source, _ := strings.Cut(block, "\n")
		source, _, _ = strings.Cut(source, "```")
		switch {
		case head == "": // a whole file, whose topics the others have
			head, _, _ = strings.Cut(source, "topologies:")
		case strings.Contains(source, "\ntopics:"):
			source = "scenario: docs\n" + source
		default:
			source = head + source
		}
		sc, problems := scenario.Read("topologies.md", []byte(source))
		if problems = append(problems, Check(sc)...); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, source)
			continue
		}
		for i := range sc.Tests {
			p, _ := declared.Compile(sc, sc.Topology(sc.Tests[i].Topology))
			result, err := cases.Run(t.Context(), sc, p, nil, &sc.Tests[i])
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
