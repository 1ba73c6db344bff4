package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// TestRealTables is what a user sees in the tables.
func TestRealTables(t *testing.T) {
	s := startServer(t)
	t.Run("append", func(t *testing.T) { testAppend(t, s) })
	t.Run("columns", func(t *testing.T) { testColumns(t, s) })
	t.Run("whole upsert", func(t *testing.T) { testWholeUpsert(t, s) })
	t.Run("recreated topic", func(t *testing.T) { testRecreated(t, s) })
	t.Run("lost position", func(t *testing.T) { testLostPosition(t, s) })
	t.Run("replays", func(t *testing.T) { testReplays(t, s) })
	t.Run("differences", func(t *testing.T) { testDifferences(t, s) })
	t.Run("created at once", func(t *testing.T) { testCreatedAtOnce(t, s) })
	t.Run("rights", func(t *testing.T) { testRights(t, s) })
	t.Run("login", func(t *testing.T) { testLogin(t, s) })
}

func testAppend(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, events())
	if err := store.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := d.one("SELECT count(*) FROM pg_class WHERE relname IN ('events', 'inv_positions')"); n != "0" {
		t.Fatalf("Check has created %s tables", n)
	}
	stream := openPart(t, store, part(2))
	if _, ok := stream.Next(); ok {
		t.Fatal("a new partition has a position")
	}
	keyless := record(2, 9, "", `{"b": [1, "\ud83d\ude00"]}`)
	keyless.Key, keyless.Time = nil, -1
	put(t, stream, 12, record(2, 7, "k", `{"a":1}`), keyless, record(2, 10, "é", ""))
	want := []string{
		`inventory_updates|2|7|2023-11-14 22:13:20.007+00|k|{"a": 1}`,
		`inventory_updates|2|9|∅|∅|{"b": [1, "😀"]}`,
		`inventory_updates|2|10|2023-11-14 22:13:20.01+00|é|∅`,
	}
	same(t, d.rows("SET timezone TO 'UTC'; SELECT * FROM events ORDER BY _offset"), want)
	same(t, d.rows("SELECT * FROM inv_positions"), []string{"app|out|inventory_updates|2|id-1|12"})
	// A flush without rows moves the position, and a second one nothing.
	put(t, stream, 20)
	put(t, stream, 20)
	same(t, d.rows("SELECT next FROM inv_positions"), []string{"20"})
	if next, ok := openPart(t, store, part(2)).Next(); next != 20 || !ok {
		t.Fatalf("reopened at %d, %v", next, ok)
	}
	if n := d.one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'inv'"); n == "0" {
		t.Error("the connections have no name")
	}
}

func testColumns(t *testing.T, s *server) {
	d := db{t, s.database()}
	table := scenario.Table{Name: "inv.Lines", Columns: []scenario.SinkColumn{
		col("t", "text"), col("i", "int"), col("f", "float"), col("b", "bool"), dec("d", 12, 2), dec("e", 38, 10), col("at", "time_ms"), col("j", "json"),
		{Name: "deep", Type: "text", From: *field("o.x")},
	}}
	stream := openPart(t, openStore(t, d.url, nil, table), part(0))
	put(t, stream, 5,
		record(0, 0, "k", `{"t":"a\tb","i":-3,"f":1e-3,"b":true,"d":1234.5,"e":-12345678901234567890.0123456789,"at":1700000000123,"j":{"z":[1]},"o":{"x":2.50}}`),
		record(0, 1, "k", `{"t":null,"i":"9223372036854775807","f":"Infinity","b":false,"d":"-0.05","e":1e20,"at":"1969-12-31T23:59:59.999Z","j":null}`),
		record(0, 2, "k", `{"d":0,"e":0.0000100000,"at":-210866803200000}`),
		record(0, 3, "k", ""))
	same(t, d.rows(`SET timezone TO 'UTC'; SELECT * FROM inv."Lines" ORDER BY _offset`), []string{
		"inventory_updates|0|0|a\tb|-3|0.001|t|1234.50|-12345678901234567890.0123456789|2023-11-14 22:13:20.123+00|{\"z\": [1]}|2.50",
		"inventory_updates|0|1|∅|9223372036854775807|Infinity|f|-0.05|100000000000000000000.0000000000|1969-12-31 23:59:59.999+00|∅|∅",
		"inventory_updates|0|2|∅|∅|∅|∅|0.00|0.0000100000|4714-11-24 00:00:00+00 BC|∅|∅",
		"inventory_updates|0|3|∅|∅|∅|∅|∅|∅|∅|∅|∅",
	})
}

