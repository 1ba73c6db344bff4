// Package registrytest is a schema registry for tests: that of package server, in memory
// on loopback, with its compatibility checks.
package registrytest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"inv/internal/registry/server"

	"github.com/twmb/franz-go/pkg/sr"
)

// Registry is a registry that ends with its test.
type Registry struct {
	URL string

	t        testing.TB
	away     atomic.Bool
	requests atomic.Int64
	user     string
	password string
}

// Option is an option of [New].
type Option func(*Registry)

// WithAuth has the registry ask for a user and a password.
func WithAuth(user, password string) Option {
	return func(r *Registry) { r.user, r.password = user, password }
}

// Away has the registry be away at first, see [Registry.SetAway].
func Away() Option { return func(r *Registry) { r.away.Store(true) } }

// New starts an empty registry, whose compatibility level is BACKWARD.
func New(t testing.TB, options ...Option) *Registry {
	t.Helper()
	r := &Registry{t: t}
	for _, o := range options {
		o(r)
	}
	handler := server.New()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		user, password, _ := req.BasicAuth()
		switch {
		case r.away.Load():
			http.Error(w, `{"error_code":50002,"message":"starting"}`, http.StatusServiceUnavailable)
		case user != r.user || password != r.password:
			http.Error(w, `{"error_code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
		default:
			handler.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(s.Close)
	r.URL = s.URL
	return r
}

// SetAway has the registry answer every request with 503, or be there again.
func (r *Registry) SetAway(away bool) { r.away.Store(away) }

// Requests returns the number of requests so far, those while it was away included.
func (r *Registry) Requests() int { return int(r.requests.Load()) }

// Client returns a client that may do everything.
func (r *Registry) Client() *sr.Client {
	r.t.Helper()
	options := []sr.ClientOpt{sr.URLs(r.URL)}
	if r.user != "" {
		options = append(options, sr.BasicAuth(r.user, r.password))
	}
	c, err := sr.NewClient(options...)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// Register registers a schema, and returns its ID and version.
func (r *Registry) Register(subject string, s sr.Schema) sr.SubjectSchema {
	r.t.Helper()
	made, err := r.Client().CreateSchema(r.t.Context(), subject, s)
	if err != nil {
		r.t.Fatalf("registering %s: %v", subject, err)
	}
	return made
}

// SetLevel sets the compatibility level of a subject; "": of those that have none.
func (r *Registry) SetLevel(subject, level string) {
	r.t.Helper()
	var l sr.CompatibilityLevel
	if err := l.UnmarshalText([]byte(level)); err != nil {
		r.t.Fatal(err)
	}
	for _, result := range r.Client().SetCompatibility(r.t.Context(), sr.SetCompatibility{Level: l}, subject) {
		if result.Err != nil {
			r.t.Fatal(result.Err)
		}
	}
}

// Latest returns the latest schema of a subject; false if it has none.
func (r *Registry) Latest(subject string) (sr.SubjectSchema, bool) {
	s, err := r.Client().SchemaByVersion(r.t.Context(), subject, -1)
	return s, err == nil
}
