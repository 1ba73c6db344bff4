package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"time"

	"inv/internal/httpguard"
)

//go:embed web openapi.yaml
var files embed.FS

// Access defines which requests are allowed.
type Access struct {
	Token string   // required of every request; "": none, for loopback only
	Hosts []string // allowed in a Host header besides localhost and IP addresses
	Hints Hints
}

// server serves the page and the API.
type server struct {
	hub    *Hub
	access Access
	build  string        // hash of the page's files, by which an old tab notices that they changed
	slots  chan struct{} // one for each event stream
	tabs   browsers
}

// NewHandler serves the page and the API of a hub.
func NewHandler(hub *Hub, access Access) http.Handler {
	s := &server{hub: hub, access: access, slots: make(chan struct{}, maxStreams)}
	all := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		all.Write(content)
		return err
	})
	if err != nil {
		panic("reading the embedded files: " + err.Error()) // part of the binary
	}
	s.build = hex.EncodeToString(all.Sum(nil)[:8])
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.file("web/index.html"))
	mux.HandleFunc("GET /assets/{name}", func(w http.ResponseWriter, r *http.Request) {
		s.file("web/"+r.PathValue("name"))(w, r)
	})
	mux.HandleFunc("GET /api/openapi.yaml", s.file("openapi.yaml"))
	mux.HandleFunc("GET /api/products", s.api(getProducts))
	mux.HandleFunc("GET /api/products/{id...}", s.api(getProduct))
	mux.HandleFunc("GET /api/alerts", s.api(getAlerts))
	mux.HandleFunc("GET /api/reorders", s.api(getReorders))
	mux.HandleFunc("GET /api/summary", s.api(getSummary))
	mux.HandleFunc("GET /api/events", s.events)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, "only GET and HEAD are supported")
			return
		}
		fail(w, http.StatusNotFound, "not found: "+r.URL.Path)
	})
	return s.guard(mux)
}

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard rejects unauthorized requests and those that another site caused.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !httpguard.HostAllowed(r.Host, s.access.Hosts):
			fail(w, http.StatusMisdirectedRequest, withHint(fmt.Sprintf("host %q is not allowed", clip(r.Host)), s.access.Hints.Host))
		case !httpguard.SameOrigin(r, "/", s.access.Hosts):
			fail(w, http.StatusForbidden, "cross-site requests are not allowed")
		case s.access.Token == "" || s.authorized(r):
			next.ServeHTTP(w, r)
		case s.login(w, r):
		default:
			h.Set("WWW-Authenticate", `Bearer realm="inv dashboard"`)
			fail(w, http.StatusUnauthorized, withHint("a valid token is required, in the page's address or as Authorization: Bearer", s.access.Hints.Token))
		}
	})
}

const tokenCookie = "inv-dashboard"

func (s *server) authorized(r *http.Request) bool {
	if bearer, ok := httpguard.Bearer(r); ok {
		return s.isToken(bearer)
	}
	cookie, err := r.Cookie(tokenCookie)
	return err == nil && s.isToken(cookie.Value)
}

func (s *server) isToken(given string) bool { return httpguard.SameToken(given, s.access.Token) }

// login moves a valid token from the page's address to a cookie. Cookie and redirect
// are relative: behind a proxy the page may be in a folder, of which only the browser
// knows the name.
func (s *server) login(w http.ResponseWriter, r *http.Request) bool {
	token := r.URL.Query().Get("token")
	if r.URL.Path != "/" || token == "" || !s.isToken(token) {
		return false
	}
	http.SetCookie(w, &http.Cookie{
		Name: tokenCookie, Value: token, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Location", "./") // http.Redirect would make it absolute
	w.WriteHeader(http.StatusSeeOther)
	return true
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".yaml": "application/yaml; charset=utf-8",
}

func (s *server) file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		content, err := files.ReadFile(name)
		if err != nil {
			fail(w, http.StatusNotFound, "no such file")
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", strconv.Quote(s.build))
		h.Set("Content-Type", contentTypes[path.Ext(name)])
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}

// fail responds with an error in JSON.
func fail(w http.ResponseWriter, code int, message string) {
	answer(w, code, struct {
		Version int    `json:"version"`
		Error   string `json:"error"`
	}{APIVersion, message})
}

func answer(w http.ResponseWriter, code int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"version":1,"error":"encoding the response failed"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // an error means that the client is gone
}
