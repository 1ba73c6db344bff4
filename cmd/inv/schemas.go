package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/internal/registry/shape"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/spf13/pflag"
)

// registryFlags are the flags of commands that read topics with a format, and of those
// that write them.
type registryFlags struct {
	address  string
	register registerMode
}

// registerMode is the value of --registry-register.
type registerMode struct{ never bool }

func (m *registerMode) Type() string { return "auto|never" }

func (m *registerMode) String() string {
	if m.never {
		return "never"
	}
	return "auto"
}

func (m *registerMode) Set(value string) error {
	if value != "auto" && value != "never" {
		return errors.New("use auto or never")
	}
	m.never = value == "never"
	return nil
}

// reads adds --registry for a command that reads topics.
func (r *registryFlags) reads(flags *pflag.FlagSet) {
	flags.StringVar(&r.address, "registry", "", "the schema registry's `URL`, for topics with Avro, Protobuf or JSON Schema keys and values")
}

// writes adds --registry and --registry-register for a command that writes topics, too.
func (r *registryFlags) writes(flags *pflag.FlagSet) {
	r.reads(flags)
	flags.Var(&r.register, "registry-register", "auto registers schemas that the registry does not have, unless the scenario has register: false; never only looks them up")
}

// topicUse is the topics, by alias, that a command reads and writes.
type topicUse struct {
	reads  []string // nil: all of the scenario's may be read
	writes []string
}

// topics returns how a command reads and writes the topics of a scenario. It asks for the
// registry of --registry or INV_REGISTRY, else of the profile, and registers or looks up
// the schemas of topics that are written. It waits for the registry, and says so. Without
// formats, upgrades and a registry it returns nil.
func (f *sharedFlags) topics(ctx context.Context, s *streams, sc *scenario.Scenario, use topicUse, r registryFlags) (*registry.Topics, error) {
	client, err := registryClient(r.address, f.registry)
	if err != nil {
		return nil, err
	}
	var formats []registry.TopicFormat
	shapes := producer.NewShapes(sc)
	for _, t := range sc.Topics {
		writes := slices.Contains(use.writes, t.Alias)
		if t.Format.Name == "" && t.KeyFormat.Name == "" && len(t.Upgrades) == 0 || !writes && use.reads != nil && !slices.Contains(use.reads, t.Alias) {
			continue
		}
		if client == nil && t.Format.Name+t.KeyFormat.Name != "" {
			return nil, usagef("topic %s is %s, which needs a schema registry: use --registry URL, INV_REGISTRY, or schema_registry in the profile", t.Alias, formatsOf(t))
		}
		one := registry.TopicFormat{Topic: t.NameFor(f.appID), Writes: writes}
		if one.Value, err = topicFormat(ctx, shapes, t, false, r); err == nil {
			one.Key, err = topicFormat(ctx, shapes, t, true, r)
		}
		if err == nil {
			one.Upgrades, err = registry.NewUpgrades(t.Upgrades)
		}
		if err != nil {
			return nil, err
		}
		formats = append(formats, one)
	}
	if client == nil && formats == nil {
		return nil, nil
	}
	topics, err := registry.Open(ctx, client, formats, func(line string) { s.errf("%s\n", line) })
	if err != nil {
		return nil, schemaHint(err)
	}
	return topics, nil
}

// formatsOf names the formats of a topic.
func formatsOf(t scenario.Topic) string {
	if t.Format.Name == "" || t.Format.Name == t.KeyFormat.Name {
		return t.KeyFormat.Name
	}
	if t.KeyFormat.Name == "" {
		return t.Format.Name
	}
	return t.Format.Name + " with keys in " + t.KeyFormat.Name
}

// topicFormat compiles the format of a topic's values or keys; nil if it has none.
func topicFormat(ctx context.Context, shapes *producer.Shapes, t scenario.Topic, key bool, r registryFlags) (*registry.Format, error) {
	e := t.Format
	if key {
		e = t.KeyFormat
	}
	if e.Name == "" {
		return nil, nil
	}
	source, err := topicSchema(shapes, t, key, registry.Form(e.Name))
	if err != nil {
		return nil, err
	}
	sch, err := registry.Compile(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("the schema of topic %s: %w", t.Alias, err)
	}
	return &registry.Format{
		Schema: sch, Subject: registry.Strategy(t.Schemas.Subject), InHeader: t.Schemas.IDs == "header",
		Register: t.Schemas.Register && !r.register.never, Compatibility: strings.ToUpper(t.Schemas.Compatibility),
	}, nil
}

