package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// conforms validates by the part of JSON Schema that JSONSchema uses.
func conforms(root, schema obj, v any) bool {
	for key, rule := range schema {
		if !holds(root, schema, key, rule, v) {
			return false
		}
	}
	return true
}

func holds(root, schema obj, key string, rule, v any) bool {
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch key {
	case "$ref":
		name := filepath.Base(rule.(string))
		return conforms(root, root["$defs"].(obj)[name].(obj), v)
	case "type":
		return ofType(rule, v)
	case "enum":
		for _, e := range rule.([]any) {
			if e == v {
				return true
			}
		}
		return false
	case "const":
		return rule == v
	case "pattern":
		return !isText || regexp.MustCompile(rule.(string)).MatchString(text)
	case "minLength":
		return !isText || len(text) >= int(rule.(float64))
	case "minimum":
		return !isNumber || number >= rule.(float64)
	case "maximum":
		return !isNumber || number <= rule.(float64)
	case "minItems":
		return !isList || len(list) >= int(rule.(float64))
	case "maxItems":
		return !isList || len(list) <= int(rule.(float64))
	case "minProperties":
		return !isObject || len(object) >= int(rule.(float64))
	case "maxProperties":
		return !isObject || len(object) <= int(rule.(float64))
	case "required":
		for _, name := range rule.([]any) {
			if _, ok := object[name.(string)]; isObject && !ok {
				return false
			}
		}
		return true
	case "items":
		for _, item := range list {
			if !conforms(root, rule.(obj), item) {
				return false
			}
		}
		return true
	case "propertyNames":
		for name := range object {
			if !conforms(root, rule.(obj), name) {
				return false
			}
		}
		return true
	case "properties":
		for name, value := range object {
			if of, ok := rule.(obj)[name]; ok && !conforms(root, of.(obj), value) {
				return false
			}
		}
		return true
	case "patternProperties":
		for name, value := range object {
			for pattern, of := range rule.(obj) {
				if regexp.MustCompile(pattern).MatchString(name) && !conforms(root, of.(obj), value) {
					return false
				}
			}
		}
		return true
	case "additionalProperties":
		properties, _ := schema["properties"].(obj)
		patterns, _ := schema["patternProperties"].(obj)
		for name, value := range object {
			if _, known := properties[name]; known {
				continue
			}
			if matchesAny(patterns, name) {
				continue
			}
			if rule == false || rule != false && !conforms(root, rule.(obj), value) {
				return false
			}
		}
		return true
	case "anyOf", "oneOf":
		matches := 0
		for _, of := range rule.([]any) {
			if conforms(root, of.(obj), v) {
				matches++
			}
		}
		return matches == 1 || matches > 1 && key == "anyOf"
	case "if":
		branch := "else"
		if conforms(root, rule.(obj), v) {
			branch = "then"
		}
		return conforms(root, schema[branch].(obj), v)
	case "then", "else", "description", "title", "examples", "$schema", "$defs":
		return true
	}
	panic("the test's validator does not know " + key)
}

func matchesAny(patterns obj, name string) bool {
	for pattern := range patterns {
		if regexp.MustCompile(pattern).MatchString(name) {
			return true
		}
	}
	return false
}

func ofType(rule, v any) bool {
	if names, ok := rule.([]any); ok {
		for _, n := range names {
			if ofType(n, v) {
				return true
			}
		}
		return false
	}
	switch v := v.(type) {
	case nil:
		return rule == "null"
	case bool:
		return rule == "boolean"
	case string:
		return rule == "string"
	case float64:
		return rule == "number" || rule == "integer" && v == math.Trunc(v)
	case []any:
		return rule == "array"
	default:
		return rule == "object"
	}
}

// schemaAccepts validates YAML against the schema, both as JSON.
func schemaAccepts(t *testing.T, source string) bool {
	t.Helper()
	var schema obj
	viaJSON(t, JSONSchema(), &schema)
	var raw, v any
	if err := yaml.Unmarshal([]byte(source), &raw); err != nil {
		t.Fatal(err)
	}
	viaJSON(t, texts(raw), &v)
	return conforms(schema, schema, v)
}

// texts converts keys and dates to strings, as in JSON.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = texts(v[k])
		}
	case map[any]any:
		out := map[string]any{}
		for k := range v {
			out[fmt.Sprint(k)] = texts(v[k])
		}
		return out
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
	case interface{ Format(string) string }:
		return v.Format("2006-01-02")
	}
	return v
}

