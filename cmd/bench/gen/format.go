package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/twmb/avro"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// format is the format of the orders.
type format struct {
	plan        *producer.Plan
	library     string // what encodes the other side's
	contentType string
	marshal     func(o order) ([]byte, error)
	json        func(value []byte) ([]byte, error) // of a value
}

// newFormat returns a format, in which the schema is derived from the scenario.
func newFormat(ctx context.Context, sc *scenario.Scenario, name string) (to *format, err error) {
	o := producer.CompileOptions{Names: []string{"orders"}, Seed: seed}
	to = &format{library: "encoding/json", contentType: "application/json", marshal: func(o order) ([]byte, error) { return json.Marshal(o) },
		json: func(value []byte) ([]byte, error) { return value, nil }}
	if name != "json" {
		of, err := producer.Shape(sc, "orders")
		if err != nil {
			return nil, err
		}
		source, misfits := registry.Derive(registry.Form(name), "OrderEvents", sc.Name, of)
		if misfits != nil {
			return nil, fmt.Errorf("-format %s: %v", name, misfits)
		}
		sch, err := registry.Compile(ctx, source)
		if err != nil {
			return nil, err
		}
		prefix := append([]byte{0, 0, 0, 0, 1}, sch.Index()...)
		o.Writers = map[string]producer.Writers{"orders": {Value: &registry.Writer{Schema: sch, ID: 1, Prefix: prefix}, Derived: true}}
		to.contentType = sch.ContentType()
		to.json = func(value []byte) ([]byte, error) { return sch.Decode(nil, value[len(prefix):], registry.Data) }
		if sch.Avro() != nil {
			to.library, to.marshal, err = byAvro(sch, prefix)
		} else {
			to.library, to.marshal = "dynamicpb", byProtobuf(sch.Message(), prefix)
		}
		if err != nil {
			return nil, err
		}
	}
	to.plan, err = producer.Compile(sc, o)
	return to, err
}

// byAvro encodes a struct by reflection.
func byAvro(sch *registry.Schema, prefix []byte) (library string, marshal func(o order) ([]byte, error), err error) {
	parsed, err := avro.Parse(sch.Text)
	return "twmb/avro", func(o order) ([]byte, error) { return parsed.AppendEncode(slices.Clone(prefix), &o) }, err
}

// byProtobuf encodes a message whose fields are set by reflection, as without generated
// code.
func byProtobuf(m protoreflect.MessageDescriptor, prefix []byte) func(o order) ([]byte, error) {
	field := func(m protoreflect.MessageDescriptor, name protoreflect.Name) protoreflect.FieldDescriptor {
		return m.Fields().ByName(name)
	}
	items := field(m, "items")
	return func(o order) ([]byte, error) {
		out := dynamicpb.NewMessage(m)
		out.Set(field(m, "order_id"), protoreflect.ValueOfString(o.OrderID))
		out.Set(field(m, "customer_id"), protoreflect.ValueOfString(o.CustomerID))
		list := out.Mutable(items).List()
		for _, i := range o.Items {
			item := list.AppendMutable().Message()
			item.Set(field(items.Message(), "product_id"), protoreflect.ValueOfString(i.ProductID))
			item.Set(field(items.Message(), "quantity"), protoreflect.ValueOfInt32(int32(i.Quantity)))
			item.Set(field(items.Message(), "unit_price"), protoreflect.ValueOfFloat64(i.UnitPrice))
		}
		out.Set(field(m, "order_total"), protoreflect.ValueOfFloat64(o.Total))
		at := out.Mutable(field(m, "timestamp")).Message()
		at.Set(field(at.Descriptor(), "seconds"), protoreflect.ValueOfInt64(o.Timestamp/1000))
		at.Set(field(at.Descriptor(), "nanos"), protoreflect.ValueOfInt32(int32(o.Timestamp%1000*1_000_000)))
		return proto.MarshalOptions{}.MarshalAppend(slices.Clone(prefix), out)
	}
}
