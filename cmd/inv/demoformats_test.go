package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/scenarios"
)

// The demo of a scenario whose topics have formats has a registry of its own, shows the
// records as those in JSON, and the audit holds.
func TestDemoOfFormats(t *testing.T) {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for alias, format := range map[string]string{
		"catalog": "avro", "orders": "protobuf", "updates": "protobuf", "reorders": "avro", "alerts": "json_schema", "receipts": "avro",
	} {
		at := strings.Index(text, "\n  "+alias+":\n    topic:")
		if at < 0 {
			t.Fatalf("there is no topic %s", alias)
		}
		at += len("\n  " + alias + ":\n")
		text = text[:at] + "    format: " + format + "\n    key_format: avro\n    schemas: {register: false}\n" + text[at:]
	}
	file := filepath.Join(t.TempDir(), "formats.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, []string{"INV_REGISTRY=http://127.0.0.1:1"}, "demo", "--scenario", file, "--for", "2s", "--rate", "50/s", "--seed", "7", "--lead-time", "300ms")
	got.wants(t, 0, "verified", "inv tail alerts")
	got.wants(t, 0, "Wireless Headphones", " --registry http://127.0.0.1:")
	if strings.Contains(got.stdout, "(schema ") || !strings.Contains(got.stdout, "dead letters              0\n") {
		t.Errorf("records are not decoded:\n%s", got.stdout)
	}
}
