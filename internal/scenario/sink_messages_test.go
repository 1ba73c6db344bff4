package scenario

import (
	"fmt"
	"strings"
	"testing"
)

const sinkHead = `scenario: t
topics: {a: {topic: a}, b: {topic: b}, p: {topic: p, view: {columns: ["{shown}"]}}, l: {topic: l, internal: true}, dlq: {dead_letters_of: [a]}}
producers: {p: {topic: p, value: {product_id: x, price: 1, x.y: 1, secret: {int: [1, 2], hidden: true}}}}
sinks:
`

// Mistakes in a sink, and what their authors are told: what is wrong, where, and what to
// write.
func TestSinkMessages(t *testing.T) {
	for _, c := range sinkMistakes() {
		check(t, sinkHead+"  s: "+c.sink+"\n", "5:", strings.ReplaceAll(c.want, "~", "`"))
	}
}

type sinkMistake struct{ sink, want string }

func sinkMistakes() []sinkMistake {
	const files, url = `files: {folder: f, format: csv}`, `post: "http://h/"`
	in := func(format string, args ...any) string { return "{from: a, " + fmt.Sprintf(format, args...) + "}" }
	http := func(keys string) string { return in("http: {%s, %s}", url, keys) }
	mail := func(keys string) string {
		return in(`email: {server: "smtp://h", from: a@b.c, %s}`, keys)
	}
	table := func(table string) string { return in(`postgres: {url: "${PG}", tables: {a: {%s}}}`, table) }
	columns := func(columns string) string { return in(`files: {folder: f, format: csv, columns: {%s}}`, columns) }
	return []sinkMistake{
		{in(files), ``},
		{in(`off: true, start: latest, timeout: 5s, about: x, where: .price > 1, ` + files), ``},
		{http(`lane: x`), `42: unknown key "lane" in http; it takes basic, bearer, body, ca, form, headers, idempotency_key, limit, patch, post, put, sign`},
		{`{from: a}`, `3: sink "s" needs ~http:~, ~email:~, ~files:~ or ~postgres:~, the receiver`},
		{`{}`, `6: sink "s" needs ~from:~, the topics whose records it delivers, by alias: one, or a list`},
		{`x`, `6: sink "s" must be a mapping with ~from:~, not the text "x"`},
		{`[a]`, `6: sink "s" must be a mapping with ~from:~, not a list`},
		{in(`htp: {%s}`, url), `16: unknown key "htp" in sink "s"; did you mean "http"?`},
		{in(`webhook: {%s}`, url), `16: unknown key "webhook" in sink "s"; did you mean "http"?`},
		{in(`files: {folder: f, format: csv}, http: {%s}`, url), `23: sink "s" has ~http:~ and ~files:~; leave out one of them, or declare two sinks`},
		{in(`files: {folder: f, format: csv}, form: x`), `49: unknown key "form" in sink "s"; did you mean "from"?`},
		{`{` + files + `}`, `6: sink "s" needs ~from:~, the topics whose records it delivers, by alias: one, or a list`},
		{`{from: , ` + files + `}`, `13: from must be a text, not nothing`},
		{`{from: 5, ` + files + `}`, `13: from must be a text, not the number 5`},
		{`{from: {a: }, ` + files + `}`, `13: from must be the alias of a topic, or a list of them, not a mapping`},
		{`{from: [], ` + files + `}`, `13: from is empty; a sink delivers the records of a topic`},
		{`{from: [a, a], ` + files + `}`, `17: from: "a" is given twice`},
		{`{from: aa, ` + files + `}`, `13: from: ~topics:~ has no "aa"; did you mean "a"?`},
		{`{from: orders, ` + files + `}`, `13: from: ~topics:~ has no "orders"; it has a, b, p`},
		{`{from: [a, l], ` + files + `}`, `17: from: the topic "l" is internal, the processor's own; take another`},
		{`{from: dlq, ` + files + `}`, `13: from: "dlq" has the dead letters of other topics; take an alias of one topic`},
		{in(`where: {x: 1}, ` + files), `23: where must be an expression, not a mapping; an expression with braces is quoted: where: '{…}'`},
		{in(`where: , ` + files), `23: where has no expression; jq's null is written null, and an empty text '""'`},
		{in(`start: first, ` + files), `23: start can't be "first"; it takes earliest, latest`},
		{in(`off: 1, ` + files), `21: off must be true or false, not the number 1`},
		{in(`timeout: 5ms, ` + files), `25: timeout must be from 100ms to 10m, not 5ms`},
		{in(`timeout: 1h, ` + files), `25: timeout must be from 100ms to 10m, not 1h`},
		{in(`timeout: 30, ` + files), `25: timeout: "30" has no unit; write 30s, 30m, 30h or 30d`},
		{in(`lanes: 0, http: {%s}`, url), `23: lanes must be from 1 to 1000, not 0`},
		{in(`lanes: 1001, http: {%s}`, url), `23: lanes must be from 1 to 1000, not 1001`},
		{in(`lane: x, ` + files), `22: sink "s": ~lane:~ is for messages, of ~http:~ and ~email:~; ~files:~ keeps the order of each partition`},
		{in(`lanes: 3, postgres: {url: "${PG}", tables: {else: {append: t}}}`), `23: sink "s": ~lanes:~ is for messages, of ~http:~ and ~email:~; ~postgres:~ keeps the order of each partition`},
		{in(`group: {by: x, wait: 1s}, ` + files), `23: sink "s": ~group:~ is for messages, of ~http:~ and ~email:~; ~files:~ keeps the order of each partition`},
		{in(`lane: x, group: {by: x, wait: 1s}, http: {%s, body: {}}`, url), `22: sink "s" has ~lane:~ and ~group:~; a group is a lane already`},
		{in(`lane: .x, http: {%s}`, url), `22: lane: a field is written without the first dot: x; an expression is {jq: …}`},
		{in(`lane: {x}, http: {%s}`, url), `22: lane: a field has no braces here: x`},
		{http(`body: {a: {product_id}}`), `52: a: a placeholder is quoted: "{product_id}"; a field that is null is {product_id: null}`},
		{http(`body: {a: [{x: null}, {y: ~, z: }]}`), ``},
		{http(`form: {a: {x}}`), `52: form "a": a placeholder is quoted: "{x}"; a field that is null is {x: null}`},
		{mail(`to: x@y.z, subject: {x}`), `77: subject: a placeholder is quoted: "{x}"`},
		{in(`lane: x == 1, http: {%s}`, url), `22: lane: "x == 1" is no field; a name with other characters is written in backticks; an expression is {jq: …}`},
		{in(`lane: $kye, http: {%s}`, url), `22: lane: "$kye" is no variable of a record; did you mean "$key"?`},
		{in(`lane: $key, http: {%s}`, url), ``},
		{in(`lane: a..b, http: {%s}`, url), `22: lane: "a..b" is no field: a name is missing; write NAME, or NAME.NAME for one inside another; an expression is {jq: …}`},
		{in(`lane: 5, http: {%s}`, url), `22: lane must be a field such as product_id, or an expression, {jq: …}, not the number 5`},
		{in(`lane: {jq: }, http: {%s}`, url), `27: jq has no expression; jq's null is written null, and an empty text '""'`},
		{in(`lane: {jq: .x, y: 1}, http: {%s}`, url), `31: unknown key "y" in lane; it takes jq`},
		{in(`lane: {expr: .x}, http: {%s}`, url), `23: unknown key "expr" in lane; it takes jq`},
		{in(`group: x, http: {%s, body: {}}`, url), `23: group must be a mapping with ~by:~ and ~wait:~, not the text "x"; write {by: x, wait: 30s}`},
		{in(`group: {wait: 1s}, http: {%s, body: {}}`, url), `23: group needs ~by:~, a field, or {jq: …}, whose value the records of a message have in common`},
		{in(`group: {by: x}, http: {%s, body: {}}`, url), `23: group needs ~wait:~, from the first record of a message until it is sent`},
		{in(`group: {by: x, wait: 0s}, http: {%s, body: {}}`, url), `37: wait must be from 1ms to 1d, not 0s`},
		{in(`group: {by: x, wait: 2d}, http: {%s, body: {}}`, url), `37: wait must be from 1ms to 1d, not 2d`},
		{in(`group: {by: x, wait: 1m, every: 30s}, http: {%s, body: {}}`, url), `23: group: ~every:~ is at least ~wait:~, 1m, not 30s`},
		{in(`group: {by: x, wait: 1m, every: 30d}, http: {%s, body: {}}`, url), `48: every must be from 1ms to 7d, not 30d`},
		{in(`group: {by: x, wait: 1s}, http: {%s}`, url), `48: sink "s": the message of a group has no value of its own; it needs ~body:~ or ~form:~`},
		{in(`group: {key: x, wait: 1s}, http: {%s, body: {}}`, url), `24: unknown key "key" in group; it takes by, every, wait`},
		{in(`http: {}`), `22: http needs ~post:~, ~put:~ or ~patch:~, the URL`},
		{in(`http: {url: "http://h/"}`), `23: unknown key "url" in http; did you mean "post"?`},
		{in(`http: {body: {}}`), `22: http needs ~post:~, ~put:~ or ~patch:~, the URL`},
		{in(`http: {%s, put: "http://h/"}`, url), `47: http has ~post:~ and ~put:~; leave out one of them`},
		{in(`http: {post: ""}`), `29: post is an empty text`},
		{in(`http: {post: "h/x"}`), `29: post must begin with http:// or https://, or with a variable such as ${NAME} that does`},
		{in(`http: {post: "ftp://h/x"}`), `29: post must begin with http:// or https://, or with a variable such as ${NAME} that does`},
		{in(`http: {post: "http:///x"}`), `29: post has no host after http://`},
		{in(`http: {post: "http://u:pa ss@h/x"}`), `29: post is no URL; http:// or https:// is followed by HOST or HOST:PORT, and characters such as blanks are escaped as %20`},
		{in(`http: {post: "${URL}/x/{id}"}`), ``},
		{in(`http: {post: "https://h/x/{id}?a={b}"}`), ``},
		{in(`http: {post: "{url}"}`), `30: post begins with a placeholder; the host is the same for all records, and placeholders are behind it`},
		{in(`http: {post: "https://{host}/x"}`), `38: post: a placeholder is part of the host; it is the same for all records: write / or ? before the first placeholder`},
		{in(`http: {post: "${URL}{path}"}`), `36: post: a placeholder is part of the host; it is the same for all records: write / or ? before the first placeholder`},
		{http(`body: {}, form: {a: b}`), `59: http has ~body:~ and ~form:~; leave out one of them`},
		{http(`form: {}`), `48: form is empty`},
		{http(`form: {a: [b]}`), `52: form "a" must be a text, or {jq: …}, not a list`},
		{http(`form: {a: {b: c}}`), `52: form "a" must be a text, or {jq: …}, not a mapping`},
		{http(`headers: {a: }`), `55: headers "a" must be a text, or {jq: …}, not nothing`},
		{http(`headers: [a]`), `51: headers must be a mapping, not a list; write NAME: … for each element, without dashes`},
		{http(`headers: {"a b": c}`), `52: headers: "a b" is no name of a header; it has letters, digits, ~-~ and ~_~`},
		{http(`headers: {Host: c}`), `52: headers: Host belongs to the connection and can't be set`},
		{http(`headers: {X: a, x: b}`), `58: headers: X and x are one header`},
		{http(`headers: {authorization: a}, bearer: "${T}"`), `52: headers: ~bearer:~ sets authorization; leave out one of them`},
		{http(`headers: {Idempotency-Key: a}, idempotency_key: x`), `52: headers: ~idempotency_key:~ sets Idempotency-Key; leave out one of them`},
		{http(`headers: {webhook-id: a}, sign: "${T}"`), `52: headers: ~sign:~ sets webhook-id; leave out one of them`},
		{http(`headers: {X-Id: "{id}", X-N: 5, X-J: {jq: .x}}`), ``},
		{http(`basic: "${U}:${P}", bearer: "${T}"`), `70: http has ~basic:~ and ~bearer:~; leave out one of them`},
		{http(`bearer: 12345`), `50: bearer must be a text, not a number`},
		{http(`basic: user`), `49: basic must be USER:PASSWORD, or a variable that has them`},
		{http(`basic: "{user}:x"`), `50: basic is the same for all records; it has variables such as ${NAME}, and no fields; {{ is a brace`},
		{http(`sign: "{user}"`), `49: sign is the same for all records; it has variables such as ${NAME}, and no fields; {{ is a brace`},
		{http(`limit: 20`), `49: limit: "20" is no limit; did you mean "20/s"?`},
		{http(`limit: fast`), `49: limit: "fast" is no limit; write COUNT/s, COUNT/m or COUNT/h, such as 20/s`},
		{http(`limit: 20/d`), `49: limit: "20/d" is no limit; write COUNT/s, COUNT/m or COUNT/h, such as 20/s`},
		{http(`limit: 20/sec`), `49: limit: "20/sec" is no limit; did you mean "20/s"?`},
		{http(`limit: 20rps`), `49: limit: "20rps" is no limit; did you mean "20/s"?`},
		{http(`limit: 0/s`), `49: limit: the count must be from 1 to 1000000, not 0`},
		{http(`limit: 0.5/s`), `49: limit: "0.5/s" is no limit; write COUNT/s, COUNT/m or COUNT/h, such as 20/s`},
		{http(`limit: 9999999/s`), `49: limit: the count must be from 1 to 1000000, not 9999999`},
		{http(`limit: 10/m`), ``},
		{http(`body: {jq: .x, y: 1}`), `57: unknown key "y" in body; it takes jq`},
		{http(`body: {a: {jq: }}`), `57: jq has no expression; jq's null is written null, and an empty text '""'`},
		{http(`body: {a: "{"}`), `53: a: { is not closed; write {{ for a brace`},
		{http(`body: {a: "}"}`), `53: a: } closes nothing; write }} for a brace`},
		{http(`body: {a: "x {b"}`), `55: a: { is not closed; write {{ for a brace`},
		{http(`body: {a: "{}"}`), `53: a: {} has no name; a placeholder is {field}, and {{ is a brace`},
		{http(`body: {a: "{b c}"}`), `53: a: {b c}: "b c" is no field; a name with other characters is written in backticks`},
		{http(`body: {a: "{.b}"}`), `53: a: {.b}: a field is written without the first dot: b`},
		{http(`body: {a: "{$offst}"}`), `53: a: unknown placeholder {$offst}; did you mean "$offset"?`},
		{http(`body: {a: "{$key} {$topic} {$partition} {$offset} {$time} {count} {b.c} {{ }} $${d} ${E}"}`), ``},
		{http(`body: {a: "${X"}`), `53: a: ${ is not closed; a variable is ${NAME}, and ${{ is a dollar sign with a brace`},
		{http(`body: {a: "${X Y}"}`), `53: a: ${X Y} is no variable: a name has letters, digits and _, begins with no digit, and has at most 100 characters`},
		{http(`body: {a: "${}"}`), `53: a: ${} is no variable: a name has letters, digits and _, begins with no digit, and has at most 100 characters`},
		{http(`body: {a: "${1X}"}`), `53: a: ${1X} is no variable: a name has letters, digits and _, begins with no digit, and has at most 100 characters`},
		{http(`body: '{"a": "{b}"}'`), `48: body is YAML, not a text of JSON: remove the outer quotes; in YAML, {name: "{field}"} and {"name": "{field}"} are the same`},
		{http(`body: {a: 1_000}`), `52: a: YAML reads 1_000 as the number 1000; quote it if it is a text, else write 1000`},
		{http(`body: {a: !x b}`), `52: a has the tag !x; it must be a text, a number, true, false or null`},
		{http(`body: {a: [1, true, null, 2024-01-01, {b: "{c}"}]}`), ``},
		{mail(`to: x@y.z`), `23: email needs ~subject:~, the subject`},
		{mail(`subject: s`), `23: email needs ~to:~, an address, a list of them, or a mapping of the group's values to them, with ~else~`},
		{mail(`to: x, subject: s`), `61: to: "x" is no address such as ops@example.com, or Ops <ops@example.com>`},
		{mail(`to: "x@y.z, v@w.x", subject: s`), `61: to: "x@y.z, v@w.x" has 2 addresses; several are a list: [ONE, TWO]`},
		{mail(`to: [x@y.z, x@y.z], subject: s`), `69: to: x@y.z is given twice`},
		{mail(`to: [], subject: s`), `61: to is empty; mail needs an address`},
		{mail(`to: {w: x@y.z, else: []}, subject: s`), `23: sink "s": email: a mapping under ~to:~ is by the group's value, and the sink has no ~group:~`},
		{in(`group: {by: x, wait: 1s}, email: {server: "smtp://h", from: a@b.c, to: {w: x@y.z}, subject: s}`), `87: to needs ~else:~, the address for all other values of the group; else: [] sends them to nobody`},
		{in(`group: {by: x, wait: 1s}, email: {server: "smtp://h", from: a@b.c, to: {w: x@y.z, else: []}, subject: s}`), ``},
		{in(`email: {server: h, from: a@b.c, to: x@y.z, subject: s}`), `32: server must begin with smtp:// or smtps://, or with a variable such as ${NAME} that does`},
		{in(`email: {server: "http://h", from: a@b.c, to: x@y.z, subject: s}`), `32: server must begin with smtp:// or smtps://, or with a variable such as ${NAME} that does`},
		{in(`email: {server: "smtp://", from: a@b.c, to: x@y.z, subject: s}`), `32: server has no host after smtp://`},
		{in(`email: {server: "smtp://h", from: inv, to: x@y.z, subject: s}`), `50: from: "inv" is no address such as ops@example.com, or Ops <ops@example.com>`},
		{in(`email: {server: "smtp://h", from: "{x}", to: x@y.z, subject: s}`), `51: from is the same for all records; it has variables such as ${NAME}, and no fields; {{ is a brace`},
		{mail(`to: x@y.z, subject: s, lines: x`), `80: unknown key "lines" in email; did you mean "line"?`},
		{mail(`to: x@y.z, subject: s, line: ""`), `86: line is an empty text`},
		{mail(`to: "{mail}", subject: "{s}", text: "${T}"`), ``},
		{in(`files: {format: csv}`), `23: files needs ~folder:~, where the files are, in a folder for each topic`},
		{in(`files: {folder: f}`), `23: files needs ~format:~, parquet, jsonl or csv`},
		{in(`files: {folder: f, format: json}`), `43: format can't be "json"; did you mean "jsonl"?`},
		{in(`files: {folder: f, format: avro}`), `43: format can't be "avro"; it takes parquet, jsonl, csv`},
		{in(`files: {folder: "f/{topic}", format: csv}`), `35: folder is the same for all records; it has variables such as ${NAME}, and no fields; {{ is a brace`},
		{in(`files: {folder: f, format: parquet, zstd: false}`), `58: zstd: Parquet files are always compressed; leave out ~zstd:~`},
		{in(`files: {folder: f, format: parquet, zstd: true}`), ``},
		{in(`files: {folder: f, format: csv, roll: {rows: 0}}`), `61: rows must be from 1 to 100000000, not 0`},
		{in(`files: {folder: f, format: csv, roll: {after: 10ms}}`), `62: after must be from 1s to 1d, not 10ms`},
		{in(`files: {folder: f, format: csv, roll: 5m}`), `54: roll must be a mapping, not the text "5m"`},
		{in(`files: {folder: f, format: csv, compression: zstd}`), `48: unknown key "compression" in files; did you mean "zstd"?`},
		{columns(``), `57: columns is empty; leave it out to keep the whole value`},
		{columns(`a: string`), `61: column "a": there is no type "string"; did you mean "text"?`},
		{columns(`a: timestamp`), `61: column "a": there is no type "timestamp"; did you mean "time_ms"?`},
		{columns(`a: txt`), `61: column "a": there is no type "txt"; did you mean "text"?`},
		{columns(`a: 5`), `61: column "a" must be a text, not the number 5`},
		{columns(`a: decimal`), `61: column "a": a decimal has its digits, and those behind the point: decimal(12,2), not "decimal"`},
		{columns(`a: "decimal(2,4)"`), `61: column "a": of 2 digits, 4 can't be behind the point; decimal(12,2) has 12 digits, 2 of them behind it`},
		{columns(`a: "decimal(50,2)"`), `61: column "a": a decimal has from 1 to 38 digits, not 50`},
		{columns(`a: decimal(12,2)`), `61: column "a": a type with a comma is quoted within braces: "decimal(12,2)"`},
		{columns(`_a: int`), `58: column "_a": names that begin with _ are those of inv's own columns; take another, with ~from:~`},
		{columns(`1a: int`), `58: column "1a": a name has letters, digits and _, begins with a letter, and has at most 63 characters; {type: …, from: …} names the field`},
		{columns(`a-b: int`), `58: column "a-b": a name has letters, digits and _, begins with a letter, and has at most 63 characters; {type: …, from: …} names the field`},
		{columns(`a: int, a: int`), `66: "a" is given twice in columns`},
		{columns(`a: int, A: int`), `66: columns: "a" and "A" differ in case only; databases take them for one`},
		{columns(`a: {from: b}`), `61: column "a" needs ~type:~, text, int (64 bits), float, bool, decimal(P,S), time_ms (epoch milliseconds) or json`},
		{columns(`a: {type: int, form: b}`), `73: unknown key "form" in column "a"; did you mean "from"?`},
		{columns(`a: {type: int, from: .b}`), `79: from: a field is written without the first dot: b; an expression is {jq: …}`},
		{columns(`a: {type: int, from: b.c}, d: {type: json, from: {jq: .e}}, f: "decimal(12,2)", g: time_ms`), ``},
		{in(`postgres: {tables: {a: {append: t}}}`), `26: postgres needs ~url:~, postgres://USER:PASSWORD@HOST[:PORT]/DATABASE`},
		{in(`postgres: {url: "${PG}"}`), `26: postgres needs ~tables:~, the table of each topic, by alias, or under ~else~`},
		{in(`postgres: {url: "h/db", tables: {a: {append: t}}}`), `32: url must begin with postgres:// or postgresql://, or with a variable such as ${NAME} that does`},
		{in(`postgres: {url: "host=h user=u", tables: {a: {append: t}}}`), `32: url must begin with postgres:// or postgresql://, or with a variable such as ${NAME} that does`},
		{in(`postgres: {url: "postgres:///db?host=/tmp", tables: {a: {append: t}}}`), ``},
		{in(`postgres: {url: "${PG}", tables: {}}`), `49: tables is empty; write ALIAS: {append: TABLE}, or else: {append: TABLE} for all topics`},
		{in(`postgres: {url: "${PG}", tables: {a: t}}`), `53: table "a" must be a mapping, not the text "t"; write {append: t}`},
		{in(`postgres: {url: "${PG}", tables: {b: {append: t}, else: {append: u}}}`), `50: tables: the sink is not ~from:~ a topic "b"; did you mean "a"?`},
		{`{from: [a, b], postgres: {url: "${PG}", tables: {a: {append: t}}}}`, `31: tables: the topic "b" has no table; add b, or ~else:~ for all topics that have none`},
		{`{from: [a, b], postgres: {url: "${PG}", tables: {a: {append: t}, b: {upsert: t, key: k}}}}`, `71: tables: t is the table of two entries, and a table with ~upsert:~ has the rows of one`},
		{`{from: [a, b], postgres: {url: "${PG}", tables: {a: {append: t}, b: {append: t}}}}`, ``},
		{table(``), `53: table "a" needs ~append:~ or ~upsert:~, the table's name`},
		{table(`append: t, upsert: t, key: k`), `73: a table has ~append:~ or ~upsert:~, not both`},
		{table(`upsert: t`), `53: table "a" needs ~key:~, the row's key`},
		{table(`append: t, key: k`), `70: table "a": ~key:~ is for ~upsert:~; with ~append:~ each record is a row`},
		{table(`append: t, newest: k`), `73: table "a": ~newest:~ is for ~upsert:~; with ~append:~ each record is a row`},
		{table(`append: "drop table"`), `62: append: "drop table" is no name of a table; it is [SCHEMA.]NAME of letters, digits and _, begins with no digit, and each has at most 63 characters`},
		{table(`append: a.b.c`), `62: append: "a.b.c" is no name of a table; it is [SCHEMA.]NAME of letters, digits and _, begins with no digit, and each has at most 63 characters`},
		{table(`append: public.t`), ``},
		{table(`append: inv_positions`), `62: append: inv_positions is where inv keeps its positions; take another table`},
		{table(`append: ` + strings.Repeat("x", 64)), `62: append: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is no name of a table; it is [SCHEMA.]NAME of letters, digits and _, begins with no digit, and each has at most 63 characters`},
		{table(`insert: t`), `54: unknown key "insert" in table "a"; did you mean "append"?`},
		{table(`upsert: t, key: k, newest: {jq: .x}`), ``},
		{`{from: p, http: {` + url + `, body: {a: "{prodct_id}"}}}`, `53: sink "s": its records have no field prodct_id; did you mean {product_id}?`},
		{`{from: p, http: {` + url + `, body: {a: "{product_id} {price} {shown} {other}"}}}`, ``},
		{`{from: p, lane: pric, http: {` + url + `}}`, `22: sink "s": its records have no field pric; did you mean price?`},
		{`{from: p, lane: x.y, http: {` + url + `}}`, `22: sink "s": its records have no field x; a name with a dot is written in backticks: ~x.y~`},
		{`{from: p, postgres: {url: "${PG}", tables: {p: {upsert: t, key: product-id}}}}`, `70: sink "s": the records of p have no field product-id; did you mean product_id?`},
		{`{from: [a, p], lane: pric, http: {` + url + `}}`, ``},
		{`{from: p, http: {` + url + `, body: {a: "{secrt}"}}}`, ``},
	}
}

