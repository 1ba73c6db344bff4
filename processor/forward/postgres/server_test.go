package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"

	"github.com/jackc/pgx/v5/pgconn"
)

const password = "s3cret-enough"

// server is a PostgreSQL of a test's own.
type server struct {
	t    *testing.T
	bin  string
	dir  string
	port int
	dbs  int
}

// startServer starts PostgreSQL, as user postgres if the test runs as root, which initdb
// refuses. Data are synced to disk, as in production.
func startServer(t *testing.T) *server {
	t.Helper()
	if os.Getenv("INV_FORWARD") != "1" {
		t.Skip("INV_FORWARD=1 runs tests with a real PostgreSQL")
	}
	dir, err := os.MkdirTemp("", "invpg") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{t: t, bin: binaries(t), dir: dir, port: freePort(t)}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(password), 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "postgres", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.run("initdb", "-D", s.data(), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", filepath.Join(dir, "password"),
		"-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	s.start()
	t.Cleanup(func() { s.stop("immediate") })
	return s
}

func binaries(t *testing.T) string {
	if bin := os.Getenv("INV_POSTGRES_BIN"); bin != "" {
		return bin
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		t.Fatal("there is no PostgreSQL in /usr/lib/postgresql: set INV_POSTGRES_BIN")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		return n
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

func (s *server) run(name string, args ...string) {
	s.t.Helper()
	command := append([]string{filepath.Join(s.bin, name)}, args...)
	if os.Getuid() == 0 {
		command = append([]string{"runuser", "-u", "postgres", "--"}, command...)
	}
	c := exec.Command(command[0], command[1:]...)
	c.Dir = s.dir
	if out, err := c.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		s.t.Fatalf("%s: %v\n%s\n%s", name, err, out, log)
	}
}

func (s *server) start() {
	s.t.Helper()
	s.run("pg_ctl", "-D", s.data(), "-w", "-l", filepath.Join(s.dir, "log"),
		"-o", fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c max_connections=50", s.port, s.dir), "start")
}

func (s *server) stop(mode string) {
	s.t.Helper()
	s.run("pg_ctl", "-D", s.data(), "-w", "-m", mode, "stop")
}

// database creates a database and returns its URL.
func (s *server) database() string {
	s.t.Helper()
	s.dbs++
	name := fmt.Sprintf("d%d", s.dbs)
	db{s.t, s.url("postgres", password, "postgres", s.port)}.exec("CREATE DATABASE " + name)
	return s.url("postgres", password, name, s.port)
}

func (s *server) url(user, password, name string, port int) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: name, RawQuery: "sslmode=disable"}).String()
}

// db is a database as a test looks at it.
type db struct {
	t   testing.TB
	url string
}

func (d db) exec(sql string) { d.t.Helper(); d.rows(sql) }

// rows runs statements and returns the rows of the last one, their values joined by "|".
func (d db) rows(sql string) []string {
	d.t.Helper()
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	var list []string
	for _, row := range results[len(results)-1].Rows {
		var values []string
		for _, v := range row {
			if v == nil {
				v = []byte("∅")
			}
			values = append(values, string(v))
		}
		list = append(list, strings.Join(values, "|"))
	}
	return list
}

func (d db) one(sql string) string {
	d.t.Helper()
	rows := d.rows(sql)
	if len(rows) != 1 {
		d.t.Fatalf("%s: %q", sql, rows)
	}
	return rows[0]
}

// open returns a store of a sink named out.
func openStore(t testing.TB, url string, change func(*Config), tables ...scenario.Table) *Store {
	t.Helper()
	s, err := newStore(url, change, tables...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newStore(url string, change func(*Config), tables ...scenario.Table) (*Store, error) {
	vars := compose.NewVariables(func(string) (string, bool) { return url, true })
	c := Config{App: "app", Vars: vars, Sink: &scenario.Sink{Name: "out", Timeout: 20 * time.Second, Postgres: &scenario.PostgresSink{
		URL:    scenario.SinkText{Parts: []scenario.SinkTextPart{{Variable: "PG_URL"}}},
		Tables: tables,
	}}}
	for i := range tables {
		if tables[i].Alias == "" {
			c.Sink.Postgres.Else, c.Sink.Postgres.Tables = &tables[i], slices.Delete(slices.Clone(tables), i, i+1)
		}
	}
	if change != nil {
		change(&c)
	}
	return New(c)
}

func field(name string) *scenario.Selector { return &scenario.Selector{Path: strings.Split(name, ".")} }

func col(name, typ string) scenario.SinkColumn {
	return scenario.SinkColumn{Name: name, Type: typ, From: *field(name)}
}

func dec(name string, total, scale int) scenario.SinkColumn {
	return scenario.SinkColumn{Name: name, Type: "decimal", Total: total, Scale: scale, From: *field(name)}
}

// events is the table of all that is appended whole, and stock that of the newest.
func events() scenario.Table { return scenario.Table{Name: "events"} }

func stock() scenario.Table {
	return scenario.Table{Name: "stock", Upsert: true, Key: field("product_id"), Newest: field("seq"),
		Columns: []scenario.SinkColumn{col("current_stock", "int"), dec("unit_price", 12, 2), col("timestamp", "time_ms")}}
}

// record returns a record of topic updates; "" is a tombstone.
func record(partition int32, offset int64, key, value string) *forward.Record {
	r := &forward.Record{Alias: "updates", Topic: "inventory_updates", Partition: partition, Offset: offset,
		At: forward.Place{Topic: "inventory_updates", Partition: partition, Offset: offset}, Time: 1700000000000 + offset, Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
		if value[0] == '{' {
			r.JSON = r.Value
		}
	}
	return r
}

func part(n int32) forward.Partition {
	return forward.Partition{Alias: "updates", Topic: "inventory_updates", Partition: n, TopicID: "id-1"}
}

func openPart(t testing.TB, s *Store, p forward.Partition) forward.Stream {
	t.Helper()
	stream, err := s.Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func put(t testing.TB, s forward.Stream, next int64, records ...*forward.Record) {
	t.Helper()
	if err := s.Append(context.Background(), records); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(context.Background(), next); err != nil {
		t.Fatal(err)
	}
}
