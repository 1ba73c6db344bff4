package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/sr"
)

// version returns the same system with another version of its scenario.
func (s *system) version(name string, replace ...string) *system {
	s.t.Helper()
	path := strings.TrimPrefix(s.env[2], "INV_SCENARIO=")
	source, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(source), replace[i]) {
			s.t.Fatalf("the scenario has no %q", replace[i])
		}
	}
	next := filepath.Join(filepath.Dir(path), name+".yaml")
	if err := os.WriteFile(next, []byte(strings.NewReplacer(replace...).Replace(string(source))), 0o600); err != nil {
		s.t.Fatal(err)
	}
	v := *s
	v.env = append([]string{}, s.env...)
	v.env[2] = "INV_SCENARIO=" + next
	return &v
}

// ordersKey is where the value of the orders' producer begins.
const ordersKey = "    rate: 1s\n    value:\n      order_id: {sequence: \"order-{seed}-{n}\"}\n      customer_id: {int: [0, 999999], as: \"cust-{}\"}\n"

// Version 2 of a scenario has a field with a default, renames another and widens a number.
// The processor reads old and new records on one topic, by either version; a change that
// the registry refuses is told before the first record.
func TestProcessReadsVersions(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	v1 := newSystem(t, brokers, "format: avro", registrytest.New(t).URL)
	v2 := v1.version("v2", ordersKey, strings.Replace(ordersKey, "customer_id: {int: [0, 999999], as: \"cust-{}\"}",
		"customer_id: {int: [0, 999999], as: \"cust-{}\"}\n      currency: {one_of: [EUR, USD], default: EUR}\n      campaign: {int: [0, 9], alias: promotion, default: 0}", 1),
		"quantity: {int: [1, 9]}\n          unit_price: {ref: catalog.price}\n      order_total", "quantity: {int: [1, 12]}\n          unit_price: {ref: catalog.price}\n      order_total")
	bad := v1.version("bad", "      timestamp: {time: now}\n", "      timestamp: {time: now}\n      outlet: {one_of: [north, south]}\n") // of all its producers
	v1.invoke("produce", "catalog").wants(t, 0, "", "")
	v1.invoke("produce", "orders", "--count", "300", "--rate", "max", "--seed", "1").wants(t, 0, "", "")
	drain := func(s *system, orders string) {
		t.Helper()
		s.invoke("process", "--drain", "--lead-time", "0s").wants(t, 0, "", "0 dead-lettered")
		s.invoke("verify").wants(t, 0, orders, "")
	}
	drain(v1, "300 orders")
	v2.invoke("produce", "orders", "--count", "300", "--rate", "max", "--seed", "2").wants(t, 0, "", "")
	v1.invoke("produce", "orders", "--count", "10", "--rate", "max", "--seed", "3").wants(t, 0, "", "")
	drain(v2, "610 orders")
	v2.invoke("produce", "orders", "--count", "50", "--rate", "max", "--seed", "4").wants(t, 0, "", "")
	drain(v1, "660 orders")
	refused := bad.invoke("produce", "orders", "--count", "1")
	refused.wants(t, 1, "", "it is not compatible with version 2 of "+v1.topic("orders")+"-value")
	if !strings.Contains(refused.stderr, "outlet") {
		t.Errorf("the field is not named:\n%s", refused.stderr)
	}
}

// What the processor writes is registered before topics are created and groups joined: an
// incompatible schema is refused, and so is one that is only looked up and not there.
func TestProcessIsRefused(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	r := registrytest.New(t)
	s := newSystem(t, brokers, "format: avro", r.URL)
	none := func() {
		t.Helper()
		there, err := kafka.PartitionCounts(t.Context(), kafkatest.Client(t, brokers), s.topic("orders"))
		if err != nil || len(there) > 0 {
			t.Errorf("topics: %v, %v", there, err)
		}
	}
	s.invoke("process", "--drain", "--registry-register", "never").wants(t, 1, "", "--registry-register auto")
	none()
	r.Register(s.topic("updates")+"-value", sr.Schema{Schema: `{"type":"record","name":"InventoryUpdates","namespace":"inventory","fields":[{"name":"product_id","type":"int"}]}`})
	s.invoke("process", "--drain").wants(t, 1, "", "it is not compatible with version 1 of "+s.topic("updates")+"-value")
	none()
	without := *s
	without.env = s.env[:3]
	without.invoke("process", "--drain").wants(t, 2, "", "needs a schema registry")
	none()
}

// A registry that is away holds the start, and says so; then the processor starts.
func TestProcessWaitsForTheRegistry(t *testing.T) {
	r := registrytest.New(t, registrytest.Away())
	s := newSystem(t, kafkatest.Embedded(t), "format: protobuf", r.URL)
	done := make(chan invocation, 1)
	go func() { done <- s.invoke("process", "--drain") }()
	kafkatest.Eventually(t, time.Minute, "the registry is asked", func() (bool, error) { return r.Requests() > 1, nil })
	r.SetAway(false)
	ended := <-done
	ended.wants(t, 0, "", "waiting for the schema registry")
	ended.wants(t, 0, "", "processed 0 records")
}
