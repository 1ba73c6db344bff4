package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"

	"github.com/jackc/pgx/v5/pgconn"
)

var update = flag.Bool("update", false, "write golden files")

// TestStatements holds the SQL of all kinds of tables.
func TestStatements(t *testing.T) {
	late := stock()
	late.Newest = nil
	text := stock()
	text.Newest = field("updated.at")
	text.Columns = append(text.Columns, scenario.SinkColumn{Name: "changed", Type: "text", From: *field("updated.at")})
	byKey := scenario.Table{Name: "by", Upsert: true, Key: &scenario.Selector{JQ: &scenario.JQ{Source: "$key"}}, Newest: &scenario.Selector{JQ: &scenario.JQ{Source: ".a + .b"}}}
	var b strings.Builder
	for _, d := range []scenario.Table{events(), {Name: `lake.Odd "name"`, Columns: []scenario.SinkColumn{col("user", "text"), dec("d", 38, 0)}}, stock(), late, text, byKey} {
		x, err := newTable(&d)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{x.sql.create, x.sql.copy, x.sql.stage, x.sql.toward, x.sql.insert, x.sql.remove, x.sql.insertRest, x.sql.has} {
			if sql != "" {
				b.WriteString(sql + ";\n")
			}
		}
		b.WriteString("\n")
	}
	stream := newStream(openStore(t, "postgres://h/d", nil, events()), part(3))
	fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n", createPositions, stream.opening(), stream.where, fence(stream.lock))
	golden(t, "testdata/statements.sql", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the difference. Got:\n%s", path, got)
	}
}

