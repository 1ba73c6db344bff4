package webhook

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// The tests of this file meet other programs, which .ci/forward installs.

func needsReal(t *testing.T) {
	t.Helper()
	if os.Getenv("INV_FORWARD") != "1" {
		t.Skip("needs other programs: run .ci/forward")
	}
}

// start runs a program until the test ends, and returns its output.
func start(t *testing.T, cmd *exec.Cmd) io.Reader {
	t.Helper()
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return output
}

// verifier is a receiver in Python, with the library of Standard Webhooks.
const verifier = `
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks import Webhook
wh = Webhook(os.environ["SECRET"])
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            wh.verify(body, dict(self.headers))
            self.send_response(204)
            self.end_headers()
        except Exception as e:
            self.send_response(401)
            self.end_headers()
            self.wfile.write(type(e).__name__.encode())
    def log_message(self, *args): pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
`

func TestRealVerifierAcceptsSignatures(t *testing.T) {
	needsReal(t)
	for name, secret := range map[string]string{"the old secret": secretA, "the new secret": secretB} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(cmp.Or(os.Getenv("INV_PYTHON"), "python3"), "-c", verifier)
			cmd.Env, cmd.Stderr = append(os.Environ(), "SECRET="+secret), os.Stderr
			port, err := bufio.NewReader(start(t, cmd)).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			s := newSender(t, "http://127.0.0.1:"+strings.TrimSpace(port), scenario.HTTPSink{
				Sign: text("${SECRETS}"), IdempotencyKey: &scenario.Selector{Path: []string{"id"}}, Body: object(named("reference", "{id}"), named("who", "{who}")),
			})
			s.now = time.Now
			m := composed(t, s, cutOf(value))
			if err := s.Send(t.Context(), m); err != nil {
				t.Error(err)
			}
			changed := m.(*message).request(t.Context())
			changed.Body = io.NopCloser(strings.NewReader(strings.Replace(string(m.(*message).body), "po-1", "po-2", 1)))
			response, err := s.transport.RoundTrip(changed)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if why, _ := io.ReadAll(response.Body); response.StatusCode != 401 || string(why) != "WebhookVerificationError" {
				t.Errorf("a changed body: %s, %s", response.Status, why)
			}
			s.now = func() time.Time { return time.Now().Add(-time.Hour) }
			if err := s.Send(t.Context(), m); kindOf(err) != "held" || !strings.Contains(err.Error(), "401") {
				t.Errorf("an old signature: %v", err)
			}
		})
	}
}

// freeAddress returns an address of the loopback interface that was free.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// alertmanager starts an Alertmanager, and returns its URL.
func alertmanager(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		program = "/usr/sbin/prometheus-alertmanager"
	}
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+folder, "--web.listen-address="+address, "--cluster.listen-address=")
	start(t, cmd)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == 200 {
				return "http://" + address
			}
		}
		if ctx.Err() != nil {
			t.Fatal(cmp.Or(err, errors.New("Alertmanager is not ready")))
		}
	}
}

// documented returns the sink of a section of docs/forward.md.
func documented(t *testing.T, section string) scenario.HTTPSink {
	t.Helper()
	docs, err := os.ReadFile("../../../docs/forward.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(docs), "\n### "+section+"\n")
	_, text, fenced := strings.Cut(text, "```yaml\n")
	text, _, ended := strings.Cut(text, "```")
	if !found || !fenced || !ended {
		t.Fatalf("there is no example of %s", section)
	}
	sc, err := scenario.Parse("docs.yaml", []byte("scenario: docs\ntopics: {alerts: {topic: alerts}}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return *sc.Sinks[0].HTTP
}

// groupBody is a list of the group's alerts.
func groupBody() *scenario.Body {
	return &scenario.Body{Kind: scenario.BodyJQ, JQ: &scenario.JQ{Source: `[$records[] | {
		labels: {alertname: "LowStock", severity: .severity, product: .product_id, warehouse: .warehouse_id},
		annotations: {summary: (.product_name + ": " + (.current_stock | tostring) + " left")}}]`}}
}

func TestRealAlertmanagerTakesAlerts(t *testing.T) {
	needsReal(t)
	at := alertmanager(t)
	t.Setenv("ALERTMANAGER_URL", at)
	group := newSender(t, at, scenario.HTTPSink{URL: *text("${URL}/api/v2/alerts"), Body: groupBody()})
	one := newSender(t, at, documented(t, "Alertmanager"))
	alert := func(product string) string {
		return `{"product_id":"` + product + `","product_name":"Lamp \"ü\"","warehouse_id":"wh-east-1","severity":"critical","current_stock":3,"threshold":10}`
	}
	if err := group.Send(t.Context(), composed(t, group, cutOf(alert("p-1"), alert("p-2")))); err != nil {
		t.Fatal(err)
	}
	third := cutOf(alert("p-3"))
	third.Records[0].Time = time.Now().UnixMilli() // it ends an hour later
	for range 2 {                                  // the same labels are the same alert
		if err := one.Send(t.Context(), composed(t, one, third)); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.Get(at + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var alerts []struct{ Labels, Annotations map[string]string }
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, a := range alerts {
		listed[a.Labels["product"]] = a.Labels["alertname"] + " " + a.Labels["warehouse"] + " " + a.Annotations["summary"]
	}
	for product, summary := range map[string]string{"p-1": "3 left", "p-2": "3 left", "p-3": "3 left (≤10)"} {
		if got := listed[product]; got != `LowStock wh-east-1 Lamp "ü": `+summary {
			t.Errorf("%s: %s", product, got)
		}
	}
	if len(alerts) != 3 {
		t.Errorf("%d alerts", len(alerts))
	}
	wrong := newSender(t, at, scenario.HTTPSink{URL: *text("${URL}/api/v2/alerts"), Body: object(named("a", "{product_id}"))})
	var refused *forward.RecordError
	if err := wrong.Send(t.Context(), composed(t, wrong, cutOf(alert("p-4")))); !errors.As(err, &refused) || refused.Reason != forward.Refused {
		t.Errorf("no list of alerts: %v", err)
	}
	var shown bytes.Buffer
	if err := composed(t, one, cutOf(alert("p-5"))).Show(&shown); err != nil || !strings.Contains(shown.String(), "POST /api/v2/alerts HTTP/1.1\n") {
		t.Error(shown.String(), err)
	}
}
