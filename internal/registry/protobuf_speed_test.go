package registry

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

const protoSpeed = `syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/any.proto";
message Order { enum Status { STATUS_UNSPECIFIED = 0; NEW = 1; PAID = 2; } message Item { string product_id = 1; int32 quantity = 2; double price = 3; }
string order_id = 1; string customer_id = 2; Status status = 3; google.protobuf.Timestamp created_at = 4; repeated Item items = 5; double total = 6; optional string coupon = 7;
map<string, string> tags = 8; google.protobuf.Struct more = 9; bytes raw = 10; repeated int64 codes = 11; google.protobuf.Any any = 12; }`

const jsonSpeed = `{"order_id":"ord-000123","customer_id":"cust-42","status":"PAID","created_at":1767225600123,"items":[{"product_id":"sku-1","quantity":2,"price":19.99},{"product_id":"sku-2","quantity":1,"price":5},{"product_id":"sku-with-a-much-longer-name","quantity":70000,"price":0.1}],"total":44.98,"coupon":"SPRING \"26\""}`

// A record costs no allocation, whatever types it has, once the first ones have made room.
func TestProtobufAllocations(t *testing.T) {
	if RaceEnabled {
		t.Skip("the race detector drops pooled memory")
	}
	sch := protobufSchema(t, protoSpeed)
	json := []byte(strings.Replace(jsonSpeed[:len(jsonSpeed)-1], `"created_at":1767225600123,`, "", 1) + `,"tags":{"b":"2","a":"1"},"more":{"k":[1,"x",null,{"y":true}]},"raw":"AAEC","codes":[1,2,3],"created_at":"2026-01-01T00:00:00Z","any":{"@type":"x/shop.Order.Item","quantity":5}}`)
	payload, err := sch.Encode(nil, json)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	for name, run := range map[string]func() error{
		"encode":  func() error { _, err := sch.Encode(dst, json); return err },
		"data":    func() error { _, err := sch.Decode(dst, payload, Data); return err },
		"display": func() error { _, err := sch.Decode(dst, payload, Display); return err },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkProtobuf(b *testing.B) {
	sch := protobufSchema(b, protoSpeed)
	json := []byte(jsonSpeed)
	payload, err := sch.Encode(nil, json)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	text, err := sch.Decode(nil, payload, Display)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sch.Encode(dst, json); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sch.Decode(dst, payload, Data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := dynamicpb.NewMessage(sch.Message())
			if err := protojson.Unmarshal(text, m); err != nil {
				b.Fatal(err)
			}
			if _, err := proto.Marshal(m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library/decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := dynamicpb.NewMessage(sch.Message())
			if err := proto.Unmarshal(payload, m); err != nil {
				b.Fatal(err)
			}
			(protobufJSON{}).appendMessage(dst, m)
		}
	})
}
