package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// The codes of errors, as Confluent's registry has them.
const (
	codeNoSubject       = 40401
	codeNoVersion       = 40402
	codeNoSchema        = 40403
	codeNoSubjectConfig = 40408
	codeIncompatible    = 409
	codeInvalidSchema   = 42201
	codeInvalidVersion  = 42202
	codeInvalidLevel    = 42203
	codeInvalidSubject  = 42208
	codeStore           = 50001
)

// refusal is an answer that refuses a request.
type refusal struct {
	status, code int
	message      string
}

func (r *refusal) Error() string { return r.message }

func refuse(status, code int, format string, args ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

func noSubject(name string) error {
	return refuse(http.StatusNotFound, codeNoSubject, "Subject '%s' not found.", name)
}

var errNoSchema = refuse(http.StatusNotFound, codeNoSchema, "Schema not found")

const contentType = "application/vnd.schemaregistry.v1+json"

// routes returns the handlers. Each is called with the lock held.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := s.locked(r, f)
			respond(w, answer, err)
		})
	}
	handle("GET /{$}", func(*http.Request) (any, error) { return struct{}{}, nil })
	handle("GET /schemas/types", func(*http.Request) (any, error) { return []string{typeAvro, typeJSON, typeProtobuf}, nil })
	handle("GET /schemas/ids/{id}", s.schemaByID)
	handle("GET /schemas/ids/{id}/schema", s.textByID)
	handle("GET /schemas/ids/{id}/versions", s.versionsByID)
	handle("GET /schemas/guids/{guid}", s.schemaByGUID)
	handle("GET /subjects", func(*http.Request) (any, error) { return s.names(), nil })
	handle("POST /subjects/{subject}", s.lookUp)
	handle("DELETE /subjects/{subject}", s.deleteSubject)
	handle("GET /subjects/{subject}/versions", s.versions)
	handle("POST /subjects/{subject}/versions", s.add)
	handle("GET /subjects/{subject}/versions/{version}", s.schemaByVersion)
	handle("DELETE /subjects/{subject}/versions/{version}", s.deleteVersion)
	handle("POST /compatibility/subjects/{subject}/versions", s.compatibility)
	handle("POST /compatibility/subjects/{subject}/versions/{version}", s.compatibility)
	handle("GET /config", func(*http.Request) (any, error) { return map[string]Level{"compatibilityLevel": s.level}, nil })
	handle("PUT /config", s.setLevel)
	handle("GET /config/{subject}", s.getLevel)
	handle("PUT /config/{subject}", s.setLevel)
	handle("GET /mode", func(*http.Request) (any, error) { return map[string]string{"mode": "READWRITE"}, nil })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, nil, refuse(http.StatusNotFound, http.StatusNotFound, "HTTP 404 Not Found"))
	})
	return mux
}

func (s *Server) locked(r *http.Request, f func(r *http.Request) (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(r)
}

func respond(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		refused := &refusal{http.StatusInternalServerError, codeStore, err.Error()}
		errors.As(err, &refused)
		status, answer = refused.status, map[string]any{"error_code": refused.code, "message": refused.message}
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client is gone, then
}

// readSchema reads the schema of a request's body.
func readSchema(r *http.Request) (s Schema, err error) {
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		return s, refuse(http.StatusUnprocessableEntity, codeInvalidSchema, "Invalid request: %v", err)
	}
	if s.Type == typeAvro {
		s.Type = ""
	}
	return s, nil
}

// identified is a schema of a subject.
type identified struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
	ID      int    `json:"id"`
	GUID    string `json:"guid"`
	Schema
}

func (s *Server) identified(name string, v version) identified {
	schema := s.schemas[v.id-1]
	return identified{name, v.number, v.id, guid(schema), schema}
}

func (s *Server) schemaByID(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || id > len(s.schemas) {
		return nil, errNoSchema
	}
	schema := s.schemas[id-1]
	return struct {
		GUID string `json:"guid"`
		Schema
	}{guid(schema), s.shown(r, schema)}, nil
}

