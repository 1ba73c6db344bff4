"""Writes and reads values with Confluent's Python client, for TestRegistryCounterpart.

    counterpart.py URL PREFIX write    each case as a line of JSON, with its bytes
    counterpart.py URL PREFIX read     lines of {"case", "value", "headers"}: what is wrong with each
    counterpart.py URL "" show         lines of {"topic", "form", "schema", "message", "value",
                                       "headers"}: the value of each as JSON, times in ms

Values are in topics PREFIX-CASE. Bytes are in base64.
"""

import base64
import importlib
import json
import os
import sys
import tempfile
from datetime import date, datetime, time, timezone
from decimal import Decimal
from uuid import UUID

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import json_format
from grpc_tools import protoc
import grpc_tools

UTC = timezone.utc

ALL = {
    "type": "record", "name": "All", "namespace": "counterpart",
    "fields": [
        {"name": "nothing", "type": "null"},
        {"name": "yes", "type": "boolean"},
        {"name": "int", "type": "int"},
        {"name": "long", "type": "long"},
        {"name": "float", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "text", "type": "string"},
        {"name": "bytes", "type": "bytes"},
        {"name": "fixed", "type": {"type": "fixed", "name": "Four", "size": 4}},
        {"name": "enum", "type": {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}},
        {"name": "list", "type": {"type": "array", "items": "int"}},
        {"name": "map", "type": {"type": "map", "values": "long"}},
        {"name": "record", "type": {"type": "record", "name": "Inner", "fields": [{"name": "suit", "type": "Suit"}]}},
        {"name": "none", "type": ["null", "string"], "default": None},
        {"name": "some", "type": ["null", "Inner", "string"], "default": None},
        {"name": "either", "type": ["int", "string"]},
        {"name": "decimal", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}},
        {"name": "negative", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
        {"name": "decimal_fixed", "type": {"type": "fixed", "name": "Eight", "size": 8, "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "date", "type": {"type": "int", "logicalType": "date"}},
        {"name": "time_millis", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "time_micros", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "timestamp_millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "timestamp_micros", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "timestamp_nanos", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "local_millis", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
        {"name": "local_micros", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "local_nanos", "type": {"type": "long", "logicalType": "local-timestamp-nanos"}},
        {"name": "duration", "type": {"type": "fixed", "name": "Twelve", "size": 12, "logicalType": "duration"}},
    ],
}

ALL_VALUE = {
    "nothing": None, "yes": True, "int": -(2**31), "long": 2**63 - 1, "float": 1.5, "double": -0.1,
    "text": "héllo \U0001f600", "bytes": b"\x00\xffA", "fixed": b"\x01\x02\x80\xff", "enum": "HEARTS",
    "list": [1, -2, 3], "map": {"a": 1}, "record": {"suit": "SPADES"}, "none": None, "some": {"suit": "HEARTS"},
    "either": "text", "decimal": Decimal("123456.789"), "negative": Decimal("-1234567890123456789012345678.90"),
    "decimal_fixed": Decimal("-0.05"), "uuid": UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "date": date(1969, 12, 31), "time_millis": time(15, 4, 5, 6000), "time_micros": time(23, 59, 59, 999999),
    "timestamp_millis": datetime(2026, 5, 1, 12, 0, 0, 123000, UTC),
    "timestamp_micros": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    "timestamp_nanos": 1777636800123456789,
    "local_millis": datetime(2026, 5, 1, 12, 0, 0, 123000), "local_micros": datetime(2026, 5, 1, 12, 0, 0, 1),
    "local_nanos": -1, "duration": bytes([1, 0, 0, 0, 2, 0, 0, 0, 188, 11, 0, 0]),
}

ALL_JSON = (
    '{"nothing":null,"yes":true,"int":-2147483648,"long":9223372036854775807,"float":1.5,"double":-0.1,'
    '"text":"héllo \U0001f600","bytes":"\\u0000\u00ffA","fixed":"\\u0001\\u0002\\u0080\u00ff","enum":"HEARTS",'
    '"list":[1,-2,3],"map":{"a":1},"record":{"suit":"SPADES"},"none":null,"some":{"suit":"HEARTS"},'
    '"either":"text","decimal":123456.789,"negative":-1234567890123456789012345678.90,'
    '"decimal_fixed":-0.05,"uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8",'
    '"date":"1969-12-31","time_millis":"15:04:05.006","time_micros":"23:59:59.999999",'
    '"timestamp_millis":1777636800123,"timestamp_micros":-1,"timestamp_nanos":1777636800123456789,'
    '"local_millis":1777636800123,"local_micros":1777636800000001,"local_nanos":-1,"duration":"P1M2DT3.004S"}'
)

LINE_AVSC = '{"type":"record","name":"Line","namespace":"shop","fields":[{"name":"quantity","type":"int"}]}'
ORDER_AVSC = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"},{"name":"lines","type":{"type":"array","items":"shop.Line"}}]}'

ALL_PROTO = """syntax = "proto3";
package counterpart;

import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

message First {
  string x = 1;
}

message All {
  enum Suit {
    SUIT_UNSPECIFIED = 0;
    HEARTS = 1;
  }
  message Inner {
    message Core {
      int32 n = 1;
    }
    Suit suit = 1;
    Core core = 2;
  }
  bool yes = 1;
  int32 i32 = 2;
  int64 i64 = 3;
  uint32 u32 = 4;
  uint64 u64 = 5;
  sint32 s32 = 6;
  sint64 s64 = 7;
  fixed32 f32 = 8;
  fixed64 f64 = 9;
  sfixed32 sf32 = 10;
  sfixed64 sf64 = 11;
  float single = 12;
  double twice = 13;
  string text = 14;
  bytes raw = 15;
  Suit suit = 16;
  Inner inner = 17;
  repeated int32 list = 18;
  repeated Inner inners = 19;
  map<string, int64> counts = 20;
  map<int32, Inner> by_number = 21;
  oneof either {
    string word = 22;
    int64 number = 23;
  }
  optional int32 perhaps = 24;
  google.protobuf.Timestamp at = 25;
  google.protobuf.Duration lasts = 26;
  google.protobuf.StringValue wrapped = 27;
  google.protobuf.Int64Value count = 28;
  google.protobuf.Struct free = 29;
  google.protobuf.FieldMask mask = 30;
  google.protobuf.Empty empty = 31;
  google.protobuf.Any any = 32;
  google.protobuf.ListValue values = 33;
}
"""

ALL_PROTOJSON = """{
  "yes": true, "i32": -1, "i64": "9223372036854775807", "u32": 4294967295, "u64": "18446744073709551615", "s32": -2, "s64": "-3",
  "f32": 4, "f64": "5", "sf32": -6, "sf64": "-7", "single": 1.5, "twice": -0.1, "text": "h\u00e9llo", "raw": "AP9B", "suit": "HEARTS",
  "inner": {"suit": "HEARTS", "core": {"n": 1}}, "list": [1, -2], "inners": [{"core": {"n": 2}}], "counts": {"a": "1"},
  "byNumber": {"7": {"suit": "HEARTS"}}, "number": "8", "perhaps": 0, "at": "2026-05-01T12:00:00.123Z", "lasts": "3.004s",
  "wrapped": "w", "count": "9", "free": {"a": [1, "b", null]}, "mask": "a,b.c", "empty": {},
  "any": {"@type": "type.googleapis.com/counterpart.First", "x": "y"}, "values": [true, 2]
}"""

ALL_PROTO_JSON = (
    '{"yes":true,"i32":-1,"i64":9223372036854775807,"u32":4294967295,"u64":18446744073709551615,"s32":-2,"s64":-3,'
    '"f32":4,"f64":5,"sf32":-6,"sf64":-7,"single":1.5,"twice":-0.1,"text":"héllo","raw":"AP9B","suit":"HEARTS",'
    '"inner":{"suit":"HEARTS","core":{"n":1}},"list":[1,-2],"inners":[{"suit":"SUIT_UNSPECIFIED","core":{"n":2}}],"counts":{"a":1},'
    '"by_number":{"7":{"suit":"HEARTS"}},"number":8,"perhaps":0,"at":1777636800123,"lasts":"3.004s",'
    '"wrapped":"w","count":9,"free":{"a":[1,"b",null]},"mask":"a,b.c","empty":{},'
    '"any":{"@type":"type.googleapis.com/counterpart.First","x":"y"},"values":[true,2]}'
)

LINE_PROTO = 'syntax = "proto3"; package shop; message Line { int32 quantity = 1; }'
ORDER_PROTO = 'syntax = "proto3"; package shop; import "shop/line.proto"; message Order { string id = 1; repeated Line lines = 2; }'

ORDER_JSON = json.dumps({
    "$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object",
    "properties": {"id": {"type": "string"}, "total": {"type": "number"}, "note": {"type": ["null", "string"]}},
    "required": ["id"],
})

CASES = [
    {"case": "avro", "form": "avro", "schema": json.dumps(ALL), "python": ALL_VALUE, "json": ALL_JSON},
    {"case": "avro-header", "form": "avro", "schema": json.dumps(ALL), "python": ALL_VALUE, "json": ALL_JSON, "header": True},
    {"case": "avro-text", "form": "avro", "schema": '{"type":"string"}', "python": "k", "json": '"k"'},
    {"case": "avro-union", "form": "avro", "schema": '["null","long","string"]', "python": 5, "json": "5"},
    {"case": "avro-references", "form": "avro", "schema": ORDER_AVSC, "python": {"id": "o", "lines": [{"quantity": 2}]},
     "json": '{"id":"o","lines":[{"quantity":2}]}', "references": [{"name": "shop.Line", "text": LINE_AVSC}]},
    {"case": "protobuf", "form": "protobuf", "schema": ALL_PROTO, "message": "counterpart.All", "python": ALL_PROTOJSON, "json": ALL_PROTO_JSON},
    {"case": "protobuf-header", "form": "protobuf", "schema": ALL_PROTO, "message": "counterpart.All", "python": ALL_PROTOJSON, "json": ALL_PROTO_JSON, "header": True},
    {"case": "protobuf-first", "form": "protobuf", "schema": ALL_PROTO, "message": "counterpart.First", "python": '{"x":"y"}', "json": '{"x":"y"}'},
    {"case": "protobuf-nested", "form": "protobuf", "schema": ALL_PROTO, "message": "counterpart.All.Inner.Core", "python": '{"n":3}', "json": '{"n":3}'},
    {"case": "protobuf-references", "form": "protobuf", "schema": ORDER_PROTO, "message": "shop.Order", "python": '{"id":"o","lines":[{"quantity":2}]}',
     "json": '{"id":"o","lines":[{"quantity":2}]}', "references": [{"name": "shop/line.proto", "text": LINE_PROTO}]},
    {"case": "json", "form": "json_schema", "schema": ORDER_JSON, "python": {"id": "o", "total": 1.5, "note": None}, "json": '{"id":"o","total":1.5,"note":null}'},
    {"case": "json-header", "form": "json_schema", "schema": ORDER_JSON, "python": {"id": "o"}, "json": '{"id":"o"}', "header": True},
]


class Protos:
    """Classes of messages, compiled from their files."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        sys.path.insert(0, self.folder.name)
        self.modules = {}

    def message(self, case):
        for r in case.get("references", []):
            self.module(r["name"], r["text"])
        # A file for each text: the same message can't be defined by two.
        name = "case_%d.proto" % (abs(hash(case["schema"])) % 10**9)
        found = self.module(name, case["schema"])
        package, *path = case["message"].split(".")
        for part in path:
            found = getattr(found, part)
        return found

    def module(self, name, text):
        if name not in self.modules:
            path = os.path.join(self.folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
            known = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
            if protoc.main(["protoc", "-I" + self.folder.name, "-I" + known, "--python_out=" + self.folder.name, path]) != 0:
                raise SystemExit("protoc failed on " + name)
            importlib.invalidate_caches()
            self.modules[name] = importlib.import_module(name[: -len(".proto")].replace("/", ".") + "_pb2")
        return self.modules[name]


class Counterpart:
    def __init__(self, url, prefix):
        self.client = SchemaRegistryClient({"url": url})
        self.prefix = prefix
        self.protos = Protos()

    def context(self, case, headers):
        return SerializationContext(self.prefix + "-" + case["case"], MessageField.VALUE, headers)

    def conf(self, case):
        return {"schema.id.serializer": header_schema_id_serializer} if case.get("header") else {}

    def schema(self, case, kind):
        references = []
        for r in case.get("references", []):
            subject = self.prefix + "-" + r["name"]
            self.client.register_schema(subject, Schema(r["text"], kind))
            version = self.client.lookup_schema(subject, Schema(r["text"], kind)).version
            references.append(SchemaReference(r["name"], subject, version))
        return Schema(case["schema"], kind, references)

    def write(self, case):
        headers = []
        context = self.context(case, headers)
        if case["form"] == "avro":
            serialize = AvroSerializer(self.client, self.schema(case, "AVRO"), conf=self.conf(case))
            value = serialize(case["python"], context)
        elif case["form"] == "protobuf":
            cls = self.protos.message(case)
            conf = {"use.deprecated.format": False, **self.conf(case)}
            if case.get("references"):
                conf["reference.subject.name.strategy"] = lambda ctx, ref: self.prefix + "-" + ref.name
            serialize = ProtobufSerializer(cls, self.client, conf)
            value = serialize(json_format.Parse(case["python"], cls()), context)
        else:
            serialize = JSONSerializer(self.schema(case, "JSON"), self.client, conf=self.conf(case))
            value = serialize(case["python"], context)
        return value, headers

    def read(self, case, value, headers):
        context = self.context(case, headers)
        if case["form"] == "avro":
            got = AvroDeserializer(self.client)(value, context)
            return None if got == case["python"] else got
        if case["form"] == "protobuf":
            cls = self.protos.message(case)
            got = ProtobufDeserializer(cls, {"use.deprecated.format": False}, self.client)(value, context)
            return None if got == json_format.Parse(case["python"], cls()) else got
        got = JSONDeserializer(None, schema_registry_client=self.client)(value, context)
        return None if got == case["python"] else got


    def show(self, given, value, headers):
        context = SerializationContext(given["topic"], MessageField.VALUE, headers)
        if given["form"] == "avro":
            return AvroDeserializer(self.client)(value, context)
        if given["form"] == "protobuf":
            cls = self.protos.message(given)
            got = ProtobufDeserializer(cls, {"use.deprecated.format": False}, self.client)(value, context)
            return {f.name: plain(getattr(got, f.name)) for f in got.DESCRIPTOR.fields if not f.has_presence or got.HasField(f.name)}
        return JSONDeserializer(None, schema_registry_client=self.client)(value, context)


def plain(v):
    """Values of Protobuf as lists, dicts and numbers."""
    if hasattr(v, "ToMilliseconds"):
        return v.ToMilliseconds()
    if hasattr(v, "DESCRIPTOR"):
        return {f.name: plain(getattr(v, f.name)) for f in v.DESCRIPTOR.fields if not f.has_presence or v.HasField(f.name)}
    if isinstance(v, (str, bytes, int, float)):
        return v
    return [plain(one) for one in v]


def as_json(v):
    if isinstance(v, Decimal):
        return float(v)
    if isinstance(v, datetime):
        return round(v.timestamp() * 1000)
    return str(v)


def main():
    url, prefix, what = sys.argv[1:]
    c = Counterpart(url, prefix)
    if what == "write":
        for case in CASES:
            out = {k: case[k] for k in ("case", "form", "schema", "message", "json", "header", "references") if k in case}
            try:
                value, headers = c.write(case)
                out["value"] = base64.b64encode(value).decode()
                out["headers"] = [[k, base64.b64encode(v).decode()] for k, v in headers]
            except Exception as e:  # told as the case's result
                out["error"] = repr(e)
            print(json.dumps(out), flush=True)
        return
    cases = {case["case"]: case for case in CASES}
    for line in sys.stdin:
        given = json.loads(line)
        headers = [(k, base64.b64decode(v)) for k, v in given["headers"]]
        if what == "show":
            print(json.dumps(c.show(given, base64.b64decode(given["value"]), headers), default=as_json), flush=True)
            continue
        try:
            differs = c.read(cases[given["case"]], base64.b64decode(given["value"]), headers)
        except Exception as e:
            differs = repr(e)
        print(json.dumps({"case": given["case"], "differs": differs and repr(differs)}), flush=True)


main()