func TestWrongTables(t *testing.T) {
	twice := stock()
	twice.Columns = append(twice.Columns, col("seq", "text"))
	other := events()
	other.Alias, other.Columns = "updates", []scenario.SinkColumn{col("a", "text")}
	for want, tables := range map[string][]scenario.Table{
		"table stock has two columns current_stock": {func() scenario.Table {
			d := stock()
			d.Columns = append(d.Columns, col("current_stock", "text"))
			return d
		}()},
		"table latest has two columns value":                 {{Name: "latest", Upsert: true, Key: field("value")}},
		"table events is declared twice, with other columns": {events(), other},
		"": {events(), twice},
	} {
		_, err := newStore("postgres://h/d", nil, tables...)
		if fmt.Sprint(err) != want && (want != "" || err != nil) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestRows compares rows of COPY with bytes written by hand, from PostgreSQL's manual and
// its functions numeric_send, timestamptz_send and jsonb_send.
func TestRows(t *testing.T) {
	place := " 00000001 74  00000004 00000003  00000008 0000000000000007"
	for _, c := range []struct {
		name, value string
		table       scenario.Table
		want        string
	}{
		{"whole", `{"a":1}`, events(), "0006" + place + " 00000008 0002447fca5fa718  00000001 6b  00000008 01 7b2261223a317d"},
		{"tombstone", "", events(), "0006" + place + " 00000008 0002447fca5fa718  00000001 6b  ffffffff"},
		{"int", `{"x":-2}`, one(col("x", "int")), "0004" + place + " 00000008 fffffffffffffffe"},
		{"float", `{"x":1.5}`, one(col("x", "float")), "0004" + place + " 00000008 3ff8000000000000"},
		{"bool", `{"x":true}`, one(col("x", "bool")), "0004" + place + " 00000001 01"},
		{"text", `{"x":"\u00e9"}`, one(col("x", "text")), "0004" + place + " 00000002 c3a9"},
		{"time", `{"x":946684800001}`, one(col("x", "time_ms")), "0004" + place + " 00000008 00000000000003e8"},
		{"json", `{"x": [1] }`, one(col("x", "json")), "0004" + place + " 00000004 01 5b315d"},
		{"null", `{"x":null}`, one(col("x", "json")), "0004" + place + " ffffffff"},
		{"zero", `{"x":0.0}`, one(dec("x", 12, 2)), "0004" + place + " 00000008 0000 0000 0000 0002"},
		{"decimal", `{"x":12345.67}`, one(dec("x", 12, 2)), "0004" + place + " 0000000e 0003 0001 0000 0002 0001 0929 1a2c"},
		{"small", `{"x":-0.05}`, one(dec("x", 12, 2)), "0004" + place + " 0000000a 0001 ffff 4000 0002 01f4"},
		{"whole decimal", `{"x":10000}`, one(dec("x", 12, 0)), "0004" + place + " 0000000c 0002 0001 0000 0000 0001 0000"},
		{"upsert", `{"x":"a"}`, scenario.Table{Name: "u", Upsert: true, Key: field("x"), Columns: []scenario.SinkColumn{col("x", "text")}},
			"0005 00000001 61" + place + " 00000001 00"},
		{"deleted", "", scenario.Table{Name: "u", Upsert: true, Key: field("x"), Columns: []scenario.SinkColumn{col("x", "text"), col("y", "int")}},
			"0006 00000001 6b" + place + " ffffffff 00000001 01"},
	} {
		table, err := newTable(&c.table)
		if err != nil {
			t.Fatal(err)
		}
		r := record(3, 7, "k", c.value)
		r.Topic, r.Time = "t", 1584950400000+223
		var e encoder
		got, ok, err := e.append(nil, table, r)
		if err != nil || !ok {
			t.Errorf("%s: %v, %v", c.name, ok, err)
		}
		if want := strings.ReplaceAll(c.want, " ", ""); hex.EncodeToString(got) != want {
			t.Errorf("%s:\n%x\n%s", c.name, got, want)
		}
	}
}

func one(c scenario.SinkColumn) scenario.Table {
	return scenario.Table{Name: "one", Columns: []scenario.SinkColumn{c}}
}

// TestNoRowToDelete has tombstones whose key no row can have.
func TestNoRowToDelete(t *testing.T) {
	table, err := newTable(&scenario.Table{Name: "u", Upsert: true, Key: field("x"), Columns: []scenario.SinkColumn{col("x", "int")}})
	if err != nil {
		t.Fatal(err)
	}
	var e encoder
	for key, want := range map[string]bool{"17": true, "x": false, "1.5": false, "\xff": false} {
		if _, ok, err := e.append(nil, table, record(0, 1, key, "")); ok != want || err != nil {
			t.Errorf("%q: %v, %v", key, ok, err)
		}
	}
	keyless := record(0, 1, "", "")
	keyless.Key = nil
	if _, ok, err := e.append(nil, table, keyless); ok || err != nil {
		t.Errorf("no key: %v, %v", ok, err)
	}
}

func TestRowsAreEncodedWithoutAllocations(t *testing.T) {
	table := stock()
	for _, d := range []scenario.Table{events(), table} {
		x, err := newTable(&d)
		if err != nil {
			t.Fatal(err)
		}
		r := record(3, 7, "k", `{"product_id":"p-17","seq":4711,"current_stock":12,"unit_price":19.99,"timestamp":1700000000000}`)
		var e encoder
		var buf []byte
		if n := testing.AllocsPerRun(200, func() { buf, _, _ = e.append(buf[:0], x, r) }); n > 0 {
			t.Errorf("%s: %v allocations", d.Name, n)
		}
	}
}

// fake is a server that refuses some rows, and of which a hint may be right or wrong.
type fake struct {
	poison map[int64]bool
	hint   func(line int) int
	kept   []int64
	next   int64
	tries  int
}

func (f *fake) write(s *stream) func(context.Context, int, int64) error {
	return func(_ context.Context, n int, next int64) error {
		f.tries++
		for i, r := range s.rows.list[:n] {
			if f.poison[r.record.Offset] {
				return &refusal{table: r.table, line: f.hint(i + 1), err: &pgconn.PgError{Severity: "ERROR", Code: "23514", Message: "no"}}
			}
		}
		for _, r := range s.rows.list[:n] {
			f.kept = append(f.kept, r.record.Offset)
		}
		f.next = next
		return nil
	}
}

func TestSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, hint := range map[string]func(int) int{
		"right": func(line int) int { return line }, "none": func(int) int { return 0 },
		"wrong": func(line int) int { return line/2 + 1 }, "behind": func(line int) int { return line + 3 }, "first": func(int) int { return 1 },
	} {
		for range 40 {
			s := newStream(openStore(t, "postgres://h/d", nil, events()), part(0))
			f := &fake{poison: map[int64]bool{}, hint: hint}
			s.write = f.write(s)
			n := int64(1 + random.IntN(200))
			for range random.IntN(6) {
				f.poison[random.Int64N(n)] = true
			}
			var letters, want []int64
			records := rowsOf(0, 0, n)
			for at := int64(0); at < n; {
				if err := s.Append(context.Background(), records[at:]); err != nil {
					t.Fatal(err)
				}
				var refused *forward.RecordError
				if err := s.Flush(context.Background(), n); errors.As(err, &refused) {
					at = refused.Record.Offset + 1
					letters = append(letters, at-1)
					if s.rows.len() > 0 || len(f.kept) > 0 && f.next > at-1 {
						t.Fatalf("%s: letter %d, but %d rows wait and next is %d", name, at-1, s.rows.len(), f.next)
					}
				} else if err != nil {
					t.Fatal(err)
				} else {
					at = n
				}
			}
			for o := range n {
				if !f.poison[o] {
					want = append(want, o)
				}
			}
			if !slices.Equal(f.kept, want) || len(letters) != len(f.poison) {
				t.Fatalf("%s: kept %v, letters %v, want %v", name, f.kept, letters, want)
			}
			if most := 3*len(f.poison) + 1; name == "right" && f.tries > most {
				t.Errorf("%d tries for %d poison records", f.tries, len(f.poison))
			}
		}
	}
}

func TestDue(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := newStream(openStore(t, "postgres://h/d", func(c *Config) { c.Now = func() time.Time { return now } }, events()), part(0))
	s.write = (&fake{}).write(s)
	if !s.Due().IsZero() {
		t.Errorf("an empty stream is due at %v", s.Due())
	}
	add := func(records ...*forward.Record) {
		if err := s.Append(context.Background(), records); err != nil {
			t.Fatal(err)
		}
	}
	add(rowsOf(0, 0, 1)...)
	first := now
	now = now.Add(time.Second)
	add(rowsOf(0, 1, maxRows-1)...)
	if want := first.Add(linger); s.Due() != want {
		t.Errorf("due at %v, not %v", s.Due(), want)
	}
	add(rowsOf(0, maxRows-1, maxRows)...)
	if s.Due().After(first) {
		t.Errorf("%d rows are due at %v", maxRows, s.Due())
	}
	if err := s.Flush(context.Background(), maxRows); err != nil || !s.Due().IsZero() {
		t.Fatal(err, s.Due())
	}
	add(record(0, maxRows, "k", `{"a":"`+strings.Repeat("x", maxBytes)+`"}`))
	if s.Due().After(now) {
		t.Errorf("%d bytes are due at %v", s.rows.size(), s.Due())
	}
	s.store.waiting.Add(maxWaiting)
	other := newStream(s.store, part(1))
	if err := other.Append(context.Background(), rowsOf(1, 0, 1)); err != nil || other.Due().After(now) {
		t.Errorf("with %d bytes that wait elsewhere, due at %v, %v", s.store.waiting.Load(), other.Due(), err)
	}
	s.Close()
	other.Close()
	if n := s.store.waiting.Load(); n != maxWaiting {
		t.Errorf("%d bytes wait in closed streams", n-maxWaiting)
	}
}

func TestShow(t *testing.T) {
	columns := events()
	columns.Alias, columns.Columns = "updates", []scenario.SinkColumn{dec("d", 38, 10), col("f", "float"), col("b", "bool"), col("at", "time_ms"), col("j", "json")}
	var b strings.Builder
	for _, d := range []scenario.Table{events(), columns, stock()} {
		store := openStore(t, "postgres://h/d", nil, d)
		for _, value := range []string{
			`{"product_id":"it's \u001b[31m \\","seq":1,"unit_price":-10000.5,"d":12345678901234567890.0123456789,"f":"NaN","b":false,"at":1700000000123,"j":{"a":"\u202e'"}}`,
			`{"product_id":"p","seq":2,"unit_price":0,"d":-10000,"f":1e100,"at":-210866803200000}`, "",
		} {
			if err := store.Show(&b, record(3, 7, "k", value)); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "testdata/show.sql", b.String())
	if err := openStore(t, "postgres://h/d", nil, events()).Show(io.Discard, record(0, 1, "k", "words")); err == nil {
		t.Error("what is refused is shown")
	}
}

func TestFailures(t *testing.T) {
	table, err := newTable(&scenario.Table{Name: "events"})
	if err != nil {
		t.Fatal(err)
	}
	for code, about := range map[string]bool{"22003": true, "22P02": true, "23514": true, "23505": true, "54000": true,
		"40001": false, "40P01": false, "53100": false, "57P01": false, "28P01": false, "42P01": false, "42501": false, "25006": false, "XX000": false} {
		failed := &pgconn.PgError{Severity: "ERREUR", SeverityUnlocalized: "ERROR", Code: code, Message: "x", Where: "COPY events, line 12, column value: \"x\""}
		var r *refusal
		if err := rowError(table, fmt.Errorf("wrapped: %w", failed)); errors.As(err, &r) != about {
			t.Errorf("%s: %v", code, err)
		}
		if about && (r.line != 12 || r.column() == nil || r.column().name != "value") {
			t.Errorf("line %d, column %v", r.line, r.column())
		}
		if !answered(failed) || answered(io.EOF) {
			t.Error("what is an answer")
		}
		failed.SeverityUnlocalized = "FATAL"
		if answered(failed) {
			t.Error("the end of a session is taken for an answer")
		}
	}
}