func testWholeUpsert(t *testing.T, s *server) {
	d := db{t, s.database()}
	stream := openPart(t, openStore(t, d.url, nil, scenario.Table{Name: "latest", Upsert: true, Key: field("p.id")}), part(0))
	put(t, stream, 3, record(0, 0, "a", `{"p":{"id":"a"},"n":1}`), record(0, 1, "b", `{"p":{"id":7},"n":2}`), record(0, 2, "a", `{"p":{"id":"a"},"n":3}`))
	same(t, d.rows(`SELECT p_id, _offset, value FROM latest ORDER BY 1`), []string{`7|1|{"n": 2, "p": {"id": 7}}`, `a|2|{"n": 3, "p": {"id": "a"}}`})
	put(t, stream, 5, record(0, 3, "a", ""), record(0, 4, "x", ""))
	same(t, d.rows(`SELECT p_id FROM latest`), []string{"7"})
}

func testRecreated(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, events())
	put(t, openPart(t, store, part(0)), 8, record(0, 7, "k", "{}"))
	p := part(0)
	p.TopicID = "id-2"
	_, err := store.Open(context.Background(), p)
	wantStop(t, err, "topic inventory_updates was recreated: its id is id-2, but inv_positions has position 8 of partition 0 for id id-1")
	p.TopicID = "" // a broker that has no ids
	openPart(t, store, p)
}

func testLostPosition(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, events())
	put(t, openPart(t, store, part(0)), 8, record(0, 7, "k", "{}"))
	d.exec("DELETE FROM inv_positions")
	stream := openPart(t, store, part(0))
	if err := stream.Append(context.Background(), []*forward.Record{record(0, 5, "k", "{}"), record(0, 7, "k", "{}"), record(0, 8, "k", "{}")}); err != nil {
		t.Fatal(err)
	}
	wantStop(t, stream.Flush(context.Background(), 9), "table events has the record inventory_updates/0@7 already")
}

func testReplays(t *testing.T, s *server) {
	d := db{t, s.database()}
	stockTable := stock()
	stockTable.Alias = "stock"
	store := openStore(t, d.url, nil, events(), stockTable)
	put(t, openPart(t, store, part(0)), 8, record(0, 7, "k", "{}"))
	retry := openPart(t, store, forward.Partition{Alias: forward.RetryAlias, Topic: "app-forward-out.retry", TopicID: "r", Retry: true})
	replay := func(at int64, r *forward.Record) *forward.Record {
		r.At = forward.Place{Topic: "app-forward-out.retry", Offset: at}
		return r
	}
	newer := replay(2, record(1, 3, "p", `{"product_id":"p","seq":5,"current_stock":2}`))
	newer.Alias = "stock"
	put(t, retry, 4, replay(0, record(0, 7, "k", "{}")), replay(1, record(0, 2, "k", "{}")), newer, replay(3, record(0, 2, "k", "{}")))
	same(t, d.rows("SELECT _offset FROM events ORDER BY 1"), []string{"2", "7"})
	same(t, d.rows("SELECT product_id, seq, current_stock, _partition, _offset FROM stock"), []string{"p|5|2|1|3"})
	put(t, retry, 6, replay(5, record(0, 2, "k", "{}")))
	same(t, d.rows("SELECT next FROM inv_positions WHERE topic = 'app-forward-out.retry'"), []string{"6"})
}

func testDifferences(t *testing.T, s *server) {
	d := db{t, s.database()}
	for _, c := range []struct{ name, create, want string }{
		{"types", `CREATE TABLE stock (product_id varchar(20) PRIMARY KEY, seq bigint, _topic text, _partition int, _offset bigint, current_stock int, unit_price numeric(10,2), timestamp timestamptz)`,
			"table stock differs from the sink: column product_id is character varying(20), not text; column current_stock is integer, not bigint; column unit_price is numeric(10,2), not numeric(12,2)"},
		{"columns", `CREATE TABLE stock (product_id text PRIMARY KEY, _topic text, _partition int, _offset bigint, unit_price numeric(12,2), timestamp timestamptz, seq bigint GENERATED ALWAYS AS (1) STORED, must int NOT NULL)`,
			"column seq is generated and can't be written; column current_stock (bigint) is missing; the sink doesn't write column must (integer), which is NOT NULL and has no default"},
		{"key", `CREATE TABLE stock (product_id text, seq bigint, _topic text, _partition int, _offset bigint, current_stock bigint, unit_price numeric(12,2), timestamp timestamptz, PRIMARY KEY (product_id, seq))`,
			"there is no primary key or unique index on (product_id)"},
		{"view", `CREATE VIEW stock AS SELECT 1 AS product_id`, "it is no table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.exec("DROP VIEW IF EXISTS stock; DROP TABLE IF EXISTS stock")
			if c.name != "view" {
				d.exec("DROP TABLE IF EXISTS stock")
			}
			d.exec(c.create)
			store := openStore(t, d.url, nil, stock())
			_, err := store.Open(context.Background(), part(0))
			wantStop(t, err, c.want)
			if err := store.Check(context.Background()); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(c.want, "table stock differs from the sink: ")) {
				t.Errorf("Check: %v", err)
			}
			if c.name == "view" {
				d.exec("DROP VIEW stock")
			}
			d.exec("DROP TABLE IF EXISTS stock")
		})
	}
	d.exec(`CREATE TABLE stock (note text, at timestamptz NOT NULL DEFAULT now(), id bigint GENERATED ALWAYS AS IDENTITY, timestamp timestamptz, unit_price numeric(12,2),
		current_stock bigint CHECK (current_stock >= 0), _offset bigint, _partition int, _topic text, seq bigint, product_id text UNIQUE)`)
	store := openStore(t, d.url, nil, stock())
	put(t, openPart(t, store, part(0)), 1, record(0, 0, "p", `{"product_id":"p","seq":1}`))
	same(t, d.rows("SELECT product_id, id, at IS NULL FROM stock"), []string{"p|1|f"})
}

