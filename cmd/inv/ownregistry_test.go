package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"inv/internal/broker"

	"github.com/twmb/franz-go/pkg/sr"
)

// Schemas survive a restart in the folder of the broker, which they don't disturb.
func TestRegistryOfTheBroker(t *testing.T) {
	dir := t.TempDir()
	for start := range 2 {
		b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		url, stop, err := serveRegistry("127.0.0.1:0", dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := serveRegistry(strings.TrimPrefix(url, "http://"), ""); !errors.Is(err, errRegistryPort) {
			t.Errorf("the same port once more: %v", err)
		}
		client, err := sr.NewClient(sr.URLs(url))
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			if _, err := client.CreateSchema(t.Context(), "orders-value", sr.Schema{Schema: `"string"`}); err != nil {
				t.Error(err)
			}
		} else if got, err := client.SchemaByVersion(t.Context(), "orders-value", -1); err != nil || got.Schema.Schema != `"string"` {
			t.Errorf("after a restart: %+v (%v)", got, err)
		}
		foreign, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/subjects/x/versions", strings.NewReader(`{"schema":"\"long\""}`))
		if err != nil {
			t.Fatal(err)
		}
		foreign.Header.Set("Origin", "https://example.com")
		answer, err := http.DefaultClient.Do(foreign)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("a page of another site is answered %s", answer.Status)
		}
		stop()
		b.Close()
	}
}
