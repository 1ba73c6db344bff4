package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"inv/processor"
	"inv/processor/metrics"
)

// /metrics is for those who may read it; the probes answer everyone.
func TestWhoMayReadMetrics(t *testing.T) {
	open := metrics.Access{Hosts: []string{"inv.example"}, HostHint: "add the name"}
	secret := metrics.Access{Token: "secret", TokenHint: "ask for it"}
	for _, c := range []struct {
		name    string
		access  metrics.Access
		path    string
		headers []string
		want    int
		says    string
	}{
		{"by address", open, "/metrics", []string{"Host: 10.0.0.1:9464"}, 200, "inv_"},
		{"by localhost", open, "/metrics", []string{"Host: localhost:9464"}, 200, "inv_"},
		{"by an allowed name", open, "/metrics", []string{"Host: INV.example:9464"}, 200, "inv_"},
		{"by a rebound name", open, "/metrics", []string{"Host: evil.example"}, 421, `host "evil.example" is not allowed: add the name`},
		{"by a name with controls", open, "/metrics", []string{"Host: \x1b[31m"}, 421, `"\x1b[31m"`},
		{"from another site", open, "/metrics", []string{"Host: localhost", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403, "cross-site"},
		{"from another origin", open, "/metrics", []string{"Host: localhost", "Origin: https://evil.example"}, 403, "cross-site"},
		{"a probe by any name", open, "/healthz", []string{"Host: pod.example"}, 200, "ok"},
		{"another probe by any name", open, "/readyz", []string{"Host: pod.example"}, 503, "restoring"},
		{"without the token", secret, "/metrics", []string{"Host: localhost"}, 401, "ask for it"},
		{"with another token", secret, "/metrics", []string{"Authorization: Bearer guess"}, 401, "ask for it"},
		{"with the token in the address", secret, "/metrics?token=secret", nil, 401, "ask for it"},
		{"with the token by any name", secret, "/metrics", []string{"Authorization: Bearer secret", "Host: inv.example"}, 200, "inv_"},
		{"with the token from another site", secret, "/metrics", []string{"Authorization: Bearer secret", "Sec-Fetch-Site: cross-site"}, 403, "cross-site"},
		{"a probe without the token", secret, "/healthz", nil, 200, "ok"},
	} {
		server := metrics.New(&processor.Stats{}, nil)
		server.Access = c.access
		r := httptest.NewRequest("GET", c.path, nil)
		for _, h := range c.headers {
			name, value, _ := strings.Cut(h, ": ")
			if name == "Host" {
				r.Host = value
			}
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code != c.want || !strings.Contains(w.Body.String(), c.says) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %.200q, want %d with %q", c.name, w.Code, w.Body, c.want, c.says)
		}
		if c.path == "/metrics" && w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: other sites may embed it", c.name)
		}
	}
}