// Mistakes of a file with sinks.
func TestSinkFileMessages(t *testing.T) {
	const right = "{from: a, files: {folder: f, format: csv}}"
	for _, c := range []struct{ line, want string }{
		{"sinks: {}", ""},
		{"sinks: {x: " + right + "}", ""},
		{"sinks: [x]", "8: sinks must be a mapping, not a list; write NAME: … for each element, without dashes"},
		{"sinks: x", `8: sinks must be a mapping, not the text "x"`},
		{"sink: {x: " + right + "}", `1: unknown key "sink" in the scenario; did you mean "sinks"?`},
		{"sinks: {x: " + right + ", x: " + right + "}", `56: "x" is given twice in sinks`},
		{`sinks: {"x y": ` + right + "}", "9: sink \"x y\": a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and has at most 100 characters"},
	} {
		source := "scenario: t\ntopics: {a: {topic: a}}\n" + c.line + "\n"
		_, problems := Read("f.yaml", []byte(source))
		if got := strings.TrimPrefix(problems.Error(), "f.yaml:3:"); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.line, got, c.want)
		}
	}
}

// What a file's aliases multiply in sinks is bounded, and so are counts and problems.
func TestSinkBombs(t *testing.T) {
	bomb := func(leaf, list string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "x-0: &b0 %s\n", leaf)
		for i := range 30 {
			fmt.Fprintf(&b, "x-%d: &b%d "+list+"\n", i+1, i+1, i, i)
		}
		return b.String()
	}
	list := func(n int, form string) string {
		var out []string
		for i := range n {
			out = append(out, strings.ReplaceAll(form, "#", fmt.Sprint(i)))
		}
		return strings.Join(out, ", ")
	}
	const head = "scenario: t\ntopics: {a: {topic: a}}\n"
	body := func(body string) string {
		return head + "sinks: {x: {from: a, http: {post: \"${U}\", body: " + body + "}}}\n"
	}
	files := func(columns string) string {
		return head + "sinks: {x: {from: a, files: {folder: f, format: csv, columns: {" + columns + "}}}}\n"
	}
	mail := func(to string) string {
		return head + "sinks: {x: {from: a, group: {by: x, wait: 1s}, email: {server: \"${S}\", from: a@b.c, subject: s, to: " + to + "}}}\n"
	}
	known := func(fields, body string) string {
		return strings.Replace(head, "topics", "producers: {p: {topic: a, value: {"+fields+"}}}\ntopics", 1) + "sinks: {x: {from: a, http: {post: \"${U}\", body: {" + body + "}}}}\n"
	}
	long := strings.Repeat("f", maxNameBytes-9)
	for _, c := range []struct{ source, want string }{
		{known(list(maxKnown, long+"#: 1"), list(9000, "b#: '{"+long+"x#}'")), "have no field"},
		{known(list(maxKnown+1, "f#: 1"), "b: '{f}'"), ""},
		{bomb("[x]", "[*b%d, *b%d]") + body("*b30"), "more than 10000 expressions"},
		{bomb("{a: '{x}'}", "{a: *b%d, b: *b%d}") + body("*b30"), "more than 10000 expressions"},
		{bomb("[1]", "[*b%d, *b%d]") + body("*b30"), "more than 10000 expressions"},
		{bomb("[]", "[*b%d, *b%d]") + body("*b30"), "more than 10000 expressions"},
		{bomb("[~]", "[*b%d, *b%d]") + body("*b30"), "more than 10000 expressions"},
		{bomb("{jq: .x}", "[*b%d, *b%d]") + body("*b30"), "more than 10000 expressions"},
		{body("&f {x: *f}"), "nested more than 32 deep"},
		{body("&f [*f]"), "nested more than 32 deep"},
		{body(strings.Repeat("[", 40) + strings.Repeat("]", 40)), "nested more than 32 deep"},
		{body(strings.Repeat("x", maxTextBytes+1)), "a text has at most 16384"},
		{files(list(maxColumns+1, "c#: int")), "columns has more than 1000 entries"},
		{files(list(maxColumns, "c#: int")), ""},
		{mail("[" + list(maxAddresses+1, "a#@b.c") + "]"), "to has more than 100 elements"},
		{mail("{else: a@b.c, " + list(maxGroups, "g#: a@b.c") + "}"), "to has more than 1000 entries"},
		{head + "sinks: {" + list(maxSinks+1, "s#: {from: a, files: {folder: f, format: csv}}") + "}\n", "sinks has more than 100 entries"},
		{head + "sinks: {x: {from: [" + list(maxInputs+1, "a") + "], files: {folder: f, format: csv}}}\n", "from has more than 50 elements"},
		{"x-c: &c {" + list(maxColumns, "c#: int") + "}\n" + head + "sinks: {" + list(maxSinks, "s#: {from: a, files: {folder: f, format: csv, columns: *c}}") + "}\n", "more than 10000 expressions"},
		{"x-c: &c {" + list(maxColumns, "c#: x") + "}\n" + head + "sinks: {" + list(maxSinks, "s#: {from: a, files: {folder: f, format: csv, columns: *c}}") + "}\n", "more than 1000 problems"},
		{"x-h: &h {" + list(maxNamed, "h#: '{x}'") + "}\n" + head + "sinks: {" + list(maxSinks, "s#: {from: a, http: {post: \"${U}\", headers: *h, form: *h}}") + "}\n", "more than 10000 expressions"},
	} {
		_, problems := Read("t.yaml", []byte(c.source))
		few := len(problems) <= 3 || strings.Contains(c.want, "problems") || len(problems) == maxUnknowns
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) == 0 || !few || !strings.Contains(problems.Error(), c.want)) {
			t.Errorf("%.80s\n%d problems, %.400s, want %s", c.source[strings.Index(c.source, "sinks:"):], len(problems), problems.Error(), c.want)
		}
	}
}
