package producer

import (
	"cmp"
	"hash/maphash"
	"testing"

	"inv/internal/registry"
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

// BenchmarkOrderEncoded renders the same orders in each format, headers included as they
// are sent.
func BenchmarkOrderEncoded(b *testing.B) {
	for _, form := range []registry.Form{"", registry.Avro, registry.Protobuf, registry.JSONSchema} {
		b.Run(cmp.Or(string(form), "json"), func(b *testing.B) {
			sc := shipped(b, "inventory")
			o := CompileOptions{Names: []string{"orders"}, Seed: 7}
			if form != "" {
				o.Writers, _ = derivedWriters(b, sc, form, false)
			}
			renderOrders(b, compiledWith(b, sc, o))
		})
	}
}

// renderOrders renders batches of orders, and hashes their values.
func renderOrders(b *testing.B, p *Plan) {
	r := newRenderer(p, Options{NoEvents: true})
	w, batch := &worker{}, newBatches().get()
	hash := maphash.Hash{}
	n, bytes := int64(0), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		batch.slots = batch.slots[:0]
		for range batchSize {
			batch.slots = append(batch.slots, slot{n: n, at: 1767225600000 + n/100})
			n++
		}
		r.render(w, batch)
		for i := range batch.Records {
			hash.Write(batch.Records[i].Value)
			bytes += int64(len(batch.Records[i].Value))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	b.ReportMetric(float64(bytes)/float64(n), "B/record")
}
