package producer

import (
	"testing"

	"inv/internal/scenario"
	"inv/scenarios"
)

// BenchmarkOrder renders the inventory scenario's orders, without headers.
func BenchmarkOrder(b *testing.B) {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		b.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		b.Fatal(err)
	}
	p, err := Compile(sc, CompileOptions{Names: []string{"orders"}, Seed: 7})
	if err != nil {
		b.Fatal(err)
	}
	r := newRenderer(p, Options{NoEvents: true})
	w, batch := &worker{}, newBatches().get()
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		batch.slots = batch.slots[:0]
		for range batchSize {
			batch.slots = append(batch.slots, slot{n: n, at: 1767225600000 + n/100})
			n++
		}
		r.render(w, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
}