func viaJSON(t *testing.T, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

const head = "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n"

// Parser and schema accept and refuse the same files.
func TestSchemaAgrees(t *testing.T) {
	check := func(source string, right bool) {
		t.Helper()
		_, problems := Read("t.yaml", []byte(source))
		if parser := len(problems) == 0; parser != right {
			t.Errorf("the parser says %v of:\n%s\n%v", parser, source, problems)
		}
		if schema := schemaAccepts(t, source); schema != right {
			t.Errorf("the schema says %v of:\n%s", schema, source)
		}
	}
	for _, source := range shippedFiles(t) {
		check(string(source), true)
	}
	for _, source := range recipes(t) {
		check(source, true)
	}
	for _, g := range generators() {
		check(head+"    value: {x: "+g.example+"}\n", true)
	}
	for _, value := range []string{
		`{x: 1}`, `{"a b": 1, x.y: 2, "a:b": 3, größe: 4}`, `{x: null}`, `{x: [1, a, {int: [1, 2]}]}`, `{x: {int: [1, 9], as: "v{}", optional: 5%, nulls: 0.5, in: [a], fresh: true, hidden: true}}`,
		`{x: {fake: sentence, with: {wordcount: 5}, pool: 10, locale: en}}`, `{x: {time: {ago: [0s, 24h]}, format: date}}`,
		`{x: {list: {one_of: {1: 3, 2: 1}}, each: {hex: 4}}}`, `{x: {sequence: 1000}}`, `{x: {one_of: {a: 50%, b: 50%}}}`, `{x: {time: {ago: 7d}}}`, `{x: {int: [1, 1e6]}}`,
		`{x: {time: {in: [0s, 24h]}, format: "%d/%b/%Y:%H:%M:%S %z", zone: Europe/Berlin}}`, `{x: {time: {of: y, ago: [1s, 2s]}, format: apache}}`, `{x: {date: [2020-01-01, 2020-01-02], format: "%d.%m.%Y"}}`, `{x: {one_of: [a, {int: [1, 2]}]}}`,
		`{x: {one_of: [a, {object: {b: 1}}, [1, 2]], weights: [3, 0.5, 0]}}`, `{x: {copy: y, default: {text: "{z}"}}}`, `{x: {copy: y, default: null}}`,
	} {
		check(head+"    value: "+value+"\n", true)
	}
	for _, value := range []string{
		`{x: {int: 5}}`, `{x: {int: [1]}}`, `{x: {int: [a, b]}}`, `{x: {int: [1.5, 2]}}`, `{x: {nit: [1, 9]}}`, `{x: {int: [1, 9], hex: 4}}`, `{x: {}}`,
		`{x: {int: [1, 9], typo: 1}}`, `{x: {hex: 0}}`, `{x: {hex: 65}}`, `{x: {bool: 101}}`, `{x: {bool: lots}}`, `{x: {one_of: []}}`, `{x: {one_of: 5}}`, `{x: {one_of: {a: half}}}`, `{x: {one_of: [a], weights: [-1]}}`, `{x: {copy: y, default: {nit: 1}}}`,
		`{x: {normal: {mean: 1}}}`, `{x: {normal: {mean: 1, sd: 2, typo: 3}}}`, `{x: {uuid: v7}}`, `{x: {time: later}}`, `{x: {time: {}}}`, `{x: {time: now, format: 2006-01-02}}`, `{x: {time: now, format: iso}}`, `{x: {time: {ago: [1s]}}}`,
		`{x: {date: [2020-01-01]}}`, `{x: {ref: catalog}}`, `{x: {list: [1, 3]}}`, `{x: {if: "a > 1", then: 1}}`, `{x: {int: [1, 9], optional: -1}}`,
		`{"a{b": 1}`, "{\"a`b\": 1}", `{"": 1}`, `[]`, `5`, `{x: {int: [1, 9], fresh: 1}}`, `{x: {sequence: [5]}}`, `{x: {sequence: -1}}`, `{x: {int: [1, 9], as: 5}}`, `{x: {state: where}}`,
	} {
		check(head+"    value: "+value+"\n", false)
	}
	for _, line := range []string{
		"rate: 1s", "rate: 0.5/s", "rate: max", "key: x", "key: null", "key: {int: [1, 5], encoding: int32}", "jitter: poisson", "format: csv",
		"format: {xml: R, declaration: true}", "format: {text: \"{x} is {x}\"}", "bursts: {every: 1m, for: 5s, rate: 10/s}", "ramp: {from: 1/s, up: 10s}", "earlier: 10%", "partitioner: crc32",
		"partition: {int: [0, 5]}", "headers: {h: 1}", "states: {a: {then: b}, b: {after: {mean: 1s}}, c: null}", "causes: [{producer: p, after: [1s, 2s]}]", "causes: [{producer: p, depth: 3}]", "causes: [p, {producer: p, after: 0}]", "rate: 5/d", "rate: 1e3/s",
	} {
		check(head+"    value: {x: 1}\n    "+line+"\n", true)
	}
	for _, line := range []string{
		"rate: fast", "rate: 5", "key: [x]", "key: {int: [1, 5], encoding: int16}", "jitter: much", "format: yaml", "format: {xml: 5}", "format: {text: 5}", "format: {text: a, xml: R}", "format: text", "bursts: {every: 1m}",
		"ramp: {up: 10s}", "earlier: 200%", "partitioner: md5", "headers: [a]", "states: {}", "states: {a: {then: {b: 2}}}", "causes: [{after: 1s}]", "causes: [{producer: p, depth: 0}]", "typo: 1", "rows: []",
	} {
		check(head+"    value: {x: 1}\n    "+line+"\n", false)
	}
	check("scenario: t\ntopics: {t: {topic: t, replication_factor: 3, config: {min.insync.replicas: 2, compression.type: zstd, preallocate: true, redpanda.remote.write: false}}}\n", true)
	check("scenario: t\ntopics: {t: {topic: t, replication_factor: 0}}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, config: {retention.bytes: null}}}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, config: [retention.bytes]}}\n", false)
	for topic, right := range map[string]bool{
		"{by: x, to: {a: t, 5: t}, else: t}": true, "{by: x, to: {a: t}}": false, "{by: x, to: {}, else: t}": false, "{by: x, to: [t], else: t}": false,
		"{to: {a: t}, else: t}": false, "[t]": false,
	} {
		check(strings.Replace(head, "topic: t\n", "topic: "+topic+"\n", 1)+"    value: {x: 1}\n", right)
	}
	checkTopologies(t, check)
	checkSinks(t, check)
	check(head, false)
	check("topics: {}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, partitions: 0}}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, retention: 5}}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, view: {colour: red}}}\n", false)
	check("scenario: t\ntopics: {t: {topic: t, view: {columns: [{each: x}]}}}\n", false)
}

// The schema has exactly the parser's generators.
func TestSchemaHasEveryGenerator(t *testing.T) {
	names := map[string]bool{}
	s := choose(nil)
	for ; s["else"] != nil; s = s["else"].(obj) {
		names[s["then"].(obj)["title"].(string)] = true
	}
	for name := range s["properties"].(obj) {
		if !names[name] {
			t.Errorf("%s is offered and is no generator", name)
		}
	}
	want := map[string]bool{}
	for _, g := range generators() {
		want[g.arg.name] = true
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

// checkTopologies checks the grammar of topologies and tests.
func checkTopologies(t *testing.T, check func(source string, right bool)) {
	samples, err := os.ReadFile("testdata/topologies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	check(string(samples), true)
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}, c: {topic: c}}\n"
	for topologies, right := range map[string]bool{
		"[x, y]": true, "{x: built-in}": true, "{}": true, "[{x: 1}]": false, "x": false, "{x: built}": false, "{x: 5}": false, "{x: [a]}": false,
	} {
		check(topics+"topologies: "+topologies+"\n", right)
	}
	for topology, right := range map[string]bool{
		`{from: {a: }, emit: [{to: b}]}`: true,
		`{from: {a: {format: xml, lists: [x.y], where: .x, each: ".y[]", join: {p: {table: c, key: .k, missing: null}, q: {table: c, key: 5, missing: drop}}}}, emit: [{to: b}]}`:           true,
		`{from: {a: {format: csv, columns: [x]}}, time: .t, emit: [{to: b, type: t, if: .x, each: ".[]", key: .k, fields: {a: .x, b: {c: [1, true, null, [.y]]}}}]}`:                        true,
		`{from: {a: {key: .k, set: {x: .y}}}, ttl: 1h30m, order: time, grace: 0, ahead: 1d, idle: 1s, version: 2, upgrade: ., until: .z, emit: [{to: b, once: 5m, set: {x: null}}]}`:        true,
		`{from: {a: {key: .k}}, ttl: forever, let: {x: 1}, keep: {n: {count: ., within: 1h}, m: {distinct: .x, last: 3}}, timers: {t1: {while: .x, after: 1h}}, emit: [{to: b, when: t1}]}`: true,
		`{from: {a: {key: .k}}, window: {every: 1m, size: 5m}, emit: [{to: b, when: closed}]}`:                                                                                              true,
		`{from: {a: {key: .k}}, order: time, window: {gap: 5m}, emit: [{to: b, when: closed}]}`:                                                                                             true,

		`{from: {a: }}`: false, `{emit: [{to: b}]}`: false, `{from: {}, emit: [{to: b}]}`: false, `{from: {a: }, emit: []}`: false, `{from: {a: 5}, emit: [{to: b}]}`: false,
		`{from: {a: {wher: .x}}, emit: [{to: b}]}`: false, `{from: {a: {where: [.x]}}, emit: [{to: b}]}`: false, `{from: {a: {format: yaml}}, emit: [{to: b}]}`: false,
		`{from: {a: {join: {p: {table: c}}}}, emit: [{to: b}]}`: false, `{from: {a: {join: {"a b": {table: c, key: .k}}}}, emit: [{to: b}]}`: false, `{from: {a: {join: {p: {table: c, key: .k, missing: skip}}}}, emit: [{to: b}]}`: false,
		`{from: {a: {key: .k, set: {x-y: 1}}}, ttl: 1h, emit: [{to: b}]}`: false, `{from: {a: {key: .k}}, ttl: soon, emit: [{to: b}]}`: false, `{from: {a: {key: .k}}, ttl: 5, emit: [{to: b}]}`: false,
		`{from: {a: {key: .k}}, ttl: 1h, order: event, emit: [{to: b}]}`: false, `{from: {a: {key: .k}}, ttl: 1h, version: 0, emit: [{to: b}]}`: false, `{from: {a: {key: .k}}, ttl: 1h, keep: {n: {count: ., last: 0}}, emit: [{to: b}]}`: false,
		`{from: {a: {key: .k}}, ttl: 1h, timers: {t1: {while: .x}}, emit: [{to: b, when: t1}]}`: false, `{from: {a: {key: .k}}, window: {length: 5m}, emit: [{to: b}]}`: false,
		`{from: {a: }, emit: [{}]}`: false, `{from: {a: }, emit: [{to: b, fields: [.x]}]}`: false, `{from: {a: }, emit: [{to: b, fields: .x}]}`: false, `{from: {a: }, emit: [{to: b, typo: 1}]}`: false,
		`{from: {a: {key: .k}}, ttl: 1h, keep: {n: {last: 3}}, emit: [{to: b}]}`: false, `{from: {a: {key: .k}}, ttl: 1h, keep: {n: {sum: .x, mean: .x}}, emit: [{to: b}]}`: false,
		`{from: {a: {key: .k}}, window: {size: 5m}, emit: [{to: b}]}`: false,
	} {
		check(topics+"topologies: {x: "+topology+"}\n", right)
	}
	for test, right := range map[string]bool{
		`{name: n, topology: x, when: [{at: 1h, a: {k: 1}, key: k}, {at: 2h}, {a: text}, {a: null}], then: {b: [{k: 1}]}}`: true,
		`{name: n, topology: x, when: [{at: 0}]}`: true, `{name: n, topology: x, when: []}`: false, `{name: n, topology: x}`: false, `{name: n, when: [{at: 0}]}`: false,
		`{topology: x, when: [{at: 0}]}`: false, `{name: n, topology: x, when: [{at: soon}]}`: false, `{name: n, topology: x, when: [{}]}`: false, `{name: n, topology: x, when: [{at: 0}], then: {b: {}}}`: false,
		`{name: n, topology: x, when: [{at: 0}], expect: {}}`: false,
	} {
		check(topics+"topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: ["+test+"]\n", right)
	}
}

// checkSinks checks the grammar of sinks.
func checkSinks(t *testing.T, check func(source string, right bool)) {
	samples, err := os.ReadFile("testdata/sinks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	check(string(samples), true)
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\n"
	for _, sinks := range []string{"[x]", "x", "{x: 5}", "{x: }"} {
		check(topics+"sinks: "+sinks+"\n", false)
	}
	for sink, right := range map[string]bool{
		`{from: a, about: x, off: true, where: .x, start: latest, timeout: 1m, files: {folder: "${F}/x", format: jsonl, zstd: true, roll: {rows: 5, after: 1h}, columns: {a: text, b: "decimal(12,2)", c: {type: json, from: x.y}, d: {type: int, from: {jq: .x}}}}}`: true,
		`{from: [a, b], lane: x, lanes: 3, http: {put: "https://h/{x}", headers: {X: "{y}", Z: 5, J: {jq: .z}}, idempotency_key: {jq: .id}, bearer: "${T}", ca: ca.pem, body: [{x: "{y}", z: {jq: .z}}, 1, null, true, text], limit: 20/m}}`:                          true,
		`{from: a, group: {by: {jq: .x}, wait: 1s, every: 1h}, http: {patch: "${U}", basic: "${L}", sign: "${S}", form: {A: "{x}"}}}`:                                                                                                                                 true,
		`{from: a, email: {server: "smtp://h", from: a@b.c, to: [a@b.c, "{x}"], subject: s, text: t, line: l, limit: 1/h, ca: x}}`:                                                                                                                                    true,
		`{from: a, group: {by: x, wait: 1s}, email: {server: "${S}", from: a@b.c, to: {x: [a@b.c], else: []}, subject: s}}`:                                                                                                                                           true,
		`{from: [a, b], postgres: {url: "${U}", tables: {a: {upsert: s.t, key: k, newest: {jq: .n}, columns: {x: float}}, else: {append: u}}}}`:                                                                                                                       true,

		`{files: {folder: f, format: csv}}`: false, `{from: [], files: {folder: f, format: csv}}`: false, `{from: a}`: false, `{from: a, files: {folder: f, format: csv}, http: {post: "${U}"}}`: false,
		`{from: a, files: {folder: f}}`: false, `{from: a, files: {format: csv}}`: false, `{from: a, files: {folder: f, format: xml}}`: false, `{from: a, files: {folder: f, format: csv, typo: 1}}`: false,
		`{from: a, files: {folder: "", format: csv}}`: false, `{from: a, files: {folder: f, format: csv, roll: {rows: 0}}}`: false, `{from: a, files: {folder: f, format: csv, columns: {}}}`: false,
		`{from: a, files: {folder: f, format: csv, columns: {_x: int}}}`: false, `{from: a, files: {folder: f, format: csv, columns: {x: string}}}`: false, `{from: a, files: {folder: f, format: csv, columns: {x: {from: y}}}}`: false,
		`{from: a, files: {folder: f, format: csv, columns: {x: {type: int, from: {jq: .x, y: 1}}}}}`: false, `{from: a, lane: 5, http: {post: "${U}"}}`: false, `{from: a, lane: {x: y}, http: {post: "${U}"}}`: false,
		`{from: a, lanes: 0, http: {post: "${U}"}}`: false, `{from: a, timeout: 5, http: {post: "${U}"}}`: false, `{from: a, start: end, http: {post: "${U}"}}`: false, `{from: a, where: [.x], http: {post: "${U}"}}`: false,
		`{from: a, group: {by: x}, http: {post: "${U}", body: 1}}`: false, `{from: a, group: x, http: {post: "${U}", body: 1}}`: false, `{from: a, http: {}}`: false, `{from: a, http: {post: "${U}", put: "${U}"}}`: false,
		`{from: a, http: {post: "${U}", limit: 5}}`: false, `{from: a, http: {post: "${U}", limit: 5/d}}`: false, `{from: a, http: {post: "${U}", limit: 0/s}}`: false, `{from: a, http: {post: "${U}", form: {}}}`: false,
		`{from: a, http: {post: "${U}", form: {a: [b]}}}`: false, `{from: a, http: {post: "${U}", headers: {a: }}}`: false, `{from: a, http: {post: "${U}", body: {a: {jq: .x, b: 1}}}}`: false, `{from: a, http: {post: "${U}", body: {a: {jq: [1]}}}}`: false,
		`{from: a, email: {server: "smtp://h", from: a@b.c, to: [], subject: s}}`: false, `{from: a, email: {server: "smtp://h", from: a@b.c, subject: s}}`: false, `{from: a, email: {server: "smtp://h", to: a@b.c, subject: s}}`: false,
		`{from: a, group: {by: x, wait: 1s}, email: {server: "smtp://h", from: a@b.c, to: {x: a@b.c}, subject: s}}`: false, `{from: a, email: {server: "smtp://h", from: a@b.c, to: a@b.c}}`: false,
		`{from: a, postgres: {url: "${U}"}}`: false, `{from: a, postgres: {url: "${U}", tables: {}}}`: false, `{from: a, postgres: {url: "${U}", tables: {a: t}}}`: false, `{from: a, postgres: {url: "${U}", tables: {a: {append: "a b"}}}}`: false,
		`{from: a, postgres: {url: "${U}", tables: {a: {append: t, upsert: t, key: k}}}}`: false, `{from: a, postgres: {url: "${U}", tables: {a: {key: k}}}}`: false,
	} {
		check(topics+"sinks: {x: "+sink+"}\n", right)
	}
}
