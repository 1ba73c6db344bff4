package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"inv/processor/forward"
	"inv/processor/metrics"
)

// servedForSinks returns the metrics of a sink.
func servedForSinks() string {
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	metrics.ForSinks([]metrics.Sink{{Name: "lake", Stats: &forward.Stats{}}}).Handler().ServeHTTP(w, r)
	return w.Body.String()
}

// Sinks have their counts by name, and are not ready before one has its partitions.
func TestSinks(t *testing.T) {
	server := metrics.ForSinks([]metrics.Sink{{Name: "lake", Stats: &forward.Stats{}}, {Name: "mail", Stats: &forward.Stats{}}})
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		return w
	}
	text := get("/metrics").Body.String()
	for _, want := range []string{
		`inv_forward_records_total{outcome="delivered",reason="",sink="lake"} 0`,
		`inv_forward_records_total{outcome="passed-over",reason="",sink="mail"} 0`,
		`inv_forward_tries_total{result="failed",sink="lake"} 0`,
		`inv_forward_held{sink="mail"} 0`,
		`inv_forward_partitions{sink="lake",state="ready"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if w := get("/readyz"); w.Code != 503 || w.Body.String() != "without partitions\n" {
		t.Errorf("/readyz: %d %s", w.Code, w.Body)
	}
	if w := get("/healthz"); w.Code != 200 {
		t.Errorf("/healthz: %d %s", w.Code, w.Body)
	}
}
