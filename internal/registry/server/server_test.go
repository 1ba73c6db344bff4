package server_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/registry/registrytest"
	"inv/internal/registry/server"

	"github.com/twmb/franz-go/pkg/sr"
)

func avroRecord(fields string) sr.Schema {
	return sr.Schema{Schema: `{"type":"record","name":"Order","fields":[` + fields + `]}`}
}

func protobuf(fields string) sr.Schema {
	return sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; package shop; message Line { int32 n = 1; } message Order { ` + fields + ` }`}
}

func jsonObject(rest string) sr.Schema {
	return sr.Schema{Type: sr.TypeJSON, Schema: `{"type":"object",` + rest + `}`}
}

// What a level allows after a schema, as Confluent's registry decides. Backward and
// forward are whether those levels allow it.
func TestCompatibility(t *testing.T) {
	const id, closed = `{"name":"id","type":"string"}`, `,"additionalProperties":false`
	for _, tt := range []struct {
		name              string
		old, new          sr.Schema
		backward, forward bool
	}{
		{"avro: the same", avroRecord(id), avroRecord(id + " "), true, true},
		{"avro: a field with a default", avroRecord(id), avroRecord(id + `,{"name":"note","type":"string","default":""}`), true, true},
		{"avro: a field without one", avroRecord(id), avroRecord(id + `,{"name":"note","type":"string"}`), false, true},
		{"avro: wider", avroRecord(`{"name":"n","type":"int"}`), avroRecord(`{"name":"n","type":"long"}`), true, false},
		{"avro: another type", avroRecord(id), avroRecord(`{"name":"id","type":"boolean"}`), false, false},
		{"avro: renamed with an alias", avroRecord(id), avroRecord(`{"name":"order_id","type":"string","aliases":["id"]}`), true, false},
		{"avro: another name", avroRecord(id), sr.Schema{Schema: `{"type":"record","name":"Other","fields":[]}`}, false, false},
		{"protobuf: a field more", protobuf("string id = 1;"), protobuf("string id = 1; int32 n = 2;"), true, true},
		{"protobuf: wider", protobuf("int32 n = 1;"), protobuf("int64 n = 1;"), true, true},
		{"protobuf: another type", protobuf("int32 n = 1;"), protobuf("string n = 1;"), false, false},
		{"protobuf: another message", protobuf("Line l = 1;"), protobuf("Order l = 1;"), false, false},
		{"protobuf: repeated", protobuf("int32 n = 1;"), protobuf("repeated int32 n = 1;"), false, false},
		{"protobuf: a message less", protobuf("string id = 1;"), sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; package shop; message Order { string id = 1; }`}, false, true},
		{"protobuf: a oneof of what was set together", protobuf("string a = 1; string b = 2;"), protobuf("oneof x { string a = 1; string b = 2; }"), false, true},
		{"json: a property more, open", jsonObject(`"properties":{}`), jsonObject(`"properties":{"n":{"type":"integer"}}`), false, true},
		{"json: a property more, closed", jsonObject(`"properties":{}` + closed), jsonObject(`"properties":{"n":{"type":"integer"}}` + closed), true, false},
		{"json: required", jsonObject(`"properties":{"n":{"type":"integer"}}` + closed), jsonObject(`"properties":{"n":{"type":"integer"}},"required":["n"]` + closed), false, true},
		{"json: wider", jsonObject(`"properties":{"n":{"type":"integer"}}`), jsonObject(`"properties":{"n":{"type":["number","null"]}}`), true, false},
		{"json: an enum", jsonObject(`"properties":{"n":{"enum":["a"]}}`), jsonObject(`"properties":{"n":{"enum":["a","b"]}}`), true, false},
		{"json: a bound", jsonObject(`"properties":{"n":{"type":"integer","maximum":5}}`), jsonObject(`"properties":{"n":{"type":"integer","maximum":4}}`), false, true},
		{"json: alternatives", jsonObject(`"properties":{"n":{"type":"string"}}`), jsonObject(`"properties":{"n":{"anyOf":[{"type":"string"},{"type":"null"}]}}`), true, false},
		{"another kind", avroRecord(id), protobuf("string id = 1;"), false, false},
	} {
		for _, level := range []struct {
			name    string
			allowed bool
		}{
			{"NONE", true}, {"BACKWARD", tt.backward}, {"FORWARD", tt.forward}, {"FULL", tt.backward && tt.forward},
		} {
			r := registrytest.New(t)
			r.SetLevel("orders-value", level.name)
			r.Register("orders-value", tt.old)
			ctx := sr.WithParams(t.Context(), sr.Verbose)
			got, err := r.Client().CheckCompatibility(ctx, "orders-value", -1, tt.new)
			if err != nil || got.Is != level.allowed || (len(got.Messages) > 0) == level.allowed {
				t.Errorf("%s, %s: %+v (%v), want %v", tt.name, level.name, got, err, level.allowed)
			}
			_, err = r.Client().CreateSchema(t.Context(), "orders-value", tt.new)
			var refused *sr.ResponseError
			if (err == nil) != level.allowed || err != nil && (!errors.As(err, &refused) || refused.StatusCode != 409) {
				t.Errorf("%s, %s: registering it: %v", tt.name, level.name, err)
			}
		}
	}
}

