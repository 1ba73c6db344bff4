package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
)

// collect keeps copies of all records.
type collect struct{ records []Record }

func (c *collect) Write(_ context.Context, b *Batch) error {
	for _, r := range b.Records {
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		headers := make([]Header, len(r.Headers))
		for i, h := range r.Headers {
			headers[i] = Header{Key: h.Key, Value: bytes.Clone(h.Value)}
		}
		r.Headers = headers
		c.records = append(c.records, r)
	}
	b.Release()
	return nil
}
func (c *collect) Flush(context.Context) error { return nil }
func (c *collect) Counts() Counts              { return Counts{Acknowledged: int64(len(c.records))} }
func (c *collect) Failed() <-chan struct{}     { return nil }

// fakeClock advances when a goroutine sleeps, and by step at each call of Now.
type fakeClock struct {
	now  time.Time
	step time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.now = c.now.Add(c.step)
	return c.now
}

func (c *fakeClock) Sleep(_ context.Context, until time.Time, _ <-chan struct{}) {
	if until.After(c.now) {
		c.now = until
	}
}

// fields makes n records of a producer with these fields in YAML, and returns them
// decoded, with numbers as written.
func fields(t *testing.T, n int64, yaml string) []map[string]any {
	t.Helper()
	sc := parsed(t, "test.yaml", "scenario: test\ntopics:\n  t: {topic: t}\nproducers:\n  p:\n    topic: t\n    value:\n"+indent(yaml, "      "))
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: n}, sink); err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]any, len(sink.records))
	for i, r := range sink.records {
		d := json.NewDecoder(bytes.NewReader(r.Value))
		d.UseNumber()
		if err := d.Decode(&out[i]); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
	}
	return out
}

func indent(text, by string) string {
	var out bytes.Buffer
	for _, line := range bytes.Split([]byte(text), []byte("\n")) {
		out.WriteString(by)
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.String()
}

func numbers(t *testing.T, records []map[string]any, name string) []float64 {
	t.Helper()
	out := make([]float64, len(records))
	for i, r := range records {
		v, err := r[name].(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		out[i] = v
	}
	return out
}

// checkProblem checks that there is one problem, with a text.
func checkProblem(t *testing.T, where string, got scenario.Problems, want string) {
	t.Helper()
	if len(got) != 1 || !strings.Contains(got.Error(), want) {
		t.Errorf("%s: %v, want %s", where, got, want)
	}
}
