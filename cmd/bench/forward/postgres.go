package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"inv/cmd/bench/measure"
)

// rows compares `inv forward` into PostgreSQL with kcat into COPY, which keeps no offsets:
// a second run would write everything again. Both fill a table with the same primary key;
// kcat leaves out the column _time, for which COPY has no form. PostgreSQL syncs to disk.
func rows(ctx context.Context, b *bench) error {
	server, err := b.startPostgres(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	sides := []side{
		{name: "kcat | psql", table: "events", run: server.floor},
		{name: "inv append", table: "events", run: server.forward("append: events")},
		{name: "inv upsert", table: "stock", run: server.forward("upsert: stock, key: product_id, newest: seq, columns: {current_stock: int, unit_price: 'decimal(12,6)', timestamp: time_ms}")},
	}
	if b.connect {
		if err := b.fetchConnect(ctx); err != nil {
			return err
		}
		sides = append(sides, side{name: "Kafka Connect", table: "connect", run: server.connect})
	}
	rates := make([][]float64, len(sides))
	memory := make([][]float64, len(sides))
	for round := range b.rounds {
		for i, s := range sides {
			if b.only && !strings.HasPrefix(s.name, "inv") {
				continue
			}
			u, err := server.measure(ctx, s, round)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			rate := float64(b.updates) / u.Seconds
			fmt.Printf("round %d: %-14s %7.0f rows/s, %5.1f s, %5.1f CPU s, %4.0f MB\n", round+1, s.name, rate, u.Seconds, u.CPU, u.RSS/1e6)
			rates[i], memory[i] = append(rates[i], rate), append(memory[i], u.RSS/1e6)
		}
	}
	if b.only {
		return nil
	}
	floor := measure.Median(rates[0])
	fmt.Printf("\ninv append: %.2f × kcat | psql (wanted 0.7), %.0f MB (wanted at most 150)\n", measure.Median(rates[1])/floor, slices.Max(memory[1]))
	if b.connect {
		fmt.Printf("inv append: %.1f × Kafka Connect (wanted 5)\n", measure.Median(rates[1])/measure.Median(rates[3]))
	}
	return nil
}

// side is one way to get a topic into a table.
type side struct {
	name, table string
	run         func(ctx context.Context, round int) (measure.Usage, error)
}

// postgresServer is a PostgreSQL that is started for the measurement.
type postgresServer struct {
	b        *bench
	bin, dir string
	port     int
	said     []byte // by the last program
}

func (b *bench) startPostgres(ctx context.Context) (*postgresServer, error) {
	s := &postgresServer{b: b, bin: os.Getenv("INV_POSTGRES_BIN")}
	if s.bin == "" {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		if len(found) == 0 {
			return nil, errors.New("there is no PostgreSQL in /usr/lib/postgresql: set INV_POSTGRES_BIN")
		}
		s.bin = found[len(found)-1]
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.dir = filepath.Join(b.folder, "pg")
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // initdb refuses root
		if err := errors.Join(os.Chmod(b.folder, 0o755), measure.Run(ctx, "chown", "postgres", s.dir)); err != nil {
			return nil, err
		}
	}
	if err := s.tool(ctx, "initdb", "-D", s.dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8"); err != nil {
		return nil, err
	}
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c max_wal_size=4GB -c shared_buffers=512MB", s.port, s.dir)
	return s, s.tool(ctx, "pg_ctl", "-D", s.dir+"/data", "-w", "-l", s.dir+"/log", "-o", options, "start")
}

func (s *postgresServer) tool(ctx context.Context, name string, args ...string) error {
	command := append([]string{filepath.Join(s.bin, name)}, args...)
	if os.Getuid() == 0 {
		command = append([]string{"runuser", "-u", "postgres", "--"}, command...)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = s.dir
	if err := c.Run(); err != nil { // not its output: a server that it starts would keep that open
		return fmt.Errorf("%s: %w; see %s/log", name, err, s.dir)
	}
	return nil
}

func (s *postgresServer) stop() {
	_ = s.tool(context.Background(), "pg_ctl", "-D", s.dir+"/data", "-m", "immediate", "stop") // its folder goes, too
}

func (s *postgresServer) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

func (s *postgresServer) psql(ctx context.Context, sql string) (string, error) {
	c := exec.CommandContext(ctx, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", s.url(), "-c", sql)
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// measure runs a side from an empty database on, and counts what it wrote.
func (s *postgresServer) measure(ctx context.Context, of side, round int) (u measure.Usage, err error) {
	const clean = `DROP TABLE IF EXISTS events, stock, connect, inv_positions`
	const events = `CREATE TABLE events (_topic text NOT NULL, _partition int NOT NULL, _offset bigint NOT NULL, _time timestamptz, _key text, value jsonb,
		PRIMARY KEY (_topic, _partition, _offset))`
	for _, sql := range []string{clean, events, "CHECKPOINT"} {
		if _, err := s.psql(ctx, sql); err != nil {
			return u, err
		}
	}
	if u, err = of.run(ctx, round); err != nil {
		return u, err
	}
	want := strconv.Itoa(s.b.updates)
	if of.table == "stock" {
		want = strconv.Itoa(min(products, s.b.updates))
	}
	got, err := s.psql(ctx, "SELECT count(*) FROM "+of.table)
	if err == nil && got != want {
		err = fmt.Errorf("%s rows, not %s\n%s", got, want, s.said)
	}
	return u, err
}

// floor lets kcat print the topic as CSV whose quotes and delimiters no JSON has.
func (s *postgresServer) floor(ctx context.Context, _ int) (measure.Usage, error) {
	script := fmt.Sprintf(`set -o pipefail; kcat -C -b %s -t %s -o beginning -e -q -f '%%t\x02%%p\x02%%o\x02%%k\x02%%s\n' |
		psql -Xq -v ON_ERROR_STOP=1 -d '%s' -c "\copy events (_topic, _partition, _offset, _key, value) FROM STDIN (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')"`,
		s.b.brokers, topic, s.url())
	u, out, err := measure.Timed(ctx, "bash", "-c", script)
	if err != nil {
		return u, fmt.Errorf("%w: %s", err, out)
	}
	return u, nil
}

const tables = `scenario: bench
topics:
  updates: {topic: %s, partitions: 6}
sinks:
  bench:
    from: updates
    postgres: {url: %q, tables: {updates: {%s}}}
`

// forward drains the topic with a group of its own.
func (s *postgresServer) forward(table string) func(context.Context, int) (measure.Usage, error) {
	return func(ctx context.Context, round int) (measure.Usage, error) {
		scenario := filepath.Join(s.b.folder, "postgres.yaml")
		if err := os.WriteFile(scenario, fmt.Appendf(nil, tables, topic, s.url(), table), 0o600); err != nil {
			return measure.Usage{}, err
		}
		app := fmt.Sprintf("bench-%d-%d-%.6s", os.Getpid(), round, table)
		u, out, err := measure.Timed(ctx, s.b.inv, "forward", "--drain", "--brokers", s.b.brokers, "--scenario", scenario, "--app-id", app)
		if err != nil {
			return u, fmt.Errorf("%w: %s", err, out)
		}
		s.said = out
		return u, nil
	}
}