// A transitive level looks at all versions, the others at the latest.
func TestTransitive(t *testing.T) {
	for level, allowed := range map[string]bool{"BACKWARD": true, "BACKWARD_TRANSITIVE": false} {
		r := registrytest.New(t)
		r.SetLevel("", level)
		r.Register("s", avroRecord(`{"name":"id","type":"string"}`))
		r.Register("s", avroRecord(`{"name":"id","type":"string"},{"name":"a","type":"int","default":0}`))
		_, err := r.Client().CreateSchema(t.Context(), "s", avroRecord(`{"name":"id","type":"string"},{"name":"a","type":"int"}`))
		if (err == nil) != allowed {
			t.Errorf("%s: %v", level, err)
		}
	}
}

// A schema has one ID in all subjects, and blanks make no other one of it.
func TestIdentity(t *testing.T) {
	r := registrytest.New(t)
	a := r.Register("a", avroRecord(`{"name":"id","type":"string"}`))
	again := r.Register("a", avroRecord(`{"type": "string",  "name": "id"}`))
	b := r.Register("b/c", avroRecord(`{"name":"id","type":"string"}`))
	if a.ID != again.ID || again.Version != 1 || b.ID != a.ID || b.Version != 1 {
		t.Errorf("%+v, %+v, %+v", a, again, b)
	}
	found, err := r.Client().LookupSchema(t.Context(), "b/c", avroRecord(`{"name":"id", "type":"string"}`))
	if err != nil || found.ID != a.ID || found.Subject != "b/c" {
		t.Errorf("%+v (%v)", found, err)
	}
	p := r.Register("p", protobuf("string id = 1;"))
	if spaced := r.Register("p", protobuf("/* the key */ string id = 1 ;")); spaced.ID != p.ID {
		t.Errorf("%+v, %+v", p, spaced)
	}
	byGUID, err := r.Client().SchemaByGUID(t.Context(), p.GUID)
	if err != nil || byGUID.ID != p.ID {
		t.Errorf("%+v (%v)", byGUID, err)
	}
}

func TestReferences(t *testing.T) {
	r := registrytest.New(t)
	r.Register("line.proto", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message Line { int32 n = 1; }`})
	order := sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; import "line.proto"; message Order { Line line = 1; }`}
	if _, err := r.Client().CreateSchema(t.Context(), "orders-value", order); err == nil {
		t.Error("a schema without its import is accepted")
	}
	order.References = []sr.SchemaReference{{Name: "line.proto", Subject: "line.proto", Version: 2}}
	if _, err := r.Client().CreateSchema(t.Context(), "orders-value", order); err == nil {
		t.Error("a version that does not exist is accepted")
	}
	order.References[0].Version = 1
	r.Register("orders-value", order)
}

// What a file has goes on after a restart; a file that is damaged is not replaced.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.json")
	open := func() *sr.Client {
		t.Helper()
		s, err := server.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		h := httptest.NewServer(s)
		t.Cleanup(h.Close)
		c, err := sr.NewClient(sr.URLs(h.URL))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	c.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatFull}, "orders-value")
	first, err := c.CreateSchema(t.Context(), "orders-value", avroRecord(`{"name":"id","type":"string"}`))
	if err != nil {
		t.Fatal(err)
	}
	c = open()
	again, err := c.LookupSchema(t.Context(), "orders-value", first.Schema)
	if err != nil || again.ID != first.ID || again.Version != 1 {
		t.Errorf("%+v (%v)", again, err)
	}
	if level := c.Compatibility(t.Context(), "orders-value")[0]; level.Level != sr.CompatFull {
		t.Errorf("%+v", level)
	}
	for _, damaged := range []string{"{", `{"compatibility":"x"}`, `{"compatibility":"FULL","subjects":{"a":{"versions":[{"version":1,"id":1}]}}}`} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Open(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", damaged, err)
		}
	}
}

func TestRefused(t *testing.T) {
	r := registrytest.New(t)
	for _, s := range []sr.Schema{
		{Schema: `{"type":"record"}`}, {Schema: `{`}, {Type: sr.TypeProtobuf, Schema: "message"}, {Type: sr.TypeJSON, Schema: "3"},
	} {
		var refused *sr.ResponseError
		if _, err := r.Client().CreateSchema(t.Context(), "s", s); !errors.As(err, &refused) || refused.StatusCode != 422 || refused.ErrorCode != 42201 {
			t.Errorf("%s: %v", s.Schema, err)
		}
	}
	for path, code := range map[string]int{"/subjects/s/versions": 40401, "/schemas/ids/1": 40403, "/config/s": 40408, "/nothing": 404} {
		var refused *sr.ResponseError
		if err := r.Client().Do(t.Context(), "GET", path, nil, nil); !errors.As(err, &refused) || refused.StatusCode != 404 || refused.ErrorCode != code {
			t.Errorf("%s: %v", path, err)
		}
	}
	a := registrytest.New(t, registrytest.WithAuth("u", "p"))
	if subjects, err := a.Client().Subjects(t.Context()); err != nil || len(subjects) != 0 {
		t.Error(subjects, err)
	}
	a.SetAway(true)
	if _, err := a.Client().Subjects(t.Context()); err == nil {
		t.Error("it answers while it is away")
	}
}
