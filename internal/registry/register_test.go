package registry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/sr"
)

func compile(t *testing.T, s registry.Source) *registry.Schema {
	t.Helper()
	sch, err := registry.Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

func avroOf(t *testing.T, fields string) *registry.Schema {
	t.Helper()
	return compile(t, registry.Source{Form: registry.Avro, Text: `{"type":"record","name":"Order","namespace":"shop","fields":[` + fields + `]}`})
}

const idField = `{"name":"id","type":"string"}`

// written returns the formats of one topic, orders, whose values have a schema.
func written(f registry.Format) []registry.TopicFormat {
	return []registry.TopicFormat{{Topic: "orders", Value: &f, Writes: true}}
}

func TestSubjects(t *testing.T) {
	named := avroOf(t, idField)
	nameless := compile(t, registry.Source{Form: registry.Avro, Text: `"string"`})
	for _, tt := range []struct {
		by   registry.Strategy
		key  bool
		sch  *registry.Schema
		want string
	}{
		{registry.ByTopic, false, named, "orders-value"},
		{registry.ByTopic, true, nameless, "orders-key"},
		{registry.ByRecord, false, named, "shop.Order"},
		{registry.ByTopicRecord, true, named, "orders-shop.Order"},
	} {
		got, err := registry.SubjectName("orders", tt.key, tt.by, tt.sch)
		if err != nil || got != tt.want {
			t.Errorf("%s: %s (%v), want %s", tt.by, got, err, tt.want)
		}
	}
	if _, err := registry.SubjectName("orders", true, registry.ByRecord, compile(t, registry.Source{Form: registry.JSONSchema, Text: `{"type":"string"}`})); !errors.Is(err, registry.ErrNameless) {
		t.Error(err)
	}
}

// Schemas are registered once, and found again; those of what is only read are not asked
// for.
func TestRegistersOnce(t *testing.T) {
	r := registrytest.New(t)
	var ids []int32
	for range 2 {
		topics, err := registry.Open(t.Context(), r.Client(), []registry.TopicFormat{
			{Topic: "orders", Value: &registry.Format{Schema: avroOf(t, idField), Register: true}, Writes: true},
			{Topic: "a/b", Key: &registry.Format{Schema: avroOf(t, idField), Register: true, InHeader: true}, Writes: true},
			{Topic: "read", Value: &registry.Format{Schema: avroOf(t, idField), Register: true}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := topics.Writer("orders", false)
		ids = append(ids, w.ID)
		if string(w.Prefix) != "\x00\x00\x00\x00"+string(rune(w.ID)) || w.Header.Key != "" {
			t.Errorf("prefix %x, header %v", w.Prefix, w.Header)
		}
		if k := topics.Writer("a/b", true); k.Prefix != nil || k.Header.Key != "__key_schema_id" || string(k.Header.Value) != string(w.Prefix) {
			t.Errorf("prefix %x, header %v", k.Prefix, k.Header)
		}
		if topics.Writer("read", false) != nil || topics.Writer("orders", true) != nil || topics.Writer("other", false) != nil {
			t.Error("there are writers of what is not written with a schema")
		}
		if o := w.WithID(1 << 20); string(o.Prefix) != "\x00\x00\x10\x00\x00" || w.Prefix[2] != 0 {
			t.Errorf("with another ID %x, before %x", o.Prefix, w.Prefix)
		}
	}
	if subjects, err := r.Client().Subjects(t.Context()); err != nil || strings.Join(subjects, " ") != "a/b-key orders-value" || ids[0] != ids[1] {
		t.Errorf("subjects %q, ids %v (%v)", subjects, ids, err)
	}
}

// A change that the level forbids is told with the registry's reasons and the changed
// fields, and nothing is registered.
func TestIncompatible(t *testing.T) {
	r := registrytest.New(t)
	r.Register("orders-value", sr.Schema{Schema: avroOf(t, idField).Text})
	_, err := registry.Open(t.Context(), r.Client(), written(registry.Format{Schema: avroOf(t, idField+`,{"name":"total","type":"long"}`), Register: true}), nil)
	var e *registry.IncompatibleError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Subject != "orders-value" || e.Version != 1 || e.Level != "BACKWARD" || !strings.Contains(strings.Join(e.Messages, ""), "total") {
		t.Errorf("%+v", e)
	}
	if latest, _ := r.Latest("orders-value"); latest.Version != 1 {
		t.Errorf("%+v", latest)
	}
	_, err = registry.Open(t.Context(), r.Client(), written(registry.Format{Schema: avroOf(t, idField+`,{"name":"total","type":"long","default":0}`), Register: true}), nil)
	if latest, _ := r.Latest("orders-value"); err != nil || latest.Version != 2 {
		t.Errorf("%+v (%v)", latest, err)
	}
}

// A registry takes a field with another number for two new names.
func TestMovedField(t *testing.T) {
	protobuf := func(fields string) registry.Format {
		return registry.Format{Schema: compile(t, registry.Source{Form: registry.Protobuf, Text: `syntax = "proto3"; message Order { ` + fields + ` }`}), Register: true}
	}
	r := registrytest.New(t)
	open(t, r, protobuf("string id = 1; string customer = 2;"))
	_, err := registry.Open(t.Context(), r.Client(), written(protobuf("string id = 1; string channel = 2; string customer = 3;")), nil)
	var e *registry.IncompatibleError
	if !errors.As(err, &e) || e.Version != 1 || !strings.Contains(err.Error(), "field channel of Order: number 2 is customer to the writer, which has number 3 to the reader") {
		t.Errorf("error %v", err)
	}
	open(t, r, protobuf("string id = 1; string client = 2; string channel = 3;"))
}

func TestNeverRegisters(t *testing.T) {
	r := registrytest.New(t)
	format := registry.Format{Schema: avroOf(t, idField)}
	var e *registry.MissingSchemaError
	if _, err := registry.Open(t.Context(), r.Client(), written(format), nil); !errors.As(err, &e) || e.Subject != "orders-value" || e.Versions {
		t.Errorf("no subject: %v", err)
	}
	r.SetLevel("", "NONE")
	r.Register("orders-value", sr.Schema{Schema: `"long"`})
	if _, err := registry.Open(t.Context(), r.Client(), written(format), nil); !errors.As(err, &e) || !e.Versions {
		t.Errorf("another schema: %v", err)
	}
	made := r.Register("orders-value", sr.Schema{Schema: format.Schema.Text})
	topics, err := registry.Open(t.Context(), r.Client(), written(format), nil)
	if err != nil || topics.Writer("orders", false).ID != int32(made.ID) {
		t.Errorf("%v", err)
	}
}

// The level is that of subjects that are created, and of no other.
func TestLevelOfNewSubjects(t *testing.T) {
	for _, tt := range []struct {
		name, before, want string
		versions           bool
	}{
		{"new", "", "FULL", false},
		{"new, with a level", "NONE", "NONE", false},
		{"existing", "", "BACKWARD", true},
	} {
		r := registrytest.New(t)
		if tt.before != "" {
			r.SetLevel("orders-value", tt.before)
		}
		if tt.versions {
			r.Register("orders-value", sr.Schema{Schema: avroOf(t, idField+`,{"name":"n","type":"int"}`).Text})
		}
		if _, err := registry.Open(t.Context(), r.Client(), written(registry.Format{Schema: avroOf(t, idField), Register: true, Compatibility: "FULL"}), nil); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := r.Client().Compatibility(sr.WithParams(t.Context(), sr.DefaultToGlobal), "orders-value")[0]
		if got.Level.String() != tt.want {
			t.Errorf("%s: %v (%v), want %s", tt.name, got.Level, got.Err, tt.want)
		}
	}
}

// References are registered before what refers to them, and only direct ones are named.
func TestReferencesFirst(t *testing.T) {
	r := registrytest.New(t)
	references := []registry.Reference{
		{Name: "shop.Unit", Text: `{"type":"enum","name":"Unit","namespace":"shop","symbols":["PIECE"]}`},
		{Name: "shop.Line", Text: `{"type":"record","name":"Line","namespace":"shop","fields":[{"name":"unit","type":"Unit"}]}`, Subject: "lines"},
	}
	sch := compile(t, registry.Source{Form: registry.Avro, References: references, Text: `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"line","type":"shop.Line"}]}`})
	if _, err := registry.Open(t.Context(), r.Client(), written(registry.Format{Schema: sch, Register: true}), nil); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]string{"orders-value": "lines", "lines": "shop.Unit", "shop.Unit": ""} {
		latest, ok := r.Latest(subject)
		var got string
		for _, ref := range latest.References {
			got += ref.Subject
		}
		if !ok || got != want {
			t.Errorf("%s refers to %q, want %q", subject, got, want)
		}
	}
}

// The start waits for a registry that is away, says so without the password, and goes on.
func TestWaits(t *testing.T) {
	r := registrytest.New(t, registrytest.Away(), registrytest.WithAuth("u", "secret"))
	client, err := registry.NewClient(strings.Replace(r.URL, "://", "://u:secret@", 1), "", "")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	_, err = registry.Open(t.Context(), client, written(registry.Format{Schema: avroOf(t, idField), Register: true}), func(line string) {
		lines = append(lines, line)
		r.SetAway(false)
	})
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "503") || strings.Contains(lines[0], "secret") {
		t.Errorf("%q (%v)", lines, err)
	}
	r.SetAway(true)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = registry.Open(ctx, client, written(registry.Format{Schema: avroOf(t, idField), Register: true}), func(string) { cancel() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "503") {
		t.Errorf("interrupted: %v", err)
	}
}

// What can't get better is told at once: a refusal, and what is no registry.
func TestRefused(t *testing.T) {
	answer := func(status int, body string) *sr.Client {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		c, err := registry.NewClient(s.URL, "", "")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a wrong password", 401, `{"error_code":401,"message":"Unauthorized"}`, "denies access (401 Unauthorized): Unauthorized"},
		{"a missing right", 403, `nothing for you`, "denies access (403 Forbidden)"},
		{"another server", 404, `<html>`, "answers 404"},
		{"another server that likes everything", 200, `<html>`, "no schema registry"},
		{"no ID", 200, `{}`, "the ID 0"},
		{"an ID that no frame holds", 200, `{"id":4294967296,"version":1}`, "the ID 4294967296"},
		{"another type", 200, `{"id":"x"}`, "no schema registry"},
		{"an endless message", 422, `{"error_code":42201,"message":"` + strings.Repeat("x", 1<<16) + `"}`, "xxx…"},
		{"an endless answer", 200, strings.Repeat(" ", 17<<20), "larger than 16 MiB"},
	} {
		_, err := registry.Open(t.Context(), answer(tt.status, tt.body), written(registry.Format{Schema: avroOf(t, idField), Register: true}), nil)
		var e *registry.RegistryError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := registry.Open(t.Context(), nil, written(registry.Format{Schema: avroOf(t, idField)}), nil); !errors.Is(err, registry.ErrNoRegistry) {
		t.Error(err)
	}
	if _, err := registry.Open(t.Context(), nil, nil, nil); err != nil {
		t.Error(err)
	}
}
