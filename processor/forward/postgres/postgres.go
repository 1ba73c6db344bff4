package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"

	"github.com/jackc/pgx/v5/pgconn"
)

// Config is what to keep and where. App and Sink must be set.
type Config struct {
	App  string         // application id
	Sink *scenario.Sink // with Postgres
	// Vars gives the URL its variables, and takes them out of errors.
	Vars *compose.Variables
	Now  func() time.Time   // default time.Now
	At   func(point string) // called at the points that docs/dev/forward.md names
}

// Store is a [forward.Store].
type Store struct {
	app, name string
	timeout   time.Duration
	tables    map[string]*table // by alias; "" is that of all others
	list      []*table          // each once
	pool      *pool
	vars      *compose.Variables
	now       func() time.Time
	at        func(point string)
	waiting   atomic.Int64 // bytes of rows of all streams

	mu       sync.Mutex
	prepared bool // tables are there, and as they should be
}

// New returns a store. It connects when it is used. The environment variables and files of
// libpq are honoured, as everything that pgx understands.
func New(c Config) (*Store, error) {
	s := &Store{app: c.App, name: c.Sink.Name, timeout: c.Sink.Timeout, vars: c.Vars, now: c.Now, at: c.At, tables: map[string]*table{}}
	if s.timeout <= 0 {
		s.timeout = forward.DefaultTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.at == nil {
		s.at = func(string) {}
	}
	p := c.Sink.Postgres
	for i := range p.Tables {
		if err := s.addTable(&p.Tables[i]); err != nil {
			return nil, err
		}
	}
	if p.Else != nil {
		if err := s.addTable(p.Else); err != nil {
			return nil, err
		}
	}
	url := c.Vars.Secret(&p.URL)
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, s.hide(fmt.Errorf("url: %w", err))
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = "inv"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	s.pool = newPool(config, s.now)
	return s, nil
}

func (s *Store) addTable(d *scenario.Table) error {
	t, err := newTable(d)
	if err != nil {
		return err
	}
	for _, o := range s.list {
		if o.name != t.name {
			continue
		}
		if !o.same(t) {
			return fmt.Errorf("table %s is declared twice, with other columns", t.name)
		}
		t = o
	}
	if s.tables[d.Alias] = t; !slices.Contains(s.list, t) {
		s.list = append(s.list, t)
	}
	return nil
}

// tableOf returns the table of a record.
func (s *Store) tableOf(r *forward.Record) (*table, error) {
	if t := s.tables[r.Alias]; t != nil {
		return t, nil
	}
	if t := s.tables[""]; t != nil {
		return t, nil
	}
	return nil, &forward.RecordError{Record: r, Reason: forward.Refused, Err: fmt.Errorf("no table takes the records of topic %s", r.Topic)}
}

// Open implements [forward.Store]. Its first call creates tables that are missing and
// compares the others.
func (s *Store) Open(ctx context.Context, p forward.Partition) (forward.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.prepare(ctx); err != nil {
		return nil, s.hide(explain(err))
	}
	t := newStream(s, p)
	var err error
	if t.next, t.known, err = t.read(ctx); err != nil {
		return nil, s.hide(explain(err))
	}
	return t, nil
}

// Close implements [forward.Store].
func (s *Store) Close() error {
	s.pool.close()
	return nil
}

// opening returns the statements that begin a transaction. Nothing depends on the user's
// settings, and settings end with the transaction. Sessions that wait for their client for
// too long are ended.
func (s *Store) opening() string {
	ms := max(1, s.timeout.Milliseconds())
	return fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = %d; SET LOCAL idle_in_transaction_session_timeout = %[1]d; ", ms)
}

// has reports whether an append table has a record.
func (s *Store) has(ctx context.Context, t *table, r *forward.Record) (bool, error) {
	rows, err := s.query(ctx, t.sql.has, r.Topic, strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10))
	if err != nil {
		return false, err
	}
	return rows[0][0] != "0", nil
}

// query runs a statement with parameters in text form and returns the rows; null is "".
func (s *Store) query(ctx context.Context, sql string, params ...string) ([][]string, error) {
	conn, _, err := s.pool.acquire(ctx, false)
	if err != nil {
		return nil, err
	}
	defer s.pool.release(conn)
	return query(ctx, conn, sql, params...)
}

func query(ctx context.Context, conn *pgconn.PgConn, sql string, params ...string) ([][]string, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	result := conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	rows := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, v := range row {
			rows[i] = append(rows[i], string(v))
		}
	}
	return rows, nil
}

// hide takes secrets out of an error.
func (s *Store) hide(err error) error {
	if err == nil || errors.Is(err, forward.ErrNotOwner) {
		return err
	}
	return s.vars.Error(err)
}
