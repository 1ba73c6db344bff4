package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"inv/internal/registry/protofile"

	"github.com/twmb/franz-go/pkg/sr"
)

// registrar registers schemas, or looks them up.
type registrar struct {
	client        *sr.Client
	register      bool
	compatibility string // of subjects that it creates
}

// registered is a schema in the registry.
type registered struct {
	id      int32
	version int
}

// ensure finds a schema under a subject, with those that it refers to, and registers what
// is missing after asking whether it is compatible. Nothing is registered if a check fails,
// except references that passed theirs.
func (g *registrar) ensure(ctx context.Context, subject string, sch *Schema) (registered, error) {
	typ := map[Form]sr.SchemaType{Avro: sr.TypeAvro, Protobuf: sr.TypeProtobuf, JSONSchema: sr.TypeJSON}[sch.Form]
	var known []sr.SchemaReference
	for i, ref := range sch.References {
		one := sr.SchemaReference{Name: ref.Name, Subject: ref.Subject, Version: ref.Version}
		if one.Subject == "" {
			one.Subject = ref.Name
		}
		if one.Version == 0 {
			source := Source{Form: sch.Form, Text: ref.Text, References: sch.References[:i]}
			made, err := g.one(ctx, one.Subject, source, sr.Schema{Schema: ref.Text, Type: typ, References: mentioned(ref.Text, known)})
			if err != nil {
				return registered{}, fmt.Errorf("%s, which it refers to: %w", ref.Name, err)
			}
			one.Version = made.version
		}
		known = append(known, one)
	}
	return g.one(ctx, subject, sch.Source, sr.Schema{Schema: sch.Text, Type: typ, References: mentioned(sch.Text, known)})
}

// mentioned returns the references that a schema's text names itself; it gets the others
// through them. A registry takes the list as a part of the schema, and clients write
// these.
func mentioned(text string, references []sr.SchemaReference) (direct []sr.SchemaReference) {
	file := protofile.Descriptor(text)
	for _, r := range references {
		if file != nil {
			if slices.Contains(file.Dependency, r.Name) {
				direct = append(direct, r)
			}
			continue
		}
		short := r.Name[strings.LastIndexByte(r.Name, '.')+1:] // of a type in the same namespace
		for _, name := range []string{`"` + r.Name + `"`, `'` + r.Name + `'`, `"` + r.Name + `#`, `"` + short + `"`} {
			if strings.Contains(text, name) {
				direct = append(direct, r)
				break
			}
		}
	}
	return direct
}

// one ensures one schema, whose references are registered.
func (g *registrar) one(ctx context.Context, subject string, source Source, s sr.Schema) (registered, error) {
	found, err := g.lookUp(ctx, subject, s)
	code := codeOf(err)
	if err == nil || code != codeNoSubject && code != codeNoSchema && code != codeNoVersion {
		return found, err
	}
	if !g.register {
		return registered{}, &MissingSchemaError{Subject: subject, Versions: code != codeNoSubject}
	}
	if code == codeNoSubject {
		err = g.level(ctx, subject)
	} else {
		err = g.check(ctx, subject, source, s)
	}
	if err != nil {
		return registered{}, err
	}
	if _, err = g.client.RegisterSchema(ctx, subject, s, -1, -1); err != nil {
		if codeOf(err) == codeIncompatible {
			return registered{}, g.incompatible(ctx, subject, source, []string{messageOf(err)})
		}
		return registered{}, refused("registering it under "+subject, err)
	}
	if found, err = g.lookUp(ctx, subject, s); err != nil {
		return registered{}, refused("looking it up under "+subject+", where it has just been registered", err)
	}
	return found, nil
}

// The codes of errors, see
// https://docs.confluent.io/platform/current/schema-registry/develop/api.html.
const (
	codeNoSubject    = 40401
	codeNoVersion    = 40402
	codeNoSchema     = 40403
	codeNoLevel      = 40408
	codeIncompatible = 409
)

// codeOf returns the registry's code of an error, else the HTTP status; 0 if it did not
// answer.
func codeOf(err error) int {
	var response *sr.ResponseError
	switch {
	case !errors.As(err, &response):
		return 0
	case response.StatusCode == http.StatusConflict:
		return codeIncompatible
	case response.ErrorCode != 0:
		return response.ErrorCode
	}
	return response.StatusCode
}

