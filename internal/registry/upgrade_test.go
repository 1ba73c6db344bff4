package registry_test

import (
	"errors"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/jq"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

func typed(kind string) []kgo.RecordHeader {
	return []kgo.RecordHeader{{Key: "ce_type", Value: []byte(kind)}}
}

func TestUpgrades(t *testing.T) {
	u, err := registry.NewUpgrades([]scenario.Upgrade{
		{Type: "inventory.order.v2", With: scenario.JQ{Source: `.items |= map(.quantity = .qty | del(.qty))`}},
		{Type: "inventory.order.v3", With: scenario.JQ{Source: `{order_id: .id, total: .total}`}},
		{Type: "inventory.order.v4", With: scenario.JQ{Source: `.items[]`}},
		{Type: "inventory.order.v5", With: scenario.JQ{Source: `.id`}},
		{Type: "inventory.order.v6", With: scenario.JQ{Source: `empty`}},
		{Type: "inventory.order.v7", With: scenario.JQ{Source: `.id + .total`}},
		{Type: "inventory.order.v8", With: scenario.JQ{Source: `.a |= map(.b = (.b + .b)) | .a |= map(.b = (.b + .b)) | .a |= map(.b = (.b + .b))`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const v2 = `{"order_id":"o-1","items":[{"product_id":"p","qty":2,"unit_price":1.50}]}`
	tests := []struct{ kind, value, want, wrong string }{
		{kind: "inventory.order.v1", value: `not even JSON`, want: `not even JSON`},
		{kind: "", value: v2, want: v2},
		{kind: "inventory.order.v2", value: v2, want: `{"items":[{"product_id":"p","quantity":2,"unit_price":1.50}],"order_id":"o-1"}`},
		{kind: "inventory.order.v2", value: "", wrong: "the upgrade of inventory.order.v2: the value is not one JSON document"},
		{kind: "inventory.order.v2", value: `{"items":7}`, wrong: "the upgrade of inventory.order.v2: cannot iterate over: number"},
		{kind: "inventory.order.v3", value: `{"id":"a","total":100000000000000000000.10}`, want: `{"order_id":"a","total":100000000000000000000.10}`},
		{kind: "inventory.order.v4", value: `{"items":[{},{}]}`, wrong: "it makes 2 values of one"},
		{kind: "inventory.order.v5", value: `{"id":"a"}`, wrong: "it makes no object, but a value of the type string"},
		{kind: "inventory.order.v6", value: `{"id":"a"}`, wrong: "it makes 0 values of one"},
		{kind: "inventory.order.v7", value: `{"id":"a","total":[]}`, wrong: "cannot add"},
		{kind: "inventory.order.v8", value: `{"a":[` + strings.Repeat(`{"b":"`+strings.Repeat("x", 1000)+`"},`, 1000) + `{}]}`, wrong: "too many steps"},
	}
	for _, tt := range tests {
		var headers []kgo.RecordHeader
		if tt.kind != "" {
			headers = typed(tt.kind)
		}
		got, err := u.Apply(nil, headers, []byte(tt.value))
		if tt.wrong == "" && (err != nil || string(got) != tt.want) {
			t.Errorf("%s of %s: %s, %v; want %s", tt.kind, tt.value, got, err, tt.want)
		}
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s of %s: %s, %v; want an error with %q", tt.kind, tt.value, got, err, tt.wrong)
			}
			var upgrade *registry.UpgradeError
			if !errors.As(err, &upgrade) || upgrade.Type != tt.kind {
				t.Errorf("%s of %s: the error is a %T", tt.kind, tt.value, err)
			}
		}
	}
	if got, err := u.Apply(nil, typed("inventory.order.v2"), nil); got != nil || err != nil {
		t.Errorf("a tombstone became %q, %v", got, err)
	}
}

func TestUpgradedVersionIsKnown(t *testing.T) {
	u, err := registry.NewUpgrades([]scenario.Upgrade{{Type: "inventory.order.v2", With: scenario.JQ{Source: "."}}})
	if err != nil {
		t.Fatal(err)
	}
	structured := append(typed("inventory.order.v2"), kgo.RecordHeader{Key: "content-type", Value: []byte("application/cloudevents+json")})
	tests := []struct {
		upgrades *registry.Upgrades
		headers  []kgo.RecordHeader
		want     event.Reason
	}{
		{u, typed("inventory.order.v1"), ""},
		{u, typed("inventory.order.v2"), ""},
		{u, typed("inventory.order.v3"), event.UnknownVersion},
		{u, structured, event.StructuredMode},
		{nil, typed("inventory.order.v2"), event.UnknownVersion},
	}
	for _, tt := range tests {
		var reason event.Reason
		var e *event.Error
		if errors.As(tt.upgrades.CheckVersion(tt.headers), &e) {
			reason = e.Reason
		}
		if reason != tt.want {
			t.Errorf("%s: reason %q, want %q", tt.headers, reason, tt.want)
		}
	}
}

func TestWrongUpgrades(t *testing.T) {
	for _, with := range []string{"", ".items |", "now", "input", "{a: $missing}"} {
		_, err := registry.NewUpgrades([]scenario.Upgrade{{Type: "inventory.order.v2", With: scenario.JQ{Source: with}}})
		var wrong *registry.ExpressionError
		var syntax *jq.Error
		if !errors.As(err, &wrong) || !errors.As(err, &syntax) || wrong.Upgrade.With.Source != with {
			t.Errorf("%q: %v", with, err)
		}
	}
}

// Topics upgrades what it reads, of topics without a format and without a registry, too.
func TestTopicsUpgrade(t *testing.T) {
	u, err := registry.NewUpgrades([]scenario.Upgrade{{Type: "inventory.order.v2", With: scenario.JQ{Source: `{order_id: .id}`}}})
	if err != nil {
		t.Fatal(err)
	}
	topics, err := registry.Open(t.Context(), nil, []registry.TopicFormat{{Topic: "orders", Upgrades: u}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ topic, kind, value, want string }{
		{"orders", "inventory.order.v2", `{"id":"a"}`, `{"order_id":"a"}`},
		{"orders", "inventory.order.v1", `{"id":"a"}`, `{"id":"a"}`},
		{"others", "inventory.order.v2", `{"id":"a"}`, `{"id":"a"}`},
	} {
		got, err := topics.Value(nil, &kgo.Record{Topic: tt.topic, Headers: typed(tt.kind), Value: []byte(tt.value)})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s of %s: %s, %v; want %s", tt.kind, tt.topic, got, err, tt.want)
		}
	}
	var none *registry.Topics
	if got, err := none.Value(nil, &kgo.Record{Topic: "orders", Value: []byte("x")}); string(got) != "x" || err != nil {
		t.Errorf("without topics: %q, %v", got, err)
	}
	_, failed := topics.Value(nil, &kgo.Record{Topic: "orders", Headers: typed("inventory.order.v2"), Value: []byte("7")})
	if failed == nil || registry.Reason(failed) != event.UnknownVersion {
		t.Errorf("a value that is no object: %v", failed)
	}
}
