package cases

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor/declared"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// results runs the tests of a file.
func results(t *testing.T, name string) (*scenario.Scenario, []Result) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	sc, problems := scenario.Read(name, source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var all []Result
	for i := range sc.Tests {
		p, problems := declared.Compile(sc, sc.Topology(sc.Tests[i].Topology))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		r, err := Run(t.Context(), sc, p, nil, &sc.Tests[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return sc, all
}

func text(t *testing.T, r *Result, file string, th *theme.Theme) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, file, th); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPassing(t *testing.T) {
	sc, all := results(t, "passing.yaml")
	for _, r := range all {
		if len(r.Failures) > 0 {
			t.Errorf("%s", text(t, &r, sc.File, &theme.Theme{}))
		}
	}
}

func TestFailing(t *testing.T) {
	sc, all := results(t, "failing.yaml")
	var got strings.Builder
	for _, r := range all {
		if len(r.Failures) == 0 {
			t.Errorf("%s passes", r.Test.Name)
		}
		got.WriteString(text(t, &r, sc.File, &theme.Theme{}))
		if _, err := json.Marshal(r.Failures); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join("testdata", "failing.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s has changed; see -update:\n%s", file, got.String())
	}
	if strings.Contains(got.String(), "\x1b") {
		t.Error("an escape sequence got through")
	}
}

// Each case runs with other partitions and with rollbacks, and the report says in which
// run it failed.
func TestVariants(t *testing.T) {
	_, all := results(t, "failing.yaml")
	r := all[0]
	r.Only = variants()[5].String()
	if got := text(t, &r, "f.yaml", &theme.Theme{}); !strings.Contains(got, "only over 6 partitions, with a rollback after each record") {
		t.Error(got)
	}
	if len(variants()) != Variants {
		t.Errorf("there are %d", len(variants()))
	}
}

func TestCancelled(t *testing.T) {
	sc := &scenario.Scenario{Topics: []scenario.Topic{{Alias: "a", Name: "a"}, {Alias: "b", Name: "b"}}, Topologies: []scenario.Topology{{
		Name: "t", From: []scenario.Input{{Alias: "a"}}, Emit: []scenario.Emit{{To: "b"}},
	}}}
	p, problems := declared.Compile(sc, &sc.Topologies[0])
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, err := Run(ctx, sc, p, nil, &scenario.Test{}); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
}
