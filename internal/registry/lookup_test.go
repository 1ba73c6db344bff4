package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protowire"
)

// counted returns a client of a registry that handle answers for, and its number of
// requests.
func counted(t *testing.T, handle http.HandlerFunc) (*sr.Client, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := sr.NewClient(sr.URLs(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return client, &requests
}

// kinds collects what is worth reporting of errors.
func kinds(into map[string]bool, err error) {
	if err == nil {
		return
	}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var one *Error
		if errors.As(e, &one) {
			into[one.Once()] = true
		}
	}
}

func TestIntegersThatLookFramed(t *testing.T) {
	client, requests := counted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
	})
	d := NewDecoder(t.Context(), client, Detect, Detect)
	reported := map[string]bool{}
	for i := range 300 {
		key := binary.BigEndian.AppendUint64(nil, uint64(i+1)<<30) // each with another ID
		r := &fetch.Record{Topic: "orders", Key: key, Value: append(key, "rest"...)}
		err := d.Decode(r, func() {})
		kinds(reported, err)
		if err == nil || string(r.Key) != string(key) || string(r.Value) != string(key)+"rest" {
			t.Fatalf("record %d became %q, %q (%v)", i, r.Key, r.Value, err)
		}
	}
	if n := requests.Load(); n > 2*missesAtFirst {
		t.Errorf("%d requests for 300 records", n)
	}
	if len(reported) != 2 {
		t.Errorf("reported are %v, want one of the keys and one of the values", reported)
	}
}

// An integer is not decoded by a schema that happens to have its ID, unless the
// topic has that schema.
func TestIntegerWithAnExistingSchema(t *testing.T) {
	integer := framed(6, 4, 'h', 'i') // 25837271145, or a string
	for _, c := range []struct {
		name, topic string
		keys        Form
		want        string
	}{
		{"a schema of another topic", "payments", Detect, string(integer)},
		{"the topic's schema", "orders", Detect, "hi"},
		{"any, if keys are Avro", "payments", Avro, "hi"},
		{"none, if keys are something else", "orders", Other, string(integer)},
		{"none, if keys are Protobuf", "orders", Protobuf, string(integer)},
	} {
		d := NewDecoder(t.Context(), registry(t), c.keys, Detect)
		r := &fetch.Record{Topic: c.topic, Key: integer}
		err := d.Decode(r, func() {})
		if refused := c.want != "hi" && c.keys != Other; string(r.Key) != c.want || (err != nil) != refused {
			t.Errorf("%s: %q (%v), want %q", c.name, r.Key, err, c.want)
		}
	}
	// Keys of other lengths show that the topic's keys are framed.
	d := NewDecoder(t.Context(), registry(t), Detect, Detect)
	for _, key := range [][]byte{framed(6, 6, 'y', 'e', 's'), integer} {
		r := &fetch.Record{Topic: "payments", Key: key}
		if err := d.Decode(r, func() {}); err != nil {
			t.Errorf("%x: %v", key, err)
		}
	}
	r := &fetch.Record{Topic: "payments", Key: binary.BigEndian.AppendUint64(nil, 42)}
	if err := d.Decode(r, func() {}); err != nil {
		t.Errorf("an ID of 0: %v", err)
	}
}

// Without leave to wait, nothing is asked, and what is known is decoded.
func TestDecodeWithoutWaiting(t *testing.T) {
	d := NewDecoder(t.Context(), registry(t), Detect, Detect)
	integer := framed(6, 4, 'h', 'i')
	waits := func(err error) bool {
		reported := map[string]bool{}
		kinds(reported, err)
		return reported[unasked]
	}
	for _, c := range []struct {
		key  []byte
		want string
	}{{framed(6, 6, 'y', 'e', 's'), "yes"}, {integer, "hi"}} {
		d.seen = map[column]*sightings{} // the second one is an integer, or framed
		r := &fetch.Record{Topic: "orders", Key: c.key}
		if err := d.Decode(r, nil); !waits(err) || string(r.Key) != string(c.key) {
			t.Errorf("%x before it was asked for: %q, %v", c.key, r.Key, err)
		}
		if err := d.Decode(r, func() {}); err != nil || string(r.Key) != c.want {
			t.Errorf("%x: %q, %v", c.key, r.Key, err)
		}
		r.Key = c.key
		if err := d.Decode(r, nil); err != nil || string(r.Key) != c.want {
			t.Errorf("%x once more: %q, %v", c.key, r.Key, err)
		}
	}
}

