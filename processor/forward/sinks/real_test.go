package sinks_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/jackc/pgx/v5"
)

// database is a PostgreSQL of a test's own.
type database struct {
	t        *testing.T
	bin, dir string
	port     int
	url      string
	asPG     []string // the command that makes another user run a program
}

// startDatabase starts PostgreSQL, as user postgres if the test runs as root, which it
// refuses.
func startDatabase(t *testing.T) *database {
	t.Helper()
	if os.Getenv("INV_FORWARD") != "1" {
		t.Skip("INV_FORWARD=1 runs tests with a real PostgreSQL")
	}
	dir, err := os.MkdirTemp("", "invpg") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &database{t: t, bin: os.Getenv("INV_POSTGRES_BIN"), dir: dir}
	if d.bin == "" {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		if len(found) == 0 {
			t.Fatal("there is no PostgreSQL in /usr/lib/postgresql: set INV_POSTGRES_BIN")
		}
		version := func(path string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			return n
		}
		d.bin = slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	}
	_, port, _ := net.SplitHostPort(kafkatest.FreeAddress(t))
	if d.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		d.asPG = []string{"runuser", "-u", "postgres", "--"}
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d.run("initdb", "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	d.start()
	t.Cleanup(d.kill)
	d.url = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", d.port)
	return d
}

func (d *database) run(program string, args ...string) {
	d.t.Helper()
	line := append(append(slices.Clone(d.asPG), filepath.Join(d.bin, program)), args...)
	c := exec.Command(line[0], line[1:]...)
	c.Dir = d.dir
	if out, err := c.CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

func (d *database) start() {
	d.t.Helper()
	d.run("pg_ctl", "-D", d.dir+"/data", "-w", "-l", d.dir+"/log", "-o", fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1", d.port, d.dir), "start")
}

// kill stops it without a checkpoint, as a crash does.
func (d *database) kill() { d.run("pg_ctl", "-D", d.dir+"/data", "-w", "-m", "immediate", "stop") }

// rows returns the rows of a query.
func (d *database) rows(query string) (rows [][]any) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(ctx)
	found, err := conn.Query(ctx, query)
	if err != nil {
		d.t.Fatal(err)
	}
	rows, err = pgx.CollectRows(found, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return rows
}

// begun reports whether the sink has kept something.
func (d *database) begun() (bool, error) {
	table := d.rows("SELECT to_regclass('events') IS NOT NULL")
	return table[0][0].(bool) && d.rows("SELECT count(*) FROM events")[0][0].(int64) > 0, nil
}

// checkTables checks that the table has each committed record once, and the other one the
// last record of each key.
func (r *rig) checkTables(d *database) {
	r.t.Helper()
	places := map[string]int{}
	for _, row := range d.rows(`SELECT _partition::text || '@' || _offset::text, (value->>'n')::int FROM events`) {
		at := row[0].(string)
		places[at]++
		if n, ok := r.committed[at]; !ok || int32(n) != row[1].(int32) {
			r.t.Errorf("%s has record %v, where %d is committed", at, row[1], n)
		}
		if places[at] > 1 {
			r.t.Errorf("%s is there %d times", at, places[at])
		}
	}
	if len(places) != len(r.committed) {
		r.t.Errorf("%d places, of %d committed records", len(places), len(r.committed))
	}
	last := map[string]int64{} // the independent fold
	for _, n := range r.committed {
		key := "k" + strconv.Itoa(n%keys)
		last[key] = max(last[key], int64(n))
	}
	found := d.rows(`SELECT k, n FROM latest`)
	for _, row := range found {
		if key, n := row[0].(string), row[1].(int64); last[key] != n {
			r.t.Errorf("the last record of %s is %d, want %d", key, n, last[key])
		}
	}
	if len(found) != len(last) {
		r.t.Errorf("%d keys, want %d", len(found), len(last))
	}
}

// Processes that keep rows in PostgreSQL are killed and stopped when a commit was sent, come
// and go, and the server crashes: each committed record is there once, and the upserted
// table is the fold of the topic.
func TestRealPostgresUnderFaults(t *testing.T) {
	d := startDatabase(t)
	r := newRig(t, kafkatest.Embedded(t))
	t.Setenv("INV_TEST_DATABASE", d.url)

	r.produce(1000)
	r.start("db", func(c *childConfig) { c.Signal, c.Point, c.Nth = syscall.SIGKILL, "sql-commit", 2 }).killed(patience)
	r.produce(300)
	r.start("db", drain).succeeds(patience)

	stopped := r.start("db", func(c *childConfig) { c.Signal, c.Point, c.Nth = syscall.SIGSTOP, "sql-commit", 1 })
	r.produce(300)
	kafkatest.Eventually(t, patience, "the process is stopped", stopped.stopped)
	r.start("db", drain).succeeds(patience)
	stopped.signal(syscall.SIGCONT)

	var all []*child
	for range 3 {
		all = append(all, r.start("db"))
		r.produce(300)
	}
	kafkatest.Eventually(t, patience, "rows", d.begun)
	d.kill()
	r.produce(300)
	d.start()
	all[0].signal(syscall.SIGKILL)
	all[0].killed(patience)
	r.produce(300)
	r.start("db", drain).succeeds(patience)
	for _, c := range append(all[1:], stopped) {
		c.signal(syscall.SIGTERM)
		c.succeeds(20 * time.Second)
	}

	r.start("latest", func(c *childConfig) { c.Signal, c.Point, c.Nth = syscall.SIGKILL, "sql-commit", 3 }).killed(patience)
	r.start("latest", drain).succeeds(patience)
	r.checkTables(d)
}
