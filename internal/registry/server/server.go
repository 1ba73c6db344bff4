// Package server is a schema registry in memory, or in a file: the part of Confluent's
// API, version 7, that producers, consumers and inv use, with its compatibility checks.
// Its contexts, modes, rules and metadata are left out.
//
// https://docs.confluent.io/platform/current/schema-registry/develop/api.html
package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Limits of a request: it comes from anyone who reaches the port.
const (
	maxBody       = 2 << 20
	maxSubject    = 255
	maxReferences = 100
	maxDepth      = 20 // of references
	maxSchemas    = 100_000
)

// Server is a registry, an [http.Handler]. It is safe for concurrent use.
type Server struct {
	mux  *http.ServeMux
	file string // "": it keeps nothing

	mu       sync.Mutex
	schemas  []Schema // by ID - 1
	subjects map[string]*subject
	level    Level
}

// Schema is a schema as requests and answers have it.
type Schema struct {
	Type       string      `json:"schemaType,omitempty"` // "": AVRO
	Text       string      `json:"schema"`
	References []Reference `json:"references,omitempty"`
}

// Reference is a schema that another one refers to by a name.
type Reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// The types of schemas.
const (
	typeAvro     = "AVRO"
	typeProtobuf = "PROTOBUF"
	typeJSON     = "JSON"
)

func (s Schema) kind() string { return cmp.Or(s.Type, typeAvro) }

// subject is the versions of a schema.
type subject struct {
	level    Level // "": the registry's
	versions []version
}

type version struct {
	number  int
	id      int
	deleted bool // it no longer counts; records with its ID can still be read
}

// New returns an empty registry in memory.
func New() *Server {
	s := &Server{subjects: map[string]*subject{}, level: Backward}
	s.mux = s.routes()
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// live returns the versions of a subject that are not deleted. The caller holds the lock.
func (s *Server) live(name string) []version {
	sub := s.subjects[name]
	if sub == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sub.versions), func(v version) bool { return v.deleted })
}

// levelOf returns the level of a subject. The caller holds the lock.
func (s *Server) levelOf(name string) Level {
	if sub := s.subjects[name]; sub != nil && sub.level != "" {
		return sub.level
	}
	return s.level
}

// subject returns a subject, a new one if there is none of the name. The caller holds
// the lock.
func (s *Server) subject(name string) *subject {
	sub := s.subjects[name]
	if sub == nil {
		sub = &subject{}
		s.subjects[name] = sub
	}
	return sub
}

// names returns the names of the subjects that have a version. The caller holds the lock.
func (s *Server) names() []string {
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.subjects)) {
		if len(s.live(name)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// register adds a schema to a subject, unless it is there. The caller holds the lock.
func (s *Server) register(ctx context.Context, name string, schema Schema) (v version, err error) {
	if name == "" || len(name) > maxSubject {
		return v, refuse(http.StatusUnprocessableEntity, codeInvalidSubject, "a subject's name has 1 to %d bytes", maxSubject)
	}
	p, err := s.parse(ctx, schema)
	if err != nil {
		return v, err
	}
	versions := s.live(name)
	if v, ok := s.find(ctx, versions, schema, p); ok {
		return v, nil
	}
	if reasons := s.check(ctx, name, versions, p); len(reasons) > 0 {
		return v, refuse(http.StatusConflict, codeIncompatible, "Schema being registered is incompatible with an earlier schema for subject %q, details: %q", name, reasons)
	}
	v.id = 1 + slices.IndexFunc(s.schemas, func(old Schema) bool { return s.same(ctx, old, schema, p) })
	if v.id == 0 {
		if len(s.schemas) >= maxSchemas {
			return v, refuse(http.StatusUnprocessableEntity, codeInvalidSchema, "there are %d schemas already", maxSchemas)
		}
		s.schemas = append(s.schemas, schema)
		v.id = len(s.schemas)
	}
	sub := s.subject(name)
	v.number = 1
	if n := len(sub.versions); n > 0 {
		v.number = sub.versions[n-1].number + 1
	}
	sub.versions = append(sub.versions, v)
	return v, s.save()
}

// find returns the version that has a schema. The caller holds the lock.
func (s *Server) find(ctx context.Context, versions []version, schema Schema, p parsed) (version, bool) {
	i := slices.IndexFunc(versions, func(v version) bool { return s.same(ctx, s.schemas[v.id-1], schema, p) })
	if i < 0 {
		return version{}, false
	}
	return versions[i], true
}

// same reports whether a schema that is registered is the one that p is parsed from:
// blanks, comments and the order of keys make no difference.
func (s *Server) same(ctx context.Context, old, schema Schema, p parsed) bool {
	if old.kind() != schema.kind() || !slices.Equal(old.References, schema.References) {
		return false
	}
	if old.Text == schema.Text {
		return true
	}
	o, err := s.parse(ctx, old)
	return err == nil && o.identity() == p.identity()
}

// guid returns the identifier of a schema that does not depend on the registry.
func guid(schema Schema) string {
	h := sha256.New()
	h.Write([]byte(schema.kind() + "\x00" + schema.Text))
	for _, r := range schema.References {
		fmt.Fprintf(h, "\x00%s\x00%s\x00%d", r.Name, r.Subject, r.Version)
	}
	t := hex.EncodeToString(h.Sum(nil)[:16])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
