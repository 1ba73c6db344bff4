package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"inv/processor/forward"

	"github.com/jackc/pgx/v5/pgconn"
)

// schemaLock is an advisory lock that instances take to create tables one after the other:
// CREATE TABLE IF NOT EXISTS fails if another one is under way. It is "inv" and "ddl".
const schemaLock = 0x696e760064646c

// prepare creates what is missing and compares the rest, once.
func (s *Store) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared {
		return nil
	}
	conn, _, err := s.pool.acquire(ctx, true)
	if err != nil {
		return err
	}
	defer s.pool.release(conn)
	for _, o := range s.objects() {
		if err := s.ensure(ctx, conn, o); err != nil {
			return err
		}
	}
	s.prepared = true
	return nil
}

// object is a table as it should be.
type object struct {
	name, schema, quoted string
	create               string
	columns              []tableColumn
	unique               []string // columns of a unique index that must be there; nil: none
}

func (s *Store) objects() []object {
	list := []object{{
		name: positions, quoted: positions, create: createPositions,
		columns: []tableColumn{{name: "app", sql: "text"}, {name: "sink", sql: "text"}, {name: "topic", sql: "text"},
			{name: "partition", sql: "integer"}, {name: "topic_id", sql: "text"}, {name: "next", sql: "bigint"}},
		unique: []string{"app", "sink", "topic", "partition"},
	}}
	for _, t := range s.list {
		o := object{name: t.name, schema: t.schema, quoted: t.quoted, create: t.sql.create, columns: t.columns}
		if t.upsert {
			o.unique = []string{t.columns[t.key].name}
		}
		list = append(list, o)
	}
	return list
}

// ensure creates a table if it is missing and returns a [forward.StopError] if it differs.
func (s *Store) ensure(ctx context.Context, conn *pgconn.PgConn, o object) error {
	found, err := describe(ctx, conn, o)
	if err != nil {
		return fmt.Errorf("table %s: %w", o.name, err)
	}
	if found == nil {
		if err := s.create(ctx, conn, o); err != nil {
			return fmt.Errorf("creating table %s: %w", o.name, err)
		}
		if found, err = describe(ctx, conn, o); err != nil {
			return fmt.Errorf("table %s: %w", o.name, err)
		}
	}
	if found == nil {
		return fmt.Errorf("table %s isn't found after its creation: does the user lack USAGE of its schema?", o.name)
	}
	if differences := found.compare(o); len(differences) > 0 {
		return &forward.StopError{Err: fmt.Errorf("table %s differs from the sink: %s", o.name, strings.Join(differences, "; "))}
	}
	return nil
}

// create creates a table, and the schema that its name has, unless they are there once the
// lock is taken.
func (s *Store) create(ctx context.Context, conn *pgconn.PgConn, o object) error {
	err := execute(ctx, conn, s.opening()+fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", schemaLock))
	if err == nil {
		err = createLocked(ctx, conn, o)
	}
	if err == nil {
		return execute(ctx, conn, "COMMIT")
	}
	if !conn.IsClosed() {
		_ = execute(ctx, conn, "ROLLBACK") // a connection in a transaction isn't used again
	}
	return err
}

func createLocked(ctx context.Context, conn *pgconn.PgConn, o object) error {
	if o.schema != "" {
		// IF NOT EXISTS alone may look into a cache from before the lock.
		rows, err := query(ctx, conn, "SELECT 1 FROM pg_namespace WHERE nspname = $1", o.schema)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			if err := execute(ctx, conn, "CREATE SCHEMA IF NOT EXISTS "+quoteName(o.schema)); err != nil {
				return err
			}
		}
	}
	found, err := describe(ctx, conn, o)
	if err != nil || found != nil {
		return err
	}
	return execute(ctx, conn, o.create)
}

// description is a table as it is.
type description struct {
	oid     string
	kind    string // of pg_class.relkind
	columns []existingColumn
	indexes [][]string // columns of unique indexes that hold for all rows at once
}

type existingColumn struct {
	name, sql string
	notNull   bool
	filled    bool // it has a default or is an identity
	generated bool // it can't be written
}

// describe returns a table, nil if there is none.
func describe(ctx context.Context, conn *pgconn.PgConn, o object) (*description, error) {
	rows, err := query(ctx, conn, "SELECT oid, relkind FROM pg_class WHERE oid = to_regclass($1)", o.quoted)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	d := &description{oid: rows[0][0], kind: rows[0][1]}
	rows, err = query(ctx, conn, `SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> '',
  attgenerated <> '' OR attidentity = 'a'
FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, d.oid)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		d.columns = append(d.columns, existingColumn{r[0], r[1], r[2] == "t", r[3] == "t", r[4] == "t"})
	}
	rows, err = query(ctx, conn, `SELECT i.indexrelid, a.attname
FROM pg_index AS i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts
ORDER BY i.indexrelid, k.n`, d.oid)
	if err != nil {
		return nil, err
	}
	last := ""
	for _, r := range rows {
		if r[0] != last {
			d.indexes = append(d.indexes, nil)
			last = r[0]
		}
		i := len(d.indexes) - 1
		d.indexes[i] = append(d.indexes[i], r[1])
	}
	return d, nil
}

// compare returns in what a table differs from what it should be.
func (d *description) compare(o object) []string {
	if d.kind != "r" && d.kind != "p" {
		return []string{"it is no table"}
	}
	var list []string
	for _, c := range o.columns {
		i := slices.IndexFunc(d.columns, func(e existingColumn) bool { return e.name == c.name })
		switch {
		case i < 0:
			list = append(list, fmt.Sprintf("column %s (%s) is missing", c.name, c.sql))
		case d.columns[i].sql != c.sql:
			list = append(list, fmt.Sprintf("column %s is %s, not %s", c.name, d.columns[i].sql, c.sql))
		case d.columns[i].generated:
			list = append(list, fmt.Sprintf("column %s is generated and can't be written", c.name))
		}
	}
	for _, e := range d.columns {
		ours := slices.ContainsFunc(o.columns, func(c tableColumn) bool { return c.name == e.name })
		if !ours && e.notNull && !e.filled {
			list = append(list, fmt.Sprintf("the sink doesn't write column %s (%s), which is NOT NULL and has no default", e.name, e.sql))
		}
	}
	if o.unique != nil && !slices.ContainsFunc(d.indexes, func(columns []string) bool { return sameSet(columns, o.unique) }) {
		list = append(list, fmt.Sprintf("there is no primary key or unique index on (%s)", strings.Join(o.unique, ", ")))
	}
	return list
}

func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
