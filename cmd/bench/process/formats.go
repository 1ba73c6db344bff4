package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"inv/cmd/bench/measure"
	"inv/internal/registry/server"
	"inv/scenarios"
)

// The topics that get a format, by their names in the scenario.
var (
	inputTopics  = []string{"product_catalog", "order_events"}
	outputTopics = []string{"inventory_updates", "reorder_events", "inventory_alerts", "stock_receipts"}
)

// scenarioOf writes the scenario of a shape, and returns its file.
func (l *lab) scenarioOf(s shape) (string, error) {
	file := filepath.Join(l.dir, fmt.Sprintf("scenario-%d%s.yaml", s.partitions, s.format))
	partitions := fmt.Sprintf("partitions: %d", s.partitions)
	if s.format == "" {
		return file, measure.Inventory(file, "partitions: 6", partitions)
	}
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(string(source), "partitions: 6", partitions)
	formatted := inputTopics
	if !l.inputs {
		formatted = slices.Concat(inputTopics, outputTopics)
	}
	for _, name := range formatted {
		topic := "    topic: " + name + "\n"
		text = strings.ReplaceAll(text, topic, topic+"    format: "+s.format+"\n")
	}
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// formats compares inv on topics with a format with inv on JSON: the same orders, in turns.
// Each round produces its backlog first, which does not count.
func formats(ctx context.Context, l *lab) error {
	var schemas atomic.Pointer[server.Server]
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { schemas.Load().ServeHTTP(w, r) }))
	defer registry.Close()
	if err := os.Setenv("INV_REGISTRY", registry.URL); err != nil { // of every inv
		return err
	}
	names := append([]string{""}, strings.Split(l.format, ",")...)
	runs := map[string][]*drained{}
	for round := range l.rounds + 1 {
		for _, name := range names {
			schemas.Store(server.New()) // a subject has one form
			if err := l.backlog(ctx, shape{partitions: l.partitions, products: l.products, format: name}, l.orders); err != nil {
				return err
			}
			d, err := l.drainOnce(ctx, invSide())
			if err != nil {
				return fmt.Errorf("%s: %w", titleOf(name), err)
			}
			if round > 0 { // the first one warms up the broker
				runs[name] = append(runs[name], d)
			}
		}
	}
	fmt.Printf("\n### Formats: %d orders over %d products, %d partitions, exactly once\n\n", l.loaded, l.shape.products, l.shape.partitions)
	topics := "all topics in"
	if l.inputs {
		topics = "orders and catalogue in"
	}
	head(topics, "rounds", "orders/s", "s", "CPU s", "broker's CPU s", "peak RSS", "orders (KiB)", "updates (KiB)")
	for _, name := range names {
		r := runs[name]
		took, sizes := medianOf(r, seconds), r[0].topics
		fmt.Printf("| %s | %d | %.0f | %.1f | %.1f | %.1f | %s | %d | %d |\n", titleOf(name), len(r), float64(l.loaded)/took, took, medianOf(r, cpu),
			measure.MedianOf(r, brokerCPU), mb(medianOf(r, rss)), sizes["order_events"].bytes>>10, sizes["inventory_updates"].bytes>>10)
	}
	fmt.Println()
	for _, name := range slices.DeleteFunc(names, func(name string) bool { return name == "" }) {
		rate, cost := medianOf(runs[""], seconds)/medianOf(runs[name], seconds), medianOf(runs[name], cpu)/medianOf(runs[""], cpu)
		fmt.Printf("- %s / JSON: %.2f × the rate (wanted: ≥ 0.8), %.2f × the CPU seconds\n", name, rate, cost)
	}
	return nil
}

func titleOf(format string) string {
	if format == "" {
		return "JSON"
	}
	return format
}