func TestRegistryThatDoesNotAnswer(t *testing.T) {
	client, requests := counted(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	d := NewDecoder(t.Context(), client, Detect, Detect)
	reported, waits := map[string]bool{}, 0
	for id := range uint32(100) {
		r := &fetch.Record{Topic: "orders", Value: framed(1+id, 1, 2)}
		kinds(reported, d.Decode(r, func() { waits++ }))
	}
	if requests.Load() != 1 || waits != 1 || len(reported) != 1 {
		t.Errorf("%d requests, %d waits, reported %v; want one of each", requests.Load(), waits, reported)
	}
}

func TestSchemaInHeaders(t *testing.T) {
	const guid = "00010203-0405-0607-0809-0a0b0c0d0e0f"
	binaryGUID := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	schema := `{"schema":"\"long\""}`
	client, requests := counted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/schemas/guids/" + guid, "/schemas/ids/7":
			fmt.Fprint(w, schema)
		case "/schemas/ids/8":
			fmt.Fprint(w, `{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message A { string a = 1; } message B { string b = 1; }"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	d := NewDecoder(t.Context(), client, Detect, Detect)
	text := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "hi")
	for _, c := range []struct {
		name, header string
		id, bytes    []byte
		want         string
	}{
		{"by ID", valueHeader, framed(7), long(-3), "-3"},
		{"by GUID", valueHeader, append([]byte{1}, binaryGUID...), long(1 << 40), "1099511627776"},
		{"a payload that looks framed", valueHeader, framed(7), long(0), "0"},
		{"the first Protobuf message", valueHeader, framed(8), text, `{"a":"hi"}`},
		{"another Protobuf message", valueHeader, framed(8, 2, 2), text, `{"b":"hi"}`},
		{"the key's header", keyHeader, framed(7), []byte("plain"), "plain"},
		{"a malformed header", valueHeader, []byte{2, 1}, []byte("plain"), "plain"},
		{"a tombstone", valueHeader, framed(7), nil, ""},
	} {
		r := &fetch.Record{Topic: "orders", Value: c.bytes}
		r.SetHeaders([]fetch.Header{{Key: "other", Value: []byte("x")}, {Key: c.header, Value: c.id}})
		if err := d.Decode(r, func() {}); err != nil || string(r.Value) != c.want || (r.Value == nil) != (c.bytes == nil) {
			t.Errorf("%s: %q (%v), want %q", c.name, r.Value, err, c.want)
		}
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests for 3 schemas", n)
	}
	r := &fetch.Record{Topic: "orders", Key: long(5)}
	r.SetHeaders([]fetch.Header{{Key: keyHeader, Value: framed(7)}})
	if err := d.Decode(r, func() {}); err != nil || string(r.Key) != "5" {
		t.Errorf("key %q (%v)", r.Key, err)
	}
	r = &fetch.Record{Topic: "orders", Value: []byte("plain")}
	if err := NewDecoder(t.Context(), client, Detect, Avro).Decode(r, func() {}); err == nil || !strings.Contains(err.Error(), "no schema ID") {
		t.Errorf("an unframed value that is Avro: %v", err)
	}
}

// A registry that doesn't answer, one that lacks the schema, and a payload that its schema
// doesn't fit are different mistakes.
func TestKindsOfErrors(t *testing.T) {
	for _, tt := range []struct {
		status       int
		answer       string
		away, unsure bool
	}{
		{http.StatusUnauthorized, `{"error_code":401,"message":"who?"}`, true, false},
		{http.StatusServiceUnavailable, `{"error_code":50301,"message":"starting"}`, true, false},
		{http.StatusNotFound, `{"error_code":40403,"message":"Schema not found"}`, false, true},
		{http.StatusOK, `{"schema":"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"}]}"}`, false, false},
	} {
		client, _ := counted(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.answer)
		})
		d := NewDecoder(t.Context(), client, Other, Detect)
		var e *Error
		err := d.Decode(&fetch.Record{Topic: "orders", Value: []byte("\x00\x00\x00\x00\x07\x20too short")}, func() {})
		if !errors.As(err, &e) || e.Away() != tt.away || e.Unsure() != tt.unsure || tt.status == http.StatusUnauthorized && !strings.HasSuffix(err.Error(), ": the schema registry denies access (401 Unauthorized): who?") {
			t.Errorf("%d: %v", tt.status, err)
		}
	}
}
