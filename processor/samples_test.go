package processor_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"

	"github.com/twmb/franz-go/pkg/kgo"
)

// writeSamples puts records that the reference system wrote into a topic.
func (s *system) writeSamples(alias, file string) (n int64) {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "internal", "event", "testdata", "samples", file+".jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	var records []*kgo.Record
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var r struct{ Key, Value string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			s.t.Fatal(err)
		}
		records = append(records, s.record(alias, r.Key, r.Value))
	}
	s.write(records...)
	return int64(len(records))
}

// What the reference system wrote goes in through the topics without complaint,
// under both policies.
func TestReferenceSamplesAreProcessed(t *testing.T) {
	for _, policy := range []string{inventory.PolicyDefault, inventory.PolicyReference} {
		t.Run(policy, func(t *testing.T) {
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				s := newSystem(t, brokers)
				s.create()
				products := s.writeSamples("catalog", "product_catalog")
				orders := s.writeSamples("orders", "order_events")
				reorders := s.writeSamples("reorders", "reorder_events")
				summary := s.drain(func(c *config) { c.Policy = policy })
				if n := summary.Count("", processor.DeadLettered); n != 0 {
					t.Errorf("%d dead-lettered: %v", n, summary.Records)
				}
				for alias, want := range map[string]int64{"catalog": products, "orders": orders, "reorders": reorders + summary.Counts["reorder"]} {
					if n := summary.Count(s.topic(alias), processor.Accepted); n != want {
						t.Errorf("%d of %d %s accepted", n, want, alias)
					}
				}
				if policy == inventory.PolicyDefault {
					s.checkFold()
				}
			})
		})
	}
}
