package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/producer"
	"inv/scenarios"
)

// The derived schemas of all topics of the shipped scenarios, in all forms, are as in
// testdata/schemas, which this writes:
//
//	go test ./cmd/inv -run TestDerivedSchemas -update
//
// Each can be compiled, and fits the topic that it is derived from.
func TestDerivedSchemas(t *testing.T) {
	t.Parallel()
	for _, name := range shippedScenarios() {
		source, err := scenarios.Files.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		sc, err := parseShipped(name, source)
		if err != nil {
			t.Fatal(err)
		}
		sameGolden(t, filepath.Join("testdata/schemas", name+".txt"), derivedSchemas(t, sc))
	}
}

// derivedSchemas returns the schemas of a scenario's topics, or why there is none.
func derivedSchemas(t *testing.T, sc *scenario.Scenario) string {
	t.Helper()
	var b strings.Builder
	shapes := producer.NewShapes(sc)
	for _, topic := range sc.Topics {
		for _, key := range []bool{false, true} {
			of, err := topicShape(shapes, topic.Alias, key)
			if err != nil {
				if !key {
					fmt.Fprintf(&b, "==== %s\n%v\n\n", topic.Alias, err)
				}
				continue
			}
			for _, output := range []string{"avsc", "proto", "jsonschema"} {
				what := topic.Alias
				if key {
					what += " --key"
				}
				fmt.Fprintf(&b, "==== %s -o %s\n", what, output)
				text, err := schemaText(shapes, topic, key, output)
				if err != nil {
					fmt.Fprintf(&b, "%v\n\n", err)
					continue
				}
				fmt.Fprintf(&b, "%s\n", text)
				form := map[string]registry.Form{"avsc": registry.Avro, "proto": registry.Protobuf, "jsonschema": registry.JSONSchema}[output]
				sch, err := registry.Compile(t.Context(), registry.Source{Form: form, Text: string(text)})
				if err != nil {
					t.Errorf("%s, %s -o %s: %v", sc.Name, what, output, err)
				} else if misfits := registry.Fit(sch, of); len(misfits) > 0 {
					t.Errorf("%s, %s -o %s: %v", sc.Name, what, output, misfits)
				}
			}
		}
	}
	return b.String()
}

func sameGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is outdated; look at the difference, and rewrite it with -update:\n%s", file, got)
	}
}
