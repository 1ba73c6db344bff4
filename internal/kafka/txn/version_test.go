package txn_test

import (
	"testing"
	"time"

	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A producer notices that the cluster's transactions were up- or downgraded, but
// doesn't ask more often than it is told to.
func TestVersionChanged(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	level := func(to int16) {
		t.Helper()
		now, err := txn.Implicit(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		update := kadm.FeatureUpdate{Feature: "transaction.version", MaxVersionLevel: to, UpgradeType: 1}
		if now && to < 2 {
			update.UpgradeType = 3 // a downgrade
		}
		if _, err := kadm.NewClient(client).UpdateFeatures(t.Context(), false, update); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		began, is int16
		changed   bool
	}{{2, 2, false}, {2, 1, true}, {1, 1, false}, {1, 2, true}} {
		level(c.began)
		implicit, err := txn.Implicit(t.Context(), client)
		if err != nil || implicit != (c.began == 2) {
			t.Fatalf("with version %d: %v, %v", c.began, implicit, err)
		}
		p := txn.New(client, txn.Config{ID: "x", Implicit: implicit})
		level(c.is)
		if p.VersionChanged(t.Context(), time.Hour) {
			t.Errorf("from %d to %d: it asked before its time", c.began, c.is)
		}
		if got := p.VersionChanged(t.Context(), 0); got != c.changed {
			t.Errorf("from %d to %d: %v", c.began, c.is, got)
		}
	}
}
