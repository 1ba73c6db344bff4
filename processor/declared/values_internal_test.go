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
	d := topicDecoder{schemas: topics, log: slog.New(slog.NewTextHandler(&said, nil))}
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
