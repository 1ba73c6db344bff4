// Package kafkatest provides brokers for tests: an embedded one per test, or the
// Apache Kafka that the environment names. Only tests import it.
//
// A test that needs Apache Kafka begins with kafkatest.Brokers(t): it is skipped
// without INV_KAFKA=HOST:PORT, or fails if INV_REQUIRE_KAFKA is set, as in CI. The
// broker is shared by concurrent tests: take topics and application ids from [Name].
// With INV_KAFKA_ONLY set, tests with an embedded broker are skipped: they have run
// without Apache Kafka.
package kafkatest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Embedded starts an embedded broker that ends with the test and returns its address.
func Embedded(t testing.TB) []string {
	t.Helper()
	if os.Getenv("INV_KAFKA_ONLY") != "" {
		t.Skip("INV_KAFKA_ONLY is set")
	}
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return []string{b.Addr()}
}

// Brokers returns the addresses of the Apache Kafka that INV_KAFKA names.
func Brokers(t testing.TB) []string {
	t.Helper()
	if addr := os.Getenv("INV_KAFKA"); addr != "" {
		return strings.Split(addr, ",")
	}
	if os.Getenv("INV_REQUIRE_KAFKA") != "" {
		t.Fatal("INV_REQUIRE_KAFKA is set, but INV_KAFKA names no broker")
	}
	t.Skip("needs Apache Kafka: .ci/kafka runs this test, or set INV_KAFKA=HOST:PORT")
	return nil
}

// OnEach runs the test on an embedded broker and, if available, on Apache Kafka.
func OnEach(t *testing.T, test func(t *testing.T, brokers []string)) {
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("kafka", func(t *testing.T) { test(t, Brokers(t)) })
}

// Name returns a unique name for a topic or an application id.
func Name(t testing.TB, prefix string) string {
	t.Helper()
	return prefix + "-" + strings.ToLower(rand.Text()[:10])
}

// Client returns a client that is closed when the test ends.
func Client(t testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kafka.Connect(t.Context(), kafka.Config{Brokers: brokers}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic with a unique name, which is deleted after the test. Each
// config is KEY=VALUE.
func Topic(t testing.TB, brokers []string, prefix string, partitions int, configs ...string) string {
	t.Helper()
	name := Name(t, prefix)
	spec := kafka.TopicSpec{Name: name, Partitions: partitions, Configs: map[string]string{}}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		spec.Configs[key] = value
	}
	client := Client(t, brokers)
	if _, err := kafka.EnsureTopics(t.Context(), client, spec); err != nil {
		t.Fatal(err)
	}
	DeleteAfter(t, client, name)
	return name
}

// DeleteAfter deletes topics when the test ends, if they exist then. The client must
// have been created in the same test.
func DeleteAfter(t testing.TB, client *kgo.Client, topics ...string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = kadm.NewClient(client).DeleteTopics(ctx, topics...) // a leftover harms no other test
	})
}

// Eventually waits until the condition holds, and fails the test if it does not hold
// in time, with the condition's last error.
func Eventually(t testing.TB, within time.Duration, what string, condition func() (bool, error)) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := condition()
		if ok {
			return
		}
		if time.Now().After(deadline) || t.Context().Err() != nil {
			t.Fatalf("not within %s: %s (last error: %v)", within, what, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
		}
	}
}
