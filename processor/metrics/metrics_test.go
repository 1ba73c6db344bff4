package metrics_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/processor/metrics"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// running returns a processor that serves its metrics.
func running(t *testing.T) (url string) {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	c := kafka.Config{Brokers: kafkatest.Embedded(t)}
	client := kafkatest.Client(t, c.Brokers)
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.Specs(sc, "inv")...); err != nil {
		t.Fatal(err)
	}
	for topic, value := range map[string]string{
		"product_catalog": `{"id":"p","name":"n","price":1,"initial_stock":3,"reorder_threshold":5,"reorder_quantity":9,"critical_threshold":4}`,
		"order_events":    `no JSON`,
	} {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("p"), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	stats := &processor.Stats{}
	topologies, err := builtin.Select(sc, nil, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := metrics.New(stats, topologies)
	server.LagEvery = 50 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() {
		_, err := processor.Run(ctx, processor.Config{Kafka: c, Scenario: sc, Topologies: topologies, Instance: "test", Stats: stats, Hooks: server.Hooks})
		ended <- err
	}()
	go func() {
		ended <- server.Serve(ctx, l, c, []string{"inv-ingest", "inv-ledger"}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Every metric that the dashboard and the alert rules name is there.
func TestDashboardAndAlertsNameMetricsThatExist(t *testing.T) {
	url := running(t)
	kafkatest.Eventually(t, 30*time.Second, "ready, and something of everything counted", func() (bool, error) {
		code, _ := get(t, url+"/readyz")
		_, body := get(t, url+"/metrics")
		return code == http.StatusOK && strings.Contains(body, `outcome="dead-lettered"`) && strings.Contains(body, `inv_outputs_total{kind="alert"} 1`) &&
			strings.Contains(body, "inv_lag_records{") && strings.Contains(body, "inv_kafka_produce_bytes_total"), nil
	})
	if code, _ := get(t, url+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	_, body := get(t, url+"/metrics")
	body += servedForSinks() // by another process
	name := regexp.MustCompile(`\b(inv|process)_[a-z_]+\b`)
	for _, file := range []string{"dashboard.json", "alerts.yaml"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics", file))
		if err != nil {
			t.Fatal(err)
		}
		names := name.FindAllString(string(b), -1)
		if len(names) < 5 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		for _, n := range names {
			if !strings.Contains(body, "\n"+n+"{") && !strings.Contains(body, "\n"+n+" ") {
				t.Errorf("%s names %s, which the process does not have", file, n)
			}
		}
	}
}

// A metric that several topologies have is one family, with a label.
func TestMetricsOfSeveralTopologies(t *testing.T) {
	of := func(topology string) processor.Metric {
		return processor.Metric{Name: "declared_keys", Help: "Keys in this process's state.", Gauge: true, Topology: topology}
	}
	topologies := []processor.Topology{
		{Name: "a", Stages: []processor.Stage{{Name: "a", Metrics: []processor.Metric{of("a")}}}},
		{Name: "b", Stages: []processor.Stage{{Name: "b", Metrics: []processor.Metric{of("b")}}}},
	}
	families, err := metrics.New(&processor.Stats{}, topologies).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, f := range families {
		if f.GetName() != "inv_declared_keys" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
		}
	}
	if want := []string{"topology=a", "topology=b"}; !slices.Equal(labels, want) {
		t.Errorf("labels %v, want %v", labels, want)
	}
}
