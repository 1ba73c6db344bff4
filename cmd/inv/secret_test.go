package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The secret is in every place of inv.yaml and of a registry's URL in turn, and of
// every type that a place may wrongly have; no output shows it.
const seed = "s3cret"

func TestNoValueOfTheConfigurationIsShown(t *testing.T) {
	t.Parallel()
	forms := []string{ // of a value
		seed, `"` + seed + `"`, "[" + seed + "]", "{" + seed + "}", "[[" + seed + "]]", "{a: " + seed + "}", "*" + seed, "&a *" + seed, "!!int " + seed, "!!bool " + seed,
		"'" + seed, "${" + seed + "}", "${SEED}", "/tmp/" + seed, "http://" + seed + ":" + seed + "@127.0.0.1:1", "http://" + seed + "@127.0.0.1:1/" + seed, seed + ":" + seed + "@127.0.0.1:1",
		"|\n      " + seed, "true", "51337", "[51337]", "51337.5",
	}
	for _, place := range []string{
		"profiles: %s", "profiles:\n  p: %s", "profiles:\n  p:\n    brokers: %s", "profiles:\n  p:\n    brokers: [127.0.0.1:1, %s]",
		"profiles:\n  p:\n    tls: %s", "profiles:\n  p:\n    tls: {ca: %s}", "profiles:\n  p:\n    tls: {cert: %s}", "profiles:\n  p:\n    tls: {cert: /dev/null, key: %s}",
		"profiles:\n  p:\n    tls: {server_name: %s}", "profiles:\n  p:\n    tls: {skip_verify: %s}",
		"profiles:\n  p:\n    sasl: %s", "profiles:\n  p:\n    sasl: {mechanism: %s}", "profiles:\n  p:\n    sasl: {mechanism: PLAIN, username: %s}",
		"profiles:\n  p:\n    sasl: {mechanism: PLAIN, username: u, password: %s}", "profiles:\n  p:\n    sasl: {mechanism: PLAIN, password: %s}",
		"profiles:\n  p:\n    sasl: {mechanism: OAUTHBEARER, token: %s}", "profiles:\n  p:\n    sasl: {mechanism: OAUTHBEARER, client_id: i, client_secret: c, token_url: %s}",
		"profiles:\n  p:\n    sasl: {mechanism: OAUTHBEARER, token_url: 'http://127.0.0.1:1', client_id: %s}",
		"profiles:\n  p:\n    sasl: {mechanism: OAUTHBEARER, token_url: 'http://127.0.0.1:1', client_id: i, client_secret: %s, scope: s}",
		"profiles:\n  p:\n    sasl: {mechanism: OAUTHBEARER, token_url: 'http://127.0.0.1:1', client_id: i, client_secret: c, scope: %s}",
		"profiles:\n  p:\n    schema_registry: %s", "profiles:\n  p:\n    schema_registry: {url: %s}",
		"profiles:\n  p:\n    schema_registry: {url: 'http://127.0.0.1:1', username: %s}", "profiles:\n  p:\n    schema_registry: {url: 'http://127.0.0.1:1', username: u, password: %s}",
		"profiles:\n  p:\n    properties: %s", "profiles:\n  p:\n    properties: {linger.ms: %s}", "profiles:\n  p:\n    properties: {sasl.jaas.config: %s}",
		"profiles:\n  p:\n    properties: {compression.type: %s}", "profiles:\n  p:\n    properties: {ssl.truststore.location: %s}", "profiles:\n  p:\n    properties: {check.crcs: %s}",
		"profiles:\n  p:\n    properties: {security.protocol: %s}", "profiles:\n  p:\n    properties: {acks: %s}", "profiles:\n  p:\n    properties: {sasl.mechanism: %s}",
	} {
		for _, form := range forms {
			if place == "profiles: %s" && form == "{"+seed+"}" {
				continue // which is a profile of that name
			}
			source := fmt.Sprintf(place, form) + "\n"
			file := filepath.Join(t.TempDir(), "inv.yaml")
			if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			got := invoke(t, []string{"SEED=" + seed}, "tail", "orders", "--follow=false", "--config", file, "--profile", "p", "--brokers", "127.0.0.1:1")
			if got.code == 0 {
				t.Errorf("%s: succeeded", source)
			}
			for _, secret := range []string{seed, "51337"} {
				if strings.Contains(got.stdout+got.stderr, secret) {
					t.Errorf("%s\nshows %s", source, got.stderr)
				}
			}
		}
	}
}

// A registry that can't be reached, refuses, or answers nonsense is named without the
// user and the password of its address.
func TestNoUserOfARegistryIsShown(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "framed", 1)
	client := kafkatest.Client(t, brokers)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte{0, 0, 0, 0, 1, 2}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{200, 401, 404, 500} {
		r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, "nonsense")
		}))
		defer r.Close()
		host := strings.TrimPrefix(r.URL, "http://")
		for _, address := range []string{"http://user-" + seed + ":" + seed + "@" + host, "http://" + seed + "@" + host, "http://u:" + seed + "@127.0.0.1:1", "ftp://u:" + seed + "@x", "u:" + seed + "@" + host} {
			got := invoke(t, nil, "tail", topic, "--follow=false", "-o", "json", "--brokers", brokers[0], "--registry", address)
			if got.stderr == "" || strings.Contains(got.stdout+got.stderr, seed) {
				t.Errorf("%d: %q, %q", status, got.stdout, got.stderr)
			}
		}
	}
}
