package main

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/sr"
)

// schemas returns decoders by --registry, or else by the profile's registry; nil without
// either, and if neither keys nor values can have a schema.
func (t *tailFlags) schemas(ctx context.Context, f *sharedFlags, o *inspect.Options) (func() inspect.SchemaDecoder, error) {
	keys, values := schemaForm(o.KeyForm), schemaForm(o.ValueForm)
	matching := o.Key != nil || o.FailOn != "" || o.Match.Filter != "" || len(o.Match.Grep)+len(o.Match.Exclude) > 0
	client, err := registryClient(t.registry.address, f.registry)
	switch {
	case err != nil:
		return nil, err
	case client == nil && certain(keys):
		return nil, usagef("--key-as %s needs --registry URL, or schema_registry in the profile", keys)
	case client == nil && certain(values):
		return nil, usagef("--value-as %s needs --registry URL, or schema_registry in the profile", values)
	case keys == registry.Other && values == registry.Other || o.Undecoded && !matching:
		return nil, nil
	}
	encoded := encodedTopics(o.Scenario, f.appID)
	if client == nil {
		t.note(encoded.note(slices.Sorted(maps.Keys(o.Labels))))
		return nil, nil
	}
	if o.Partitioner != "" && keys != registry.Other {
		t.note("with a schema registry, the bytes of the key are not known, so all partitions are read; --key-as string reads one")
	}
	shown := encoded.shown(ctx, client, keys, values)
	return func() inspect.SchemaDecoder { return shown.Reader() }, nil
}

// registryClient returns a client of the registry of --registry, or else of the profile's;
// nil without either.
func registryClient(address string, profile *kafka.Registry) (*sr.Client, error) {
	var r kafka.Registry
	if profile != nil && (address == "" || address == profile.URL) {
		r = *profile
	}
	if address = cmp.Or(address, r.URL); address == "" {
		return nil, nil
	}
	client, err := registry.NewClient(address, r.Username, r.Password)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// schemaForm returns the form of keys or values for a registry.
func schemaForm(form string) registry.Form {
	switch form {
	case inspect.FormAuto:
		return registry.Detect
	case inspect.FormAvro:
		return registry.Avro
	case inspect.FormProtobuf:
		return registry.Protobuf
	}
	return registry.Other
}

func certain(f registry.Form) bool { return f == registry.Avro || f == registry.Protobuf }
