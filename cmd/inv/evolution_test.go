package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry/registrytest"
)

// Version 2 of a scenario writes to the topic of version 1, in each format; a change that
// is not compatible is refused before the first record, with the fields that have changed.
func TestScenarioVersions(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"avro", "protobuf", "json_schema"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r, brokers := registrytest.New(t), kafkatest.Embedded(t)
			dir := t.TempDir()
			produce := func(version string) invocation {
				file := filepath.Join(dir, version+".yaml")
				source := strings.Replace(readText(t, "../../internal/scenario/testdata/evolution/"+version+".yaml"), "format: avro", "format: "+format, 1)
				const added = "      currency: {one_of: [EUR, USD], default: EUR}\n"
				if before, after, ok := strings.Cut(source, added); ok && format == "protobuf" { // new fields come last
					source = before + after + added
				}
				writeText(t, file, source)
				return invoke(t, []string{"INV_BROKERS=" + brokers[0], "INV_REGISTRY=" + r.URL}, "produce", "orders", "--scenario", file, "--count", "20", "--rate", "max", "--seed", "1")
			}
			produce("v1").wants(t, 0, "", "produced 20 records")
			if format != "json_schema" { // whose fields can't be renamed
				produce("v2").wants(t, 0, "", "produced 20 records")
			}
			bad := produce("bad")
			bad.wants(t, 1, "", "the schema of the value of evolution_orders: it is not compatible with version")
			if !strings.Contains(bad.stderr, "\n  changed: quantity: ") || !strings.Contains(bad.stderr, "\n  the registry: ") || strings.Contains(bad.stderr, "produced") {
				t.Errorf("%s", bad.stderr)
			}
			produce("v1").wants(t, 0, "", "produced 20 records")
		})
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
