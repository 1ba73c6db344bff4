package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// python returns the interpreter that has Confluent's client.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("INV_PYTHON")
	if name == "" {
		t.Skip("needs Confluent's client for Python: .ci/registry runs this test, or set INV_PYTHON to an interpreter that has it")
	}
	return name
}

// registries calls a test with the registry of this program and with the one that
// INV_REGISTRY names, see .ci/registry.
func registries(t *testing.T, test func(t *testing.T, address string, own bool)) {
	t.Run("own", func(t *testing.T) { test(t, registrytest.New(t).URL, true) })
	t.Run("real", func(t *testing.T) {
		address := os.Getenv("INV_REGISTRY")
		if address == "" {
			t.Skip("needs a schema registry: .ci/registry runs this test, or set INV_REGISTRY=URL")
		}
		test(t, address, false)
	})
}

// counterpartCase is a value that both sides write and read, see counterpart.py.
type counterpartCase struct {
	Case, Schema, Message, JSON string
	Form                        registry.Form
	Header                      bool
	References                  []struct{ Name, Text string }
	Value                       []byte
	Headers                     [][2]string // the bytes in base64
	Error                       string
}

func runCounterpart(t *testing.T, stdin []byte, args ...string) *json.Decoder {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), append([]string{filepath.Join("testdata", "registry", "counterpart.py")}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("counterpart.py: %v\n%s", err, stderr.Bytes())
	}
	return json.NewDecoder(bytes.NewReader(out))
}

// What Confluent's client for Python writes is read, and it reads what this program
// writes: all types of Avro, Protobuf and JSON Schema, with IDs in the value and in
// headers. Both find the schema that the other has registered.
func TestRegistryCounterpart(t *testing.T) {
	python(t)
	registries(t, func(t *testing.T, address string, own bool) {
		prefix := kafkatest.Name(t, "counterpart")
		client, err := registry.NewClient(address, "", "")
		if err != nil {
			t.Fatal(err)
		}
		var input bytes.Buffer
		cases := 0
		for out := runCounterpart(t, nil, address, prefix, "write"); out.More(); cases++ {
			var c counterpartCase
			if err := out.Decode(&c); err != nil {
				t.Fatal(err)
			}
			if !own && c.Form == registry.Protobuf {
				c.asRegistered(t, client, prefix)
			}
			topics := c.open(t, client, prefix)
			if versions, err := client.SubjectVersions(t.Context(), prefix+"-"+c.Case+"-value"); err != nil || len(versions) != 1 {
				t.Errorf("%s: the schema has the versions %v (%v), want one", c.Case, versions, err)
			}
			if c.Error != "" {
				// The client writes GUIDs into headers, which not all registries have.
				if own || !c.Header || !strings.Contains(c.Error, "GUID is not set") {
					t.Errorf("%s: writing: %s", c.Case, c.Error)
				}
			} else if got, err := topics.Value(nil, c.record(prefix)); err != nil || string(got) != c.JSON {
				t.Errorf("%s: read\n%s (%v), want\n%s", c.Case, got, err, c.JSON)
			}
			w := topics.Writer(prefix+"-"+c.Case, false)
			value, err := w.Append(nil, []byte(c.JSON))
			if err != nil {
				t.Errorf("%s: %v", c.Case, err)
				continue
			}
			headers := [][2]any{}
			if w.Header.Key != "" {
				headers = append(headers, [2]any{w.Header.Key, w.Header.Value})
			}
			line, err := json.Marshal(map[string]any{"case": c.Case, "value": value, "headers": headers})
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(line, '\n'))
		}
		if cases < 12 {
			t.Errorf("there are %d cases", cases)
		}
		for out := runCounterpart(t, input.Bytes(), address, prefix, "read"); out.More(); cases-- {
			var c struct{ Case, Differs string }
			if err := out.Decode(&c); err != nil {
				t.Fatal(err)
			}
			if c.Differs != "" {
				t.Errorf("%s: the client reads %s", c.Case, c.Differs)
			}
		}
		if cases != 0 {
			t.Errorf("%d cases are not read", cases)
		}
	})
}

// asRegistered takes the texts of Protobuf schemas from the registry, where the client has
// put descriptors in base64. It asks for that format, too, and reads nothing else, but not
// all registries convert what is there.
func (c *counterpartCase) asRegistered(t *testing.T, client *sr.Client, prefix string) {
	t.Helper()
	text := func(subject string) string {
		latest, err := client.SchemaByVersion(t.Context(), prefix+"-"+subject, -1)
		if err != nil {
			t.Fatalf("%s: %v", c.Case, err)
		}
		return latest.Schema.Schema
	}
	c.Schema = text(c.Case + "-value")
	for i := range c.References {
		c.References[i].Text = text(c.References[i].Name)
	}
}

func (c *counterpartCase) open(t *testing.T, client *sr.Client, prefix string) *registry.Topics {
	t.Helper()
	source := registry.Source{Form: c.Form, Text: c.Schema, Message: c.Message}
	for _, r := range c.References {
		source.References = append(source.References, registry.Reference{Name: r.Name, Text: r.Text, Subject: prefix + "-" + r.Name})
	}
	sch, err := registry.Compile(t.Context(), source)
	if err != nil {
		t.Fatalf("%s: %v", c.Case, err)
	}
	topics, err := registry.Open(t.Context(), client, []registry.TopicFormat{{
		Topic: prefix + "-" + c.Case, Writes: true,
		Value: &registry.Format{Schema: sch, Register: true, InHeader: c.Header},
	}}, func(line string) { t.Log(line) })
	if err != nil {
		t.Fatalf("%s: %v", c.Case, err)
	}
	return topics
}

func (c *counterpartCase) record(prefix string) *kgo.Record {
	r := &kgo.Record{Topic: prefix + "-" + c.Case, Value: c.Value}
	for _, h := range c.Headers {
		var value []byte
		_ = json.Unmarshal([]byte(`"`+h[1]+`"`), &value) // the script has encoded it
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: value})
	}
	return r
}
