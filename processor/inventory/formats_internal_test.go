//go:build !race

// The race detector drops pooled memory at random, so allocations are counted without it.

package inventory

import (
	"testing"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// An order in a format is decoded, compared and encoded again without garbage.
func TestFormatsMakeNoGarbage(t *testing.T) {
	const text = `{"order_id":"o-1","customer_id":"c","items":[{"product_id":"p","quantity":2,"unit_price":9.5}],"order_total":19,"timestamp":1700000000000}`
	for _, form := range []registry.Form{registry.Avro, registry.Protobuf, registry.JSONSchema} {
		of, _ := event.Shape(event.KindOrder)
		source, misfits := registry.Derive(form, "Orders", "shop", of)
		if misfits != nil {
			t.Fatal(misfits)
		}
		sch, err := registry.Compile(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		topics, err := registry.Open(t.Context(), registrytest.New(t).Client(), []registry.TopicFormat{
			{Topic: "orders", Writes: true, Value: &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := topics.Writer("orders", false)
		value, err := w.Append(nil, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r := &kgo.Record{Topic: "orders", Key: []byte("o-1"), Value: value, Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte(event.TypeOrder)}}}
		p := &ingestPartition{stage: &ingest{prints: stage.NewFingerprinter()}, kind: orderInput, byContent: true}
		p.in.values = processor.NewValues(topics, nil)
		room := make([]byte, 0, 1<<10)
		allocs := testing.AllocsPerRun(100, func() {
			if err = p.in.decode(t.Context(), orderInput, r, limits{maxValue: 1 << 20}); err == nil {
				p.print(r)
				if form != registry.JSONSchema {
					_, err = w.Append(room, p.content)
				}
			}
		})
		if err != nil || allocs > 0 {
			t.Errorf("%s: %v allocations a record, %v", form, allocs, err)
		}
	}
}