// shown returns a schema as a request asks for it: of Protobuf the source, or with
// ?format=serialized a descriptor in base64. One that was registered as a descriptor has
// no source.
func (s *Server) shown(r *http.Request, schema Schema) Schema {
	if schema.kind() == typeProtobuf && r.URL.Query().Get("format") == "serialized" {
		if p, err := s.parse(r.Context(), schema); err == nil {
			if text, err := p.(protobufSchema).serialized(); err == nil {
				schema.Text = text
			}
		}
	}
	return schema
}

func (s *Server) textByID(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || id > len(s.schemas) {
		return nil, errNoSchema
	}
	schema := s.schemas[id-1]
	if schema.kind() == typeProtobuf {
		return schema.Text, nil
	}
	return json.RawMessage(schema.Text), nil
}

func (s *Server) versionsByID(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || id > len(s.schemas) {
		return nil, errNoSchema
	}
	type subjectVersion struct {
		Subject string `json:"subject"`
		Version int    `json:"version"`
	}
	found := []subjectVersion{}
	for _, name := range s.names() {
		for _, v := range s.live(name) {
			if v.id == id {
				found = append(found, subjectVersion{name, v.number})
			}
		}
	}
	return found, nil
}

func (s *Server) schemaByGUID(r *http.Request) (any, error) {
	for i, schema := range s.schemas {
		if g := guid(schema); g == r.PathValue("guid") {
			return struct {
				ID   int    `json:"id"`
				GUID string `json:"guid"`
				Schema
			}{i + 1, g, s.shown(r, schema)}, nil
		}
	}
	return nil, errNoSchema
}

func (s *Server) lookUp(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	schema, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	versions := s.live(name)
	if len(versions) == 0 {
		return nil, noSubject(name)
	}
	p, err := s.parse(r.Context(), schema)
	if err != nil {
		return nil, err
	}
	if v, ok := s.find(r.Context(), versions, schema, p); ok {
		return s.identified(name, v), nil
	}
	return nil, errNoSchema
}

func (s *Server) add(r *http.Request) (any, error) {
	schema, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("subject")
	v, err := s.register(r.Context(), name, schema)
	if err != nil {
		return nil, err
	}
	return s.identified(name, v), nil
}

func (s *Server) versions(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	versions := s.live(name)
	if len(versions) == 0 {
		return nil, noSubject(name)
	}
	return numbers(versions), nil
}

func numbers(versions []version) []int {
	n := make([]int, len(versions))
	for i, v := range versions {
		n[i] = v.number
	}
	return n
}

// version returns the version that a request names, by its number or as the latest.
func (s *Server) version(name, text string) (version, error) {
	versions := s.live(name)
	if len(versions) == 0 {
		return version{}, noSubject(name)
	}
	if text == "latest" || text == "-1" {
		return versions[len(versions)-1], nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return version{}, refuse(http.StatusUnprocessableEntity, codeInvalidVersion, "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"", text)
	}
	for _, v := range versions {
		if v.number == number {
			return v, nil
		}
	}
	return version{}, refuse(http.StatusNotFound, codeNoVersion, "Version %d not found.", number)
}

func (s *Server) schemaByVersion(r *http.Request) (any, error) {
	v, err := s.version(r.PathValue("subject"), r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	found := s.identified(r.PathValue("subject"), v)
	found.Schema = s.shown(r, found.Schema)
	return found, nil
}

func (s *Server) deleteSubject(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	versions := s.live(name)
	if len(versions) == 0 {
		return nil, noSubject(name)
	}
	for i := range s.subjects[name].versions {
		s.subjects[name].versions[i].deleted = true
	}
	return numbers(versions), s.save()
}

func (s *Server) deleteVersion(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	v, err := s.version(name, r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	for i := range s.subjects[name].versions {
		if one := &s.subjects[name].versions[i]; one.number == v.number {
			one.deleted = true
		}
	}
	return v.number, s.save()
}
