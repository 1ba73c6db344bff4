package registry

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestValue(t *testing.T) {
	client, requests := counted(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		switch r.URL.Path {
		case "/schemas/ids/7":
			fmt.Fprint(w, `{"schema":"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"}]}"}`)
		case "/schemas/ids/8":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
		}
	})
	d := NewDecoder(t.Context(), client, Other, Detect)
	schemaHeader := []kgo.RecordHeader{{Key: "trace", Value: []byte("1")}, {Key: valueHeader, Value: []byte("\x00\x00\x00\x00\x07")}}
	for _, tt := range []struct {
		value, want string
		headers     []kgo.RecordHeader
		asked       int64 // requests until then
		fails, away bool
	}{
		{value: `{"a":1}`, want: `{"a":1}`},
		{value: "\x00\x00", want: "\x00\x00"},
		{value: "\x00\x00\x00\x00\x07\x0ahello", want: `{"a":"hello"}`, asked: 1},
		{value: "\x0ahello", headers: schemaHeader, want: `{"a":"hello"}`, asked: 1},
		{value: "\x00\x00\x00\x00\x09\x0ahello", want: "\x00\x00\x00\x00\x09\x0ahello", asked: 2},
		{value: "\x00\x00\x00\x00\x07\x20hello", fails: true, asked: 2},
		{value: "\x00\x00\x00\x00\x08\x0ahello", fails: true, away: true, asked: 3},
	} {
		r := &kgo.Record{Topic: "orders", Value: []byte(tt.value), Headers: tt.headers}
		got, err := d.Value(r)
		var e *Error
		if errors.As(err, &e) != tt.fails || tt.fails && e.Away() != tt.away || !tt.fails && string(got) != tt.want {
			t.Errorf("%q: %q, %v", tt.value, got, err)
		}
		if string(r.Value) != tt.value || requests.Load() != tt.asked {
			t.Errorf("%q: the record has %q, %d requests", tt.value, r.Value, requests.Load())
		}
	}
}
