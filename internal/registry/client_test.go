package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A registry that never stops sending is cut off.
func TestEndlessResponse(t *testing.T) {
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"schema":"`))
		for chunk := []byte(strings.Repeat("x", 1<<16)); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer r.Close()
	client, err := NewClient(r.URL, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.SchemaByID(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Error(err)
	}
}

// A user in the address is who asks, unless one is named beside it.
func TestUser(t *testing.T) {
	var asked string
	r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		asked = user + ":" + password
	}))
	defer r.Close()
	address := strings.Replace(r.URL, "://", "://u:p@", 1)
	for _, c := range []struct{ username, password, want string }{{"", "", "u:p"}, {"v", "q", "v:q"}} {
		client, err := NewClient(address, c.username, c.password)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.SchemaByID(t.Context(), 1); err == nil || asked != c.want {
			t.Errorf("asked as %s (%v), want %s", asked, err, c.want)
		}
	}
	for _, address := range []string{"", "x", "ftp://x", "http://", "://u:secret@x", "http://u:secret@x:port"} {
		if _, err := NewClient(address, "", ""); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
