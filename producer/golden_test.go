package producer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shipped parses a shipped scenario.
func shipped(t testing.TB, name string) *scenario.Scenario {
	t.Helper()
	source, err := scenarios.Files.ReadFile(name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, name+".yaml", string(source))
}

func parsed(t testing.TB, file, source string) *scenario.Scenario {
	t.Helper()
	sc, err := scenario.Parse(file, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// compiled compiles producers of a scenario with seed 7, ready for any fault.
func compiled(t testing.TB, sc *scenario.Scenario, names ...string) *Plan {
	t.Helper()
	return compiledWith(t, sc, CompileOptions{Names: names, Seed: 7, UnknownRefs: true})
}

// withoutFaults compiles producers of a scenario with seed 7 as for a run without
// faults, which is optimized further but renders the same bytes.
func withoutFaults(t testing.TB, sc *scenario.Scenario, names ...string) *Plan {
	t.Helper()
	return compiledWith(t, sc, CompileOptions{Names: names, Seed: 7})
}

func compiledWith(t testing.TB, sc *scenario.Scenario, o CompileOptions) *Plan {
	t.Helper()
	p, err := Compile(sc, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var testStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// made runs a plan on a simulated clock and returns its records as JSON Lines.
func made(t testing.TB, p *Plan, o Options) string {
	t.Helper()
	return madeAs(t, p, o, true)
}

// madeAs returns the records with or without an envelope.
func madeAs(t testing.TB, p *Plan, o Options, envelope bool) string {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = testStart
	}
	if err := CheckOptions(p, o); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Run(context.Background(), p, o, NewWriterSink(&out, envelope)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestGolden pins the bytes of every shipped scenario, including gofakeit's output: a
// seed's records must stay the same within a major version.
func TestGolden(t *testing.T) {
	entries, err := scenarios.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".yaml")
		t.Run(name, func(t *testing.T) {
			got := made(t, everyRunning(t, name, compiled), Options{Count: 40})
			if other := made(t, everyRunning(t, name, withoutFaults), Options{Count: 40}); other != got {
				t.Errorf("compiled for faults, the bytes differ:\n%s", firstDifference(got, other))
			}
			golden := filepath.Join("testdata", "golden", name+".jsonl")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the bytes of seed 7 have changed, which needs a new major version:\n%s", firstDifference(string(want), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "want " + w[i] + "\ngot  " + g[i]
		}
	}
	return "their lengths differ"
}

// pinnedWriters returns the writers of a scenario's topics, with the schemas that were
// derived when the golden files were written.
func pinnedWriters(t *testing.T, sc *scenario.Scenario, form registry.Form) map[string]Writers {
	t.Helper()
	to, _ := derivedWriters(t, sc, form, false)
	for alias, w := range to {
		name := filepath.Join("testdata", "golden", "schemas", fmt.Sprintf("%s-%s.%s", sc.Name, alias, form))
		if *update {
			if err := os.WriteFile(name, []byte(w.Value.Schema.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Value = writerOf(t, registry.Source{Form: form, Text: string(text)}, 1)
		to[alias] = w
	}
	return to
}

// TestGoldenEncoded pins the bytes of the shipped scenarios in the formats of a schema
// registry, by a hash, with any number of workers.
func TestGoldenEncoded(t *testing.T) {
	var got strings.Builder
	for _, name := range []string{"inventory", "order-lifecycle", "cdc", "click-stream", "forum", "iot-sensors"} {
		for _, form := range forms {
			for i, workers := range []int{1, 3} {
				sc := shipped(t, name)
				to := pinnedWriters(t, sc, form)
				p := compiledWith(t, sc, CompileOptions{Names: Runnable(sc), Seed: 7, Writers: to})
				hash := sha256.New()
				sink := &collect{}
				if _, err := Run(t.Context(), p, Options{Start: testStart, Count: 400, For: 1e12, Workers: workers}, sink); err != nil {
					t.Fatal(err)
				}
				for _, r := range sink.records {
					fmt.Fprintf(hash, "%s %q %q\n", r.Topic, r.Key, r.Value)
				}
				line := fmt.Sprintf("%s %s %d records %x\n", name, form, len(sink.records), hash.Sum(nil))
				if i == 0 {
					got.WriteString(line)
				} else if !strings.HasSuffix(got.String(), line) {
					t.Errorf("with %d workers: %s", workers, line)
				}
			}
		}
	}
	golden := filepath.Join("testdata", "golden", "encoded.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the bytes of seed 7 have changed, which needs a new major version:\n%s", firstDifference(string(want), got.String()))
	}
}
