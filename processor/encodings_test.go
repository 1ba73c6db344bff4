package processor_test

import (
	"context"
	"fmt"
	"strings"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/internal/registry/shape"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// kindsByAlias are the records of the topics that may have a format.
var kindsByAlias = map[string]string{
	"catalog": event.KindProduct, "orders": event.KindOrder, "receipts": event.KindReceipt,
	"updates": event.KindUpdate, "reorders": event.KindReorder, "alerts": event.KindAlert,
}

// encodings are how a system's topics are encoded: as the parts of a scenario say it.
type encodings struct {
	URL    string // of the registry
	Form   registry.Form
	Keys   bool // of texts, in the same form
	Header bool // IDs are in headers
}

// open gives a scenario's topics their formats, and returns what reads and writes them.
func (e encodings) open(ctx context.Context, sc *scenario.Scenario, app string) (*registry.Topics, error) {
	client, err := sr.NewClient(sr.URLs(e.URL))
	if err != nil {
		return nil, err
	}
	var formats []registry.TopicFormat
	for i := range sc.Topics {
		t := &sc.Topics[i]
		of, ok := event.Shape(kindsByAlias[t.Alias])
		if !ok {
			of, ok = faultShapes[t.Alias]
		}
		if !ok {
			continue
		}
		one := registry.TopicFormat{Topic: t.NameFor(app), Writes: true}
		t.Format.Name = string(e.Form)
		if one.Value, err = e.derived(ctx, t.Alias, of); err != nil {
			return nil, err
		}
		if e.Keys {
			t.KeyFormat.Name = string(e.Form)
			if one.Key, err = e.derived(ctx, t.Alias+"Key", shape.Type{Kind: shape.Text}); err != nil {
				return nil, err
			}
		}
		if one.Upgrades, err = registry.NewUpgrades(t.Upgrades); err != nil {
			return nil, err
		}
		formats = append(formats, one)
	}
	return registry.Open(ctx, client, formats, func(string) {})
}

func (e encodings) derived(ctx context.Context, name string, of shape.Type) (*registry.Format, error) {
	source, misfits := registry.Derive(e.Form, strings.ToUpper(name[:1])+name[1:], "inventory", of)
	if len(misfits) > 0 {
		return nil, fmt.Errorf("%s: %v", name, misfits)
	}
	sch, err := registry.Compile(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true, InHeader: e.Header}, nil
}

// encode gives the system's topics formats.
func (s *system) encode(e encodings) {
	s.t.Helper()
	s.encodings = e
	var err error
	if s.schemas, err = e.open(s.t.Context(), s.scenario, s.prefix); err != nil {
		s.t.Fatal(err)
	}
}

// encoded returns records as their topics' formats have them.
func (s *system) encoded(records ...*kgo.Record) []*kgo.Record {
	s.t.Helper()
	for _, r := range records {
		var err error
		if w := s.schemas.Writer(r.Topic, true); w != nil {
			if r.Key, err = w.AppendKey(nil, r.Key); err != nil {
				s.t.Fatalf("the key of %s: %v", r.Topic, err)
			}
			if w.Header.Key != "" {
				r.Headers = append(r.Headers, w.Header)
			}
		}
		w := s.schemas.Writer(r.Topic, false)
		if w == nil || r.Value == nil {
			continue
		}
		value := r.Value
		if r.Value, err = w.Append(nil, value); err != nil {
			s.t.Fatalf("%s of %s: %v", value, r.Topic, err)
		}
		if w.Header.Key != "" {
			r.Headers = append(r.Headers, w.Header)
		}
	}
	return records
}

// decoded replaces the key and the value of a record by what their formats make of them.
func (s *system) decoded(r *kgo.Record) {
	s.t.Helper()
	if s.schemas == nil {
		return
	}
	key, err := s.schemas.Key(nil, r)
	if err != nil {
		s.t.Fatalf("the key of %s/%d@%d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	value, err := s.schemas.Value(nil, r)
	if err != nil {
		s.t.Fatalf("%s/%d@%d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	r.Key, r.Value = key, value
}
