package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/twmb/avro"
)

// parsed is a schema that is understood.
type parsed interface {
	kind() string
	// identity is the same for texts that mean the same.
	identity() string
	// reads returns why the schema can't read records that a writer's schema, of the same
	// kind, has encoded; nothing if it can.
	reads(writer parsed) []string
}

// parse parses a schema with those that it refers to. The caller holds the lock.
func (s *Server) parse(ctx context.Context, schema Schema) (parsed, error) {
	references, err := s.referred(schema.References, map[string]bool{}, 0)
	if err != nil {
		return nil, err
	}
	var p parsed
	switch schema.kind() {
	case typeAvro:
		p, err = parseAvro(schema.Text, references)
	case typeProtobuf:
		p, err = parseProtobuf(ctx, schema.Text, references)
	case typeJSON:
		p, err = parseJSON(schema.Text, references)
	default:
		err = fmt.Errorf("there is no schema type %q", schema.Type)
	}
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, codeInvalidSchema, "Invalid schema: %v", err)
	}
	return p, nil
}

// referred is the text of a reference.
type referred struct{ name, text string }

// referred returns the schemas that references name, and theirs, in order of dependency.
func (s *Server) referred(references []Reference, seen map[string]bool, depth int) (out []referred, err error) {
	if len(references) > maxReferences || len(seen) > maxReferences || depth > maxDepth {
		return nil, refuse(http.StatusUnprocessableEntity, codeInvalidSchema, "Invalid schema: it has more than %d references, or they are nested more than %d levels deep", maxReferences, maxDepth)
	}
	for _, r := range references {
		if seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		schema, ok := s.referenced(r)
		if !ok {
			return nil, refuse(http.StatusUnprocessableEntity, codeInvalidSchema, "Invalid schema: no schema reference found for subject %q and version %d", r.Subject, r.Version)
		}
		deeper, err := s.referred(schema.References, seen, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(append(out, deeper...), referred{r.Name, schema.Text})
	}
	return out, nil
}

// referenced returns the schema of a reference, also of a version that is deleted.
func (s *Server) referenced(r Reference) (Schema, bool) {
	if sub := s.subjects[r.Subject]; sub != nil {
		for _, v := range sub.versions {
			if v.number == r.Version {
				return s.schemas[v.id-1], true
			}
		}
	}
	return Schema{}, false
}

type avroSchema struct {
	schema *avro.Schema
	text   string
}

func parseAvro(text string, references []referred) (parsed, error) {
	var cache avro.SchemaCache
	for _, r := range references {
		if _, err := cache.Parse(r.text); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	schema, err := cache.Parse(text)
	if err != nil {
		return nil, err
	}
	return avroSchema{schema, text}, nil
}

func (avroSchema) kind() string       { return typeAvro }
func (a avroSchema) identity() string { return compact(a.text) }

func (a avroSchema) reads(writer parsed) []string {
	if err := avro.CheckCompatibility(writer.(avroSchema).schema, a.schema); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// compact returns JSON without blanks, and with the keys of objects in order.
func compact(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(b)
}
