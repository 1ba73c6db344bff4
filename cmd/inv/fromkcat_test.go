package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
)

// Each complete inv command of docs/from-kcat.md runs as printed, in order, against a
// cluster that has what it names; those with a … are forms.
func TestFromKcatCanBePasted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/from-kcat.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, brokers := t.TempDir(), kafkatest.Embedded(t)
	env := append(os.Environ(), "INV_BROKERS="+strings.Join(brokers, ","))
	for name, text := range map[string]string{
		"payments.txt": "k:1\nl:2\n", "records.jsonl": `{"key":"k","value":null}` + "\n", "inv.yaml": "profiles: {default: {}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	typeLine(t, dir, env, "inv produce catalog && inv produce orders --count 200 --rate max --seed 1")
	commitFor(t, brokers, "audit")
	ran := 0
	for _, line := range codeLines(string(page)) {
		if strings.HasPrefix(line, "inv ") && !strings.Contains(line, "…") {
			typeLine(t, dir, env, line)
			ran++
		}
	}
	if ran < 35 {
		t.Errorf("only %d commands were run; is the search still right?", ran)
	}
}