// topicSchema returns the schema of a topic's values or keys: that of its file, if it has
// one of this form, else the one derived from what the scenario says of the fields.
func topicSchema(shapes *producer.Shapes, t scenario.Topic, key bool, form registry.Form) (registry.Source, error) {
	e := t.Format
	if key {
		e = t.KeyFormat
	}
	if e.File != "" && registry.Form(e.Name) == form {
		source := registry.Source{Form: form, Text: e.Source, Message: e.Message}
		for _, i := range e.Imports {
			source.References = append(source.References, registry.Reference{Name: i.Name, Text: i.Source})
		}
		return source, nil
	}
	of, err := topicShape(shapes, t.Alias, key)
	if err != nil {
		return registry.Source{}, err
	}
	source, misfits := registry.Derive(form, derivedName(t, key), strings.ReplaceAll(shapes.Scenario.Name, "-", "_"), of)
	if len(misfits) > 0 {
		return registry.Source{}, &underivedError{alias: t.Alias, key: key, form: form, misfits: misfits}
	}
	return source, nil
}

// underivedError is that no schema can be derived for a topic.
type underivedError struct {
	alias   string
	key     bool
	form    registry.Form
	misfits []registry.Misfit
}

func (e *underivedError) Error() string {
	lines := make([]string, len(e.misfits))
	for i, m := range e.misfits {
		lines[i] = m.String()
	}
	return fmt.Sprintf("%s: %s", e.what(), strings.Join(lines, "; "))
}

// what says what has no schema.
func (e *underivedError) what() string {
	of := "topic"
	if e.key {
		of = "the keys of topic"
	}
	return fmt.Sprintf("no %s schema can be derived for %s %s", e.form, of, e.alias)
}

// derivedName returns the name of a derived record: order_events is OrderEvents, and its
// key OrderEventsKey.
func derivedName(t scenario.Topic, key bool) string {
	var b strings.Builder
	upper := true
	for _, c := range strings.ReplaceAll(t.Name, "{app}", "") {
		switch {
		case !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'):
			upper = true
			continue
		case b.Len() == 0 && unicode.IsDigit(c):
			b.WriteByte('T')
		case upper:
			c = unicode.ToUpper(c)
		}
		upper = false
		b.WriteRune(c)
	}
	if key {
		b.WriteString("Key")
	}
	return b.String()
}

// topicShape returns the type of a topic's values or keys, as the scenario's producers
// and its built-in topologies know it.
func topicShape(shapes *producer.Shapes, alias string, key bool) (shape.Type, error) {
	of := shapes.Value
	if key {
		of = shapes.Key
	}
	produced, err := of(alias)
	var none *producer.NoShapeError
	if err != nil && !errors.As(err, &none) {
		return shape.Type{}, err
	}
	builtIn, writes, ok := builtInShape(shapes.Scenario, alias, key)
	switch {
	case err != nil && !ok:
		return shape.Type{}, &shapelessError{alias}
	case err != nil:
		return builtIn, nil
	case !writes:
		return produced, nil
	}
	merged, err := shape.Merge(builtIn, produced)
	if err != nil {
		return shape.Type{}, fmt.Errorf("topic %s is written by a producer and by a built-in topology, which differ: %w", alias, err)
	}
	return merged, nil
}

// builtInShape returns the type of what built-in topologies of the scenario write to a
// topic or read from it; ok is false if they do neither.
func builtInShape(sc *scenario.Scenario, alias string, key bool) (of shape.Type, writes, ok bool) {
	if !slices.ContainsFunc(sc.Topologies, func(t scenario.Topology) bool { return t.BuiltIn }) {
		return shape.Type{}, false, false
	}
	kind := map[string]string{
		"catalog": event.KindProduct, "orders": event.KindOrder,
		"updates": event.KindUpdate, "reorders": event.KindReorder, "alerts": event.KindAlert, "receipts": event.KindReceipt,
	}[alias]
	writes = kind != event.KindProduct && kind != event.KindOrder
	if of, ok = event.Shape(kind); key {
		of = shape.Type{Kind: shape.Text}
	}
	return of, ok && writes, ok
}

// shapelessError is that nothing tells what the values of a topic are.
type shapelessError struct{ alias string }

func (e *shapelessError) Error() string {
	return fmt.Sprintf("no schema can be derived for topic %s, since no producer of the scenario writes it; name its file, as in format: {avro: FILE}", e.alias)
}

// schemaHint adds what to do about an error of opening topics with a format.
func schemaHint(err error) error {
	var missing *registry.MissingSchemaError
	var refused *registry.RegistryError
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("%w; register the schema, which inv scenarios schema-of shows, or have inv do it: --registry-register auto, and no register: false in the scenario", err)
	case errors.As(err, &refused) && refused.Denied():
		return fmt.Errorf("%w; user and password are in the URL of --registry, or in schema_registry of the profile", err)
	case errors.As(err, &refused) && refused.Status == 404:
		return fmt.Errorf("%w; is the path of the URL right? Apicurio Registry's ends in /apis/ccompat/v7", err)
	}
	return err
}
