package webhook

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// secure starts a TLS server, and returns it with a file of its certificate.
func secure(t *testing.T, configure func(*httptest.Server)) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		if !r.ProtoAtLeast(2, 0) {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	if configure != nil {
		configure(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, file
}

func TestTLS(t *testing.T) {
	server, file := secure(t, nil)
	trusting := newSender(t, server.URL, scenario.HTTPSink{CA: text(file)})
	if err := trusting.Send(t.Context(), composed(t, trusting, cutOf(value))); err != nil {
		t.Error("with the receiver's own CA, by HTTP/2:", err)
	}
	if err := trusting.Check(t.Context()); err != nil {
		t.Error(err)
	}
	wary := newSender(t, server.URL, scenario.HTTPSink{})
	err := wary.Send(t.Context(), composed(t, wary, cutOf(value)))
	if kindOf(err) != "held" || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	if err := wary.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server, file := secure(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	s := newSender(t, server.URL, scenario.HTTPSink{CA: text(file)})
	if err := s.Send(t.Context(), composed(t, s, cutOf(value))); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	server, got := receiver(t, nil)
	for _, sink := range []scenario.HTTPSink{{}, {Bearer: text("${TOKEN}")}} {
		s := newSender(t, server.URL, sink)
		if err := s.Check(t.Context()); err != nil || (s.Unchecked() != "") != (sink.Bearer != nil) {
			t.Error(err, s.Unchecked())
		}
	}
	if len(got) > 0 {
		t.Error("a check sends a request")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSender(t, "http://me:hunter22@"+address+"/path", scenario.HTTPSink{})
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "connecting to "+address) || strings.Contains(err.Error(), "hunter22") {
		t.Error(err)
	}
}

func TestAProxy(t *testing.T) {
	proxy, got := receiver(t, nil)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(t, "http://receiver.invalid/path", scenario.HTTPSink{})
	s.transport.Proxy = http.ProxyURL(at)
	if err := s.Check(t.Context()); err != nil {
		t.Error("the proxy is there:", err)
	}
	if err := s.Send(t.Context(), composed(t, s, cutOf(value))); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.uri != "http://receiver.invalid/path" || r.body != value {
		t.Errorf("%+v", r)
	}
}
