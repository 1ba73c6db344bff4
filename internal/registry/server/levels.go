package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Level says which versions of a subject must understand each other's records.
type Level string

// The levels. Those that are transitive look at all versions, the others at the latest.
const (
	None               Level = "NONE"
	Backward           Level = "BACKWARD" // the new schema reads the old one's records
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	Forward            Level = "FORWARD" // the old schema reads the new one's records
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL" // both
	FullTransitive     Level = "FULL_TRANSITIVE"
)

func (l Level) valid() bool {
	return slices.Contains([]Level{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}, l)
}

func (l Level) transitive() bool {
	return l == BackwardTransitive || l == ForwardTransitive || l == FullTransitive
}

func (l Level) backward() bool {
	return l == Backward || l == BackwardTransitive || l == Full || l == FullTransitive
}

func (l Level) forward() bool {
	return l == Forward || l == ForwardTransitive || l == Full || l == FullTransitive
}

// check returns why the level of a subject forbids a schema after some versions; nothing
// if it does not. The caller holds the lock.
func (s *Server) check(ctx context.Context, name string, versions []version, p parsed) (reasons []string) {
	level := s.levelOf(name)
	if level == None || len(versions) == 0 {
		return nil
	}
	if !level.transitive() {
		versions = versions[len(versions)-1:]
	}
	for _, v := range slices.Backward(versions) {
		old, err := s.parse(ctx, s.schemas[v.id-1])
		if err != nil {
			return []string{fmt.Sprintf("version %d: %v", v.number, err)}
		}
		for _, reason := range incompatible(level, p, old) {
			reasons = append(reasons, fmt.Sprintf("%s {oldSchemaVersion: %d}", reason, v.number))
		}
	}
	if len(reasons) > 0 {
		reasons = append(reasons, fmt.Sprintf("{compatibility: '%s'}", level))
	}
	return reasons
}

// incompatible returns why a level forbids a schema after an old one.
func incompatible(level Level, p, old parsed) (reasons []string) {
	if p.kind() != old.kind() {
		return []string{fmt.Sprintf("the new schema is %s and the old one is %s", p.kind(), old.kind())}
	}
	if level.backward() {
		for _, reason := range p.reads(old) {
			reasons = append(reasons, "the new schema can't read the old one's records: "+reason)
		}
	}
	if level.forward() {
		for _, reason := range old.reads(p) {
			reasons = append(reasons, "the old schema can't read the new one's records: "+reason)
		}
	}
	return reasons
}

func (s *Server) compatibility(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	schema, err := readSchema(r)
	if err != nil {
		return nil, err
	}
	p, err := s.parse(r.Context(), schema)
	if err != nil {
		return nil, err
	}
	versions := s.live(name)
	if text := r.PathValue("version"); text != "" {
		v, err := s.version(name, text)
		if err != nil {
			return nil, err
		}
		versions = []version{v}
	}
	reasons := s.check(r.Context(), name, versions, p)
	answer := map[string]any{"is_compatible": len(reasons) == 0}
	if r.URL.Query().Get("verbose") == "true" {
		answer["messages"] = reasons
	}
	return answer, nil
}

func (s *Server) getLevel(r *http.Request) (any, error) {
	name := r.PathValue("subject")
	sub := s.subjects[name]
	if (sub == nil || sub.level == "") && r.URL.Query().Get("defaultToGlobal") != "true" {
		return nil, refuse(http.StatusNotFound, codeNoSubjectConfig, "Subject '%s' does not have subject-level compatibility configured", name)
	}
	return map[string]Level{"compatibilityLevel": s.levelOf(name)}, nil
}

// setLevel sets the level of a subject, or of those that have none.
func (s *Server) setLevel(r *http.Request) (any, error) {
	var body struct {
		Compatibility Level `json:"compatibility"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !body.Compatibility.valid() {
		return nil, refuse(http.StatusUnprocessableEntity, codeInvalidLevel, "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive")
	}
	if name := r.PathValue("subject"); name != "" {
		if len(name) > maxSubject {
			return nil, refuse(http.StatusUnprocessableEntity, codeInvalidSubject, "a subject's name has 1 to %d bytes", maxSubject)
		}
		s.subject(name).level = body.Compatibility
	} else {
		s.level = body.Compatibility
	}
	return body, s.save()
}
