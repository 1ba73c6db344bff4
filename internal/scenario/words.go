package scenario

import (
	"cmp"
	"slices"
	"strings"

	"inv/internal/suggest"
)

// otherWords returns words of other generators, formats and languages, each with those of
// the grammar that it can mean; nil if a similar one is never meant.
func otherWords() map[string][]string {
	return map[string][]string{
		"integer": {"int"}, "number": {"int", "decimal"}, "long": {"int"}, "range": {"int"}, "between": {"int"}, "random": {"int"}, "randint": {"int"},
		"min": nil, "max": nil,
		"float": {"decimal"}, "double": {"decimal"}, "price": {"decimal"}, "uniform": {"decimal"}, "money": {"decimal"},
		"gaussian": {"normal"}, "gauss": {"normal"}, "walk": {"drift"},
		"enum": {"one_of"}, "choice": {"one_of"}, "choose": {"one_of"}, "pick": {"one_of"}, "options": {"one_of"}, "oneof": {"one_of"}, "weighted": {"one_of"}, "values": {"one_of", "value"},
		"boolean": {"bool"}, "probability": {"bool", "share"}, "chance": {"bool", "share"}, "flag": {"bool"}, "percent": {"bool"},
		"string": {"text"}, "template": {"text"}, "concat": {"text"}, "join": {"text"}, "pattern": {"text"},
		"const": {"literal"}, "constant": {"literal"}, "fixed": {"literal"}, "static": {"literal"},
		"faker": {"fake"}, "gofakeit": {"fake"}, "guid": {"uuid"}, "uuid4": {"uuid"},
		"seq": {"sequence"}, "serial": {"sequence"}, "increment": {"sequence"}, "counter": {"sequence"}, "autoincrement": {"sequence"}, "id": {"sequence"},
		"timestamp": {"time"}, "datetime": {"time"}, "now": {"time"}, "day": {"date"},
		"array": {"list"}, "repeat": {"list"}, "map": {"object"}, "record": {"object"}, "struct": {"object"},
		"reference": {"ref"}, "lookup": {"ref"}, "foreign_key": {"ref"}, "expr": {"calc"}, "formula": {"calc"}, "expression": {"calc"}, "multiply": {"calc"},
		"size": {"count"}, "length": {"count"}, "len": {"count"}, "case": {"if"}, "condition": {"if", "while", "where"}, "total": {"sum"},
		"stddev": {"sd"}, "std": {"sd"}, "sigma": {"sd"}, "average": {"mean"}, "avg": {"mean"}, "exponent": {"s"}, "ranks": {"n"},
		"scale": {"decimals"}, "precision": {"decimals"}, "digits": {"decimals"}, "round": {"decimals"}, "weights": {"weight"},
		"fields": {"value", "of", "body", "columns"}, "schema": {"value", "registry", "format"}, "payload": {"value", "body"}, "body": {"value", "text"}, "data": {"value", "rows", "body"}, "json": {"body", "jsonl"}, "records": {"rows"},
		"items": {"of"}, "element": {"each"}, "elements": {"of"}, "item": {"each"},
		"name": {"scenario"}, "title": {"scenario", "about"}, "description": {"about"}, "comment": {"about"},
		"to": {"then"}, "next": {"then"}, "goto": {"then"}, "transitions": {"then"}, "delay": {"after"}, "wait": {"after"}, "default": {"else", "default"}, "otherwise": {"else"},
		"triggers": {"causes"}, "emits": {"causes"}, "updates": {"earlier"}, "update": {"earlier"}, "deletes": {"tombstones"}, "delete": {"tombstones"},
		"filter": {"where", "if"}, "inputs": {"from"}, "input": {"from"}, "sources": {"from"}, "output": {"emit", "to"}, "outputs": {"emit"}, "foreach": {"each"}, "explode": {"each"},
		"expire": {"ttl"}, "expiry": {"ttl"}, "lateness": {"grace"}, "session": {"gap"}, "cooldown": {"once"}, "throttle": {"once", "limit"}, "given": {"when"}, "expect": {"then"},
		"null": {"nulls"}, "nullable": {"nulls"}, "required": {"optional"}, "prefix": {"as"}, "states": {"in"}, "duration": {"for"}, "interval": {"every", "rate"}, "period": {"every"},
		"webhook": {"http"}, "url": {"post"}, "uri": {"post", "url"}, "dsn": {"url"}, "endpoint": {"post"}, "method": {"post"}, "mail": {"email"}, "smtp": {"email", "server"}, "host": {"server"}, "database": {"postgres"}, "sql": {"postgres"}, "pg": {"postgres"}, "jdbc": {"postgres"}, "postgresql": {"postgres"},
		"s3": {"files"}, "parquet": {"files"}, "path": {"folder"}, "dir": {"folder"}, "directory": {"folder"}, "compression": {"zstd"}, "compress": {"zstd"}, "rotate": {"roll"}, "max_rows": {"rows"}, "topic": {"from"}, "topics": {"from"},
		"rate_limit": {"limit"}, "ratelimit": {"limit"}, "secret": {"sign"}, "secrets": {"sign"}, "signature": {"sign"}, "auth": {"basic", "bearer"}, "token": {"bearer"}, "authorization": {"bearer"}, "order_by": {"lane"}, "concurrency": {"lanes"}, "parallel": {"lanes"}, "group_by": {"group"}, "batch": {"group"},
		"recipient": {"to"}, "recipients": {"to"}, "sender": {"from"}, "message": {"text"}, "insert": {"append"}, "merge": {"upsert"}, "replace": {"upsert"}, "primary_key": {"key"}, "offset": {"start"}, "auto_offset_reset": {"start"}, "auto.offset.reset": {"start"}, "disabled": {"off"}, "enabled": {"off"},
		"proto": {"protobuf"}, "pb": {"protobuf"}, "protobuf3": {"protobuf"}, "avsc": {"avro"}, "jsonschema": {"json_schema"}, "json-schema": {"json_schema"}, "serializer": {"format"}, "serde": {"format"}, "serialization": {"format"}, "encoding": {"format"}, "key_serializer": {"key_format"}, "value_format": {"format"}, "aliases": {"alias"}, "renamed": {"alias"}, "was": {"alias"}, "auto_register": {"register"}, "strategy": {"subject"}, "message_type": {"message"},
		"cleanup_policy": {"cleanup"}, "cleanup.policy": {"cleanup"}, "retention_ms": {"retention"}, "retention.ms": {"retention"}, "num_partitions": {"partitions"},
		"compacted": {"compact"}, "iso8601": {"rfc3339"}, "iso": {"rfc3339"}, "millis": {"epoch_ms"}, "epoch": {"epoch_ms"}, "unix": {"epoch_s"}, "seconds": {"epoch_s"},
	}
}

// nearest returns the candidate that is meant by a word; "" if there is none.
func nearest(word string, candidates []string) string {
	others, known := otherWords()[strings.ToLower(word)]
	if known && others == nil {
		return ""
	}
	for _, w := range others {
		if slices.Contains(candidates, w) {
			return w
		}
	}
	return suggest.Nearest(word, candidates)
}

// suggestion returns "; did you mean …?" if a candidate is near, otherwise all
// candidates.
func suggestion(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return "; it takes " + cmp.Or(strings.Join(candidates, ", "), "nothing")
}
