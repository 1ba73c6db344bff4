// Package kafkatest gives tests their brokers: an embedded one of their own, or
// the Apache Kafka that the environment names. It is imported by tests only.
//
// A test that only Apache Kafka can prove begins with kafkatest.Brokers(t): it
// is skipped without INV_KAFKA=HOST:PORT, and fails if INV_REQUIRE_KAFKA is set
// as well, as it is in CI. The broker is shared by all packages, which run side
// by side: take topics and application ids from [Name].
package kafkatest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Embedded starts an embedded broker for this test alone and returns its
// address; it ends with the test.
func Embedded(t testing.TB) []string {
	t.Helper()
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

// OnEach runs the test on an embedded broker and, where there is one, on
// Apache Kafka.
func OnEach(t *testing.T, test func(t *testing.T, brokers []string)) {
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("kafka", func(t *testing.T) { test(t, Brokers(t)) })
}

// Name returns a name that nobody else has, for a topic or an application id.
func Name(t testing.TB, prefix string) string {
	t.Helper()
	return prefix + "-" + strings.ToLower(rand.Text()[:10])
}

// Client makes a client that ends with the test.
func Client(t testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kafka.Connect(t.Context(), kafka.Config{Brokers: brokers}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic with a name of its own, which is deleted after the
// test. Each config is KEY=VALUE.
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

// DeleteAfter deletes topics when the test ends, whether or not they exist
// then; the client must have been made in the same test.
func DeleteAfter(t testing.TB, client *kgo.Client, topics ...string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = kadm.NewClient(client).DeleteTopics(ctx, topics...) // a leftover harms no other test
	})
}

// Eventually waits until the condition holds, and fails the test if it does
// not within the time. What the condition returned last is in the message.
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
		if time.Now().After(deadline) {
			t.Fatal(giveUp(within, what, err))
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(giveUp(within, what, err))
		}
	}
}

func giveUp(within time.Duration, what string, err error) string {
	if err == nil {
		return fmt.Sprintf("not within %s: %s", within, what)
	}
	return fmt.Sprintf("not within %s: %s (last: %v)", within, what, err)
}
