package sinks_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/sinks"
	"inv/scenarios"
)

// shipped returns the sinks of the inventory scenario.
func shipped(t *testing.T) (*scenario.Scenario, []*scenario.Sink) {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	var all []*scenario.Sink
	for i := range sc.Sinks {
		all = append(all, &sc.Sinks[i])
	}
	return sc, all
}

func variables(name string) (string, bool) {
	values := map[string]string{
		"PROCUREMENT_URL": "http://127.0.0.1:1", "PROCUREMENT_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"SMTP_URL": "smtp://127.0.0.1:1", "SMS_URL": "http://127.0.0.1:1", "SMS_LOGIN": "user:password", "SMS_TO": "+100",
		"PG_URL": "postgres://127.0.0.1:1/inv",
	}
	value, ok := values[name]
	return value, ok
}

// Each kind of sink is made of its declaration, and is a sender or a store.
func TestNew(t *testing.T) {
	sc, declared := shipped(t)
	list, err := sinks.New(sc, declared, sinks.Options{App: "shop", Lookup: variables})
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		store, where, lane, group, json bool
		limit                           int
		sources                         string
	}
	all := "product_catalog order_events inventory_updates reorder_events inventory_alerts stock_receipts"
	want := map[string]facts{
		"purchase-orders": {lane: true, json: true, limit: 20, sources: "reorder_events"},
		"warehouse-mail":  {group: true, json: true, sources: "inventory_alerts"},
		"warehouse-text":  {where: true, group: true, json: true, limit: 1, sources: "inventory_alerts"},
		"lake":            {store: true, sources: all},
		"warehouse-db":    {store: true, json: true, sources: all},
	}
	for _, s := range list {
		var topics []string
		for _, source := range s.Config.Sources {
			topics = append(topics, source.Topic)
		}
		_, store := s.Sink.(forward.Store)
		if _, sender := s.Sink.(forward.Sender); sender == store {
			t.Errorf("%s: sender %t, store %t", s.Name, sender, store)
		}
		c := s.Config
		got := facts{store, c.Where != nil, c.Lane != nil, c.Group != nil, c.JSON, c.Limit.Count, strings.Join(topics, " ")}
		if got != want[s.Name] || c.App != "shop" || c.Name != s.Name || c.Timeout <= 0 {
			t.Errorf("%s: %+v, want %+v", s.Name, got, want[s.Name])
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d sinks", len(list))
	}
	if _, err := os.Stat("lake"); err == nil {
		t.Error("making a sink has made its folder")
	}
}

// All variables that are missing are named at once, each once.
func TestMissingVariables(t *testing.T) {
	sc, declared := shipped(t)
	_, err := sinks.New(sc, declared, sinks.Options{App: "shop", Lookup: func(name string) (string, bool) {
		return "", false
	}})
	var missing *sinks.MissingError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	if want := []string{"PG_URL", "PROCUREMENT_SECRETS", "PROCUREMENT_URL", "SMS_LOGIN", "SMS_TO", "SMS_URL", "SMTP_URL"}; !slices.Equal(missing.Variables, want) {
		t.Errorf("%q, want %q", missing.Variables, want)
	}
	if want := []string{"purchase-orders", "warehouse-mail", "warehouse-text", "warehouse-db"}; !slices.Equal(missing.Sinks, want) {
		t.Errorf("of %q, want %q", missing.Sinks, want)
	}
}

// A value that can't be right is refused, without showing it.
func TestWrongValue(t *testing.T) {
	sc, _ := shipped(t)
	for sink, name := range map[string]string{"purchase-orders": "PROCUREMENT_SECRETS", "warehouse-db": "PG_URL", "warehouse-mail": "SMTP_URL"} {
		_, err := sinks.New(sc, []*scenario.Sink{sc.Sink(sink)}, sinks.Options{App: "shop", Lookup: func(n string) (string, bool) {
			if n == name {
				return "ftp://inv:hunter2@nowhere", true
			}
			return variables(n)
		}})
		if err == nil || !strings.HasPrefix(err.Error(), "sink "+sink+": ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", sink, err)
		}
	}
}
