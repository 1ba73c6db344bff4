package declared

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A registry that doesn't answer is waited for: the record may be right. The end of the
// context ends the wait.
func TestValueWaitsForTheRegistry(t *testing.T) {
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	client, err := registry.NewClient(server.URL, "", "")
	if err != nil {
		t.Fatal(err)
	}
	topics, err := registry.Open(t.Context(), client, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	d := newTopicDecoder(topics, slog.New(slog.NewTextHandler(&said, nil)))
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	go func() {
		<-asked
		cancel(stopped)
	}()
	_, err = d.valueOf(ctx, &kgo.Record{Topic: "orders", Offset: 7, Value: []byte("\x00\x00\x00\x00\x07\x0ahello")})
	if _, isRefusal := refusal(err); isRefusal || !errors.Is(err, stopped) {
		t.Errorf("%v", err)
	}
	if !strings.Contains(said.String(), "waiting for the schema registry") || !strings.Contains(said.String(), "offset=7") {
		t.Errorf("it said %s", &said)
	}
}

// The keys and values of a topic with a format are decoded into room that is kept; those of
// a topic without one stay the record's, whose bytes are never written to.
func TestDecodingKeepsItsRoom(t *testing.T) {
	compile := func(text string) *registry.Format {
		sch, err := registry.Compile(t.Context(), registry.Source{Form: registry.Avro, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true}
	}
	topics, err := registry.Open(t.Context(), registrytest.New(t).Client(), []registry.TopicFormat{{
		Topic: "orders", Writes: true, Key: compile(`"string"`), Value: compile(`{"type":"record","name":"O","fields":[{"name":"id","type":"string"}]}`),
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: "orders"}
	if r.Key, err = topics.Writer("orders", true).AppendKey(nil, []byte("anna")); err != nil {
		t.Fatal(err)
	}
	if r.Value, err = topics.Writer("orders", false).Append(nil, []byte(`{"id":"o-1"}`)); err != nil {
		t.Fatal(err)
	}
	plain := &kgo.Record{Topic: "orders", Value: []byte(`{"id":"a longer one than the others"}`)}
	before := string(plain.Value)
	d := newTopicDecoder(topics, nil)
	decode := func(r *kgo.Record, wantKey, wantValue string) {
		key, err := d.keyOf(t.Context(), r)
		if err != nil || string(key) != wantKey {
			t.Fatalf("key %q, %v", key, err)
		}
		value, err := d.valueOf(t.Context(), r)
		if err != nil || string(value) != wantValue {
			t.Fatalf("value %s, %v", value, err)
		}
	}
	decode(r, "anna", `{"id":"o-1"}`)
	decode(plain, "", before)
	decode(r, "anna", `{"id":"o-1"}`)
	if string(plain.Value) != before {
		t.Errorf("the record is %s", plain.Value)
	}
	ctx := t.Context()
	allocated := testing.AllocsPerRun(100, func() {
		if _, err := d.keyOf(ctx, r); err != nil {
			t.Fatal(err)
		}
		if _, err := d.valueOf(ctx, r); err != nil {
			t.Fatal(err)
		}
	})
	if allocated > 1 { // the text of the key
		t.Errorf("%v allocations a record", allocated)
	}
}
