package event_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/registry"
)

// Every record that the Append functions write is the same after it was encoded by the
// schema that is derived from its kind: its numbers are equal, and a field that is absent
// may be null.
func TestShapeEncoded(t *testing.T) {
	for _, form := range []registry.Form{registry.Avro, registry.Protobuf, registry.JSONSchema} {
		schemas, refused := map[string]*registry.Schema{}, 0
		r := rand.New(rand.NewPCG(3, 4))
		for range 100 {
			for kind, value := range randomRecords(r) {
				sch := schemas[kind]
				if sch == nil {
					sch = derived(t, form, kind)
					schemas[kind] = sch
				}
				payload, err := sch.Encode(nil, value)
				if form == registry.Protobuf && err != nil && strings.Contains(err.Error(), "has more digits than a double keeps") {
					refused++
					continue
				}
				if err != nil {
					t.Fatalf("%s, %s: %v\n%s", form, kind, err, value)
				}
				back, err := sch.Decode(nil, payload, registry.Data)
				if err != nil {
					t.Fatalf("%s, %s: %v\n%s", form, kind, err, value)
				}
				if got, want := plain(t, back), plain(t, value); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, %s:\ngot  %s\nwant %s", form, kind, back, value)
				}
			}
		}
		if refused > 400 {
			t.Errorf("%s refuses %d of 600 records", form, refused)
		}
	}
}

// An amount that a schema can't hold is an error, never another amount.
func TestShapeRefuses(t *testing.T) {
	order := []byte(`{"order_id":"o","customer_id":"c","items":[],"order_total":743.8399999999999}`)
	for _, form := range []registry.Form{registry.Avro} {
		if _, err := derived(t, form, event.KindOrder).Encode(nil, order); err == nil {
			t.Errorf("%s takes a total of 13 decimals", form)
		}
	}
}

func derived(t *testing.T, form registry.Form, kind string) *registry.Schema {
	t.Helper()
	of, _ := event.Shape(kind)
	source, misfits := registry.Derive(form, "Record", "test", of)
	if len(misfits) > 0 {
		t.Fatalf("%s: %v", kind, misfits)
	}
	sch, err := registry.Compile(t.Context(), source)
	if err != nil {
		t.Fatalf("%s: %v\n%s", kind, err, source.Text)
	}
	if misfits := registry.Fit(sch, of); len(misfits) > 0 {
		t.Fatalf("%s does not fit its own schema: %v", kind, misfits)
	}
	return sch
}

// plain returns a JSON value with exact numbers, without members that are null.
func plain(t *testing.T, value []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, value)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		r, _ := new(big.Rat).SetString(v.String())
		return r.RatString()
	case map[string]any:
		for key, member := range v {
			if v[key] = exact(member); member == nil {
				delete(v, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	}
	return v
}
