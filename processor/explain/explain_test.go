package explain

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/declared"
	"inv/processor/inventory"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shop returns a scenario with a built-in topology and declared ones.
func shop(t *testing.T) (*scenario.Scenario, []processor.Topology, map[string]*declared.Program) {
	t.Helper()
	source, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, problems := scenario.Read("shop.yaml", source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	builtins, err := inventory.Topologies(inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	values, err := declared.Topologies(sc)
	if err != nil {
		t.Fatal(err)
	}
	topologies := builtins[:1]
	programs := map[string]*declared.Program{}
	for i := range sc.Topologies {
		d := &sc.Topologies[i]
		if d.BuiltIn {
			continue
		}
		p, problems := declared.Compile(sc, d)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		programs[d.Name] = p
	}
	return sc, append(topologies, values...), programs
}

func TestGolden(t *testing.T) {
	sc, topologies, programs := shop(t)
	var text strings.Builder
	if err := Text(&text, sc, "app", topologies, programs, sinksOf(sc), &theme.Theme{}); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"shop.txt": text.String(), "shop.dot": DOT(sc, "app", topologies, sinksOf(sc)), "shop.mmd": Mermaid(sc, "app", topologies, sinksOf(sc))} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s has changed; see -update:\n%s", name, got)
		}
	}
}

// hostile are characters that mean something in one of the languages, or to a terminal.
const hostile = "a\"]\\;}\n--> n0 #quot; <script>`x`</script>|\x1b[2J%%{init}%% subgraph end"

func hostileSink() *scenario.Sink {
	return &scenario.Sink{Name: hostile, About: hostile, From: []string{hostile}, HTTP: &scenario.HTTPSink{
		Method: hostile, URL: scenario.SinkText{Parts: []scenario.SinkTextPart{{Literal: hostile}, {Variable: hostile}}},
	}}
}

// sinksOf returns the sinks of a scenario.
func sinksOf(sc *scenario.Scenario) (sinks []*scenario.Sink) {
	for i := range sc.Sinks {
		sinks = append(sinks, &sc.Sinks[i])
	}
	return sinks
}

// Whatever a name has, it is a text in the picture: between quotes, without a quote.
func TestHostileNames(t *testing.T) {
	topology := processor.Topology{Name: hostile, Stages: []processor.Stage{{
		Name: hostile + "s", Reads: []string{hostile + "in"}, Writes: []processor.Output{{Topic: hostile + "out"}}, State: hostile + "state",
	}}}
	sc := &scenario.Scenario{Name: hostile, Topics: []scenario.Topic{{Alias: hostile + "in", Name: hostile + "topic"}}}
	sinks := []*scenario.Sink{hostileSink()}
	for name, picture := range map[string]string{"dot": DOT(sc, "app", []processor.Topology{topology}, sinks), "mermaid": Mermaid(sc, "app", []processor.Topology{topology}, sinks)} {
		texts := regexp.MustCompile(`"(?:\\.|[^"\\\n])*"`)
		if name == "mermaid" {
			texts = regexp.MustCompile(`"[^"\n]*"`)
			for _, text := range texts.FindAllString(picture, -1) {
				if strings.ContainsAny(strings.ReplaceAll(text, "<br/>", ""), "<>`\\") || regexp.MustCompile(`#(?:[^0-9]|[0-9]+[^0-9;])`).MatchString(text) {
					t.Errorf("a text of the picture means something: %s", text)
				}
			}
		}
		rest := texts.ReplaceAllString(picture, "T")
		for _, stray := range []string{`"`, "\x1b", "script", "init", "quot"} {
			if strings.Contains(rest, stray) {
				t.Errorf("%s: %q is outside of a text:\n%s", name, stray, rest)
			}
		}
	}
}

// Text is safe for a terminal.
func TestHostileText(t *testing.T) {
	topology := processor.Topology{Name: hostile, About: hostile, Stages: []processor.Stage{{Name: hostile, Reads: []string{hostile}}}}
	var text strings.Builder
	if err := Text(&text, &scenario.Scenario{}, "app", []processor.Topology{topology}, nil, []*scenario.Sink{hostileSink()}, &theme.Theme{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text.String(), "\x1b") {
		t.Errorf("%q", text.String())
	}
}