func (g *registrar) lookUp(ctx context.Context, subject string, s sr.Schema) (registered, error) {
	found, err := g.client.LookupSchema(ctx, subject, s)
	if err != nil {
		return registered{}, refused("looking it up under "+subject, err)
	}
	if found.ID < 1 || found.ID > math.MaxInt32 || found.Version < 1 {
		return registered{}, &RegistryError{Doing: "looking it up under " + subject, Text: fmt.Sprintf("it has the ID %d and the version %d", found.ID, found.Version)}
	}
	return registered{int32(found.ID), found.Version}, nil
}

// level sets the compatibility level of a subject that is about to be created, unless it
// has one.
func (g *registrar) level(ctx context.Context, subject string) error {
	if g.compatibility == "" {
		return nil
	}
	var level sr.CompatibilityLevel
	if err := level.UnmarshalText([]byte(strings.ToUpper(g.compatibility))); err != nil {
		return fmt.Errorf("the compatibility level of %s: %w", subject, err)
	}
	has := g.client.Compatibility(ctx, subject)[0]
	if has.Err == nil {
		return nil
	}
	if code := codeOf(has.Err); code != codeNoLevel && code != codeNoSubject && code != http.StatusNotFound {
		return refused("asking for the compatibility level of "+subject, has.Err)
	}
	set := g.client.SetCompatibility(ctx, sr.SetCompatibility{Level: level}, subject)[0]
	return refused("setting the compatibility level of "+subject, set.Err)
}

// check asks whether a schema may follow the versions of a subject.
func (g *registrar) check(ctx context.Context, subject string, source Source, s sr.Schema) error {
	const all, latest = -2, -1 // as the level says, and only the last one, as older registries have it
	verbose := sr.WithParams(ctx, sr.Verbose)
	result, err := g.client.CheckCompatibility(verbose, subject, all, s)
	if code := codeOf(err); code == http.StatusNotFound || code == http.StatusMethodNotAllowed {
		result, err = g.client.CheckCompatibility(verbose, subject, latest, s)
	}
	switch code := codeOf(err); {
	case code == codeIncompatible:
		return g.incompatible(ctx, subject, source, []string{messageOf(err)})
	case err != nil:
		return refused("asking whether it is compatible with "+subject, err)
	case !result.Is:
		return g.incompatible(ctx, subject, source, result.Messages)
	}
	return g.readable(ctx, subject, source)
}

// readable refuses a Protobuf schema by which records of the latest version can't be read,
// though the registry allows it: that a field has another number is two new names to it.
// With the level NONE nothing is to be compared.
func (g *registrar) readable(ctx context.Context, subject string, source Source) error {
	if source.Form != Protobuf {
		return nil
	}
	level := g.client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	before, _, err := g.latest(ctx, subject, source)
	if level.Err == nil && level.Level == sr.CompatNone || err != nil {
		return nil
	}
	after, err := Compile(ctx, source)
	if err != nil {
		return err
	}
	if _, err = before.Resolved(after); err != nil {
		return g.incompatible(ctx, subject, source, strings.Split(err.Error(), "\n"))
	}
	return nil
}

// latest returns the latest version of a subject.
func (g *registrar) latest(ctx context.Context, subject string, source Source) (sch *Schema, version int, err error) {
	latest, err := g.client.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return nil, 0, err
	}
	references, err := fetchReferences(ctx, g.client, latest.References, map[string]bool{})
	if err == nil {
		sch, err = Compile(ctx, sourceOf(latest.Schema, references, source.Message))
	}
	return sch, latest.Version, err
}

// incompatible returns the error, with what the registry tells of the subject.
func (g *registrar) incompatible(ctx context.Context, subject string, source Source, messages []string) error {
	e := &IncompatibleError{Subject: subject, Messages: bounds(messages)}
	if level := g.client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]; level.Err == nil {
		e.Level = level.Level.String()
	}
	before, version, err := g.latest(ctx, subject, source)
	e.Version = version
	if err != nil {
		return e
	}
	if after, err := Compile(ctx, source); err == nil {
		e.Changes = bounds(Diff(before, after))
	}
	return e
}

// sourceOf returns a schema of the registry.
func sourceOf(s sr.Schema, references []Reference, message string) Source {
	form := map[sr.SchemaType]Form{sr.TypeAvro: Avro, sr.TypeProtobuf: Protobuf, sr.TypeJSON: JSONSchema}[s.Type]
	return Source{Form: form, Text: s.Schema, References: references, Message: message}
}
