package inspect

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
)

// All problems of a scenario's views are reported at once, each with its position.
func TestViewProblems(t *testing.T) {
	s, err := scenario.Parse("mine.yaml", []byte(`scenario: mine
topics:
  a:
    topic: a
    view:
      critical: .stock <= nd
      warning: .stock <=
      columns: ["{id", "{}", "{n:-}", "fine {x}"]
  b:
    topic: b
    view:
      good: .ok | frobnicate
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Views(s, "inv")
	var problems scenario.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	for i, want := range []string{
		"mine.yaml:6:27: topic \"a\", the condition of critical: function not defined: nd/0 (a field is .nd)",
		"mine.yaml:7:25: topic \"a\", the condition of warning: unexpected EOF",
		"mine.yaml:8:17: topic \"a\", a column: \"{id\" has a { without its }",
		"mine.yaml:8:24: topic \"a\", a column: \"{}\" has {} without",
		"mine.yaml:8:30: topic \"a\", a column: {n:-}: the only format",
		"mine.yaml:12:19: topic \"b\", the condition of good: function not defined: frobnicate/0 (a field is .frobnicate)",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("problem %d of\n%s\nwant %s", i, strings.Join(got, "\n"), want)
			return
		}
	}
}

// Records of the reference system are shown without notes, with a severity only if they
// have the fields for it.
func TestReferenceSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "internal", "event", "testdata", "samples", "*.jsonl"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files of samples (%v)", len(files), err)
	}
	severities := map[string]string{"reorder_events": "CRITICAL WARNING", "inventory_alerts": "CRITICAL"}
	for _, file := range files {
		topic := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		p := NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(1795394253484), Views: inventoryViews(t)})
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var sample struct {
				Partition         int32
				Offset, Timestamp int64
				Key, Value        string
			}
			if err := json.Unmarshal(lines.Bytes(), &sample); err != nil {
				t.Fatal(err)
			}
			r := record(topic, sample.Partition, sample.Offset, sample.Key, sample.Value)
			line := string(p.Append(nil, r))
			severity := strings.Fields(line)[1]
			if strings.Contains(line, "not a JSON") || strings.Contains(line, "null") || strings.Contains(line, "<nil>") {
				t.Errorf("%s: %s", topic, line)
			}
			if (severity == "CRITICAL" || severity == "WARNING" || severity == "OK") && !strings.Contains(severities[topic], severity) {
				t.Errorf("%s has no severity, but %s", topic, line)
			}
		}
	}
}