func testCreatedAtOnce(t *testing.T, s *server) {
	url := s.database()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			store, err := newStore(url, nil, scenario.Table{Name: "lake.events"})
			if err == nil {
				_, err = store.Open(context.Background(), part(int32(i)))
				store.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testRights(t *testing.T, s *server) {
	d := db{t, s.database()}
	stockTable := stock()
	stockTable.Alias = "updates"
	d.exec("CREATE ROLE writer LOGIN PASSWORD 'w-secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	name := d.one("SELECT current_database()")
	store := openStore(t, s.url("writer", "w-secret", name, s.port), nil, events(), stockTable)
	_, err := store.Open(context.Background(), part(0))
	wantHold(t, err, "creating table inv_positions: ERROR: permission denied for schema public (SQLSTATE 42501)")
	wantHold(t, store.Check(context.Background()), "table stock: it is missing, and the user may not create tables in the first schema of search_path")

	admin := openStore(t, d.url, nil, events(), stockTable)
	openPart(t, admin, part(0))
	d.exec("GRANT SELECT, INSERT ON events, stock, inv_positions TO writer; GRANT UPDATE ON inv_positions TO writer")
	wantHold(t, store.Check(context.Background()), "table stock: the user lacks UPDATE")
	stream := openPart(t, store, part(0))
	if err := stream.Append(context.Background(), []*forward.Record{record(0, 0, "p", `{"product_id":"p","seq":1}`)}); err != nil {
		t.Fatal(err)
	}
	wantHold(t, stream.Flush(context.Background(), 1), "the user lacks a right: table stock: ERROR: permission denied for table stock (SQLSTATE 42501)")
	d.exec("GRANT UPDATE (product_id, seq, _topic, _partition, _offset, current_stock, unit_price, timestamp) ON stock TO writer")
	if err := store.Check(context.Background()); err != nil {
		t.Error(err)
	}
	put(t, stream, 1) // the row has waited
	same(t, d.rows("SELECT product_id FROM stock"), []string{"p"})
	d.exec(fmt.Sprintf("REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC", name))
	wantHold(t, store.Check(context.Background()), "the user may not create temporary tables")
}

func testLogin(t *testing.T, s *server) {
	d := db{t, s.database()}
	d.exec("CREATE ROLE reader LOGIN PASSWORD 'r-secret'")
	for url, want := range map[string]string{
		s.url("reader", "wrong-secret", "d1", s.port):                                   "28P01",
		s.url("reader", "r-secret", "nowhere", s.port):                                  "3D000",
		s.url("reader", "r-secret", "d1", freePort(t)):                                  "connection refused",
		fmt.Sprintf("host=127.0.0.1 port=%d user=reader password=wrong-secret", s.port): "28P01",
	} {
		store := openStore(t, url, nil, events())
		wantHold(t, store.Check(context.Background()), want)
		_, err := store.Open(context.Background(), part(0))
		wantHold(t, err, want)
	}
	if _, err := newStore("postgres://reader:r-secret@host:port/x", nil, events()); err == nil || strings.Contains(err.Error(), "r-secret") {
		t.Errorf("a URL that is wrong: %v", err)
	}
}

func wantStop(t *testing.T, err error, text string) {
	t.Helper()
	var stop *forward.StopError
	if !errors.As(err, &stop) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v is not a StopError with %q", err, text)
	}
}

// wantHold wants an error that holds the sink and shows no password.
func wantHold(t *testing.T, err error, text string) {
	t.Helper()
	var stop *forward.StopError
	var refused *forward.RecordError
	if err == nil || errors.As(err, &stop) || errors.As(err, &refused) || errors.Is(err, forward.ErrNotOwner) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v doesn't hold with %q", err, text)
	} else if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v has a password", err)
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
