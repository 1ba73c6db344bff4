package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the documentation")

// The pages on the shipped scenarios and the grammar in docs/scenarios.md, topologies.md and
// forward.md are generated from the files and from the parser's tables:
//
//	go test ./internal/scenario -run Pages -update
func TestPages(t *testing.T) {
	for f, source := range shippedFiles(t) {
		sc, err := Parse(f, source)
		if err != nil {
			t.Fatal(err)
		}
		samePage(t, filepath.Join("../../docs/scenarios", sc.Name+".md"), pageOf(sc, string(source)))
	}
	const mark = "<!-- made by go test ./internal/scenario -run Pages -update -->\n"
	for page, grammar := range map[string]string{"../../docs/scenarios.md": grammarPage(), "../../docs/topologies.md": topologiesPage(), "../../docs/forward.md": forwardPage()} {
		source, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		before, _, ok := strings.Cut(string(source), mark)
		if !ok {
			t.Fatalf("%s has no mark where the grammar begins", page)
		}
		samePage(t, page, before+mark+grammar)
	}
}

// The examples of docs/topologies.md are right, for the parser and for the schema.
func TestTopologyExamples(t *testing.T) {
	examples := topologyExamples(t)
	if len(examples) < 8 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, source := range examples {
		if _, problems := Read("topologies.md", []byte(source)); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, source)
		}
		if !schemaAccepts(t, source) {
			t.Errorf("the schema refuses\n%s", source)
		}
	}
}

// The examples of docs/forward.md are right, for the parser and for the schema; package
// compose has a test of their expressions.
func TestForwardExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/forward.md")
	if err != nil {
		t.Fatal(err)
	}
	head, n := "", 0
	for _, block := range strings.Split(string(page), "```yaml")[1:] {
		_, source, _ := strings.Cut(block, "\n")
		source, _, _ = strings.Cut(source, "```")
		if head == "" { // a whole file
			head, _, _ = strings.Cut(source, "sinks:")
		} else {
			source = head + source
		}
		n++
		if s, problems := Read("forward.md", []byte(source)); len(problems) > 0 || len(s.Notes()) > 0 {
			t.Errorf("%v %v\n%s", problems, s.Notes(), source)
		}
		if !schemaAccepts(t, source) {
			t.Errorf("the schema refuses\n%s", source)
		}
	}
	if n < 12 {
		t.Errorf("%d examples", n)
	}
}

// topologyExamples returns the examples of docs/topologies.md as files: those without topics
// have those of the first.
func topologyExamples(t testing.TB) (sources []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/topologies.md")
	if err != nil {
		t.Fatal(err)
	}
	head := ""
	for _, block := range strings.Split(string(page), "```yaml")[1:] {
		_, source, _ := strings.Cut(block, "\n")
		source, _, _ = strings.Cut(source, "```")
		switch {
		case head == "": // a whole file
			head, _, _ = strings.Cut(source, "topologies:")
			sources = append(sources, source)
		case strings.Contains(source, "\ntopics:"):
			sources = append(sources, "scenario: docs\n"+source)
		default:
			sources = append(sources, head+source)
		}
	}
	return sources
}

// shippedFiles returns the scenarios of this repository by file.
func shippedFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no shipped scenarios", err)
	}
	sources := map[string][]byte{}
	for _, f := range files {
		if sources[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return sources
}

func samePage(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is outdated; rewrite it with -update", file)
	}
}

// recipes returns the scenarios in docs/recipes.md, whose records package producer
// tests.
func recipes(t testing.TB) (sources []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(page), "```yaml\n") {
		if source, _, ok := strings.Cut(block, "```"); i > 0 && ok {
			sources = append(sources, source)
		}
	}
	return sources
}

// The examples of docs/encodings.md are right, for the parser and for the schema; package
// main runs its commands.
func TestEncodingExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/encodings.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range strings.Split(string(page), "```yaml")[1:] {
		_, source, _ := strings.Cut(block, "\n")
		source, _, _ = strings.Cut(source, "```")
		if strings.HasPrefix(source, "topics:") {
			source = "scenario: docs\n" + source
		}
		n++
		if _, problems := Read("encodings.md", []byte(source)); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, source)
		}
		if !schemaAccepts(t, source) {
			t.Errorf("the schema refuses\n%s", source)
		}
	}
	if n < 7 {
		t.Errorf("%d examples", n)
	}
}
