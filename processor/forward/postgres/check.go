package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Check implements [forward.Store]. It logs in, compares the tables that are there, and asks
// for the rights that are needed.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.hide(s.check(ctx))
}

func (s *Store) check(ctx context.Context) error {
	conn, _, err := s.pool.acquire(ctx, true)
	if err != nil {
		return explain(err)
	}
	defer s.pool.release(conn)
	if err := execute(ctx, conn, "SELECT 1"); err != nil {
		return explain(err)
	}
	var wrong []string
	stages := false
	for i, o := range s.objects() {
		problem, err := checkObject(ctx, conn, o, i == 0 || s.list[i-1].upsert)
		if err != nil {
			return explain(fmt.Errorf("table %s: %w", o.name, err))
		}
		if problem != "" {
			wrong = append(wrong, "table "+o.name+": "+problem)
		}
		stages = stages || i > 0 && s.list[i-1].upsert
	}
	if stages {
		ok, err := holds(ctx, conn, "SELECT has_database_privilege(current_database(), 'TEMPORARY')")
		if err != nil {
			return explain(err)
		}
		if !ok {
			wrong = append(wrong, "the user may not create temporary tables in the database, which upsert tables need")
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// checkObject returns what is wrong with a table, "" if nothing is.
func checkObject(ctx context.Context, conn *pgconn.PgConn, o object, updated bool) (string, error) {
	found, err := describe(ctx, conn, o)
	if err != nil {
		return "", err
	}
	if found == nil {
		return checkMissing(ctx, conn, o)
	}
	if differences := found.compare(o); len(differences) > 0 {
		return strings.Join(differences, "; "), nil
	}
	var names []string
	for _, c := range o.columns {
		names = append(names, c.name)
	}
	rights := []string{"SELECT", "INSERT"}
	if updated {
		rights = append(rights, "UPDATE")
	}
	var lacking []string
	for _, right := range rights {
		ok, err := holds(ctx, conn, "SELECT bool_and(has_column_privilege($1::oid, attname, $2)) FROM pg_attribute WHERE attrelid = $1::oid AND attname = ANY (string_to_array($3, ','))",
			found.oid, right, strings.Join(names, ","))
		if err != nil {
			return "", err
		}
		if !ok {
			lacking = append(lacking, right)
		}
	}
	if len(lacking) > 0 {
		return "the user lacks " + strings.Join(lacking, ", "), nil
	}
	return "", nil
}

// checkMissing returns why a table can't be created, "" if it can.
func checkMissing(ctx context.Context, conn *pgconn.PgConn, o object) (string, error) {
	if o.schema == "" {
		ok, err := holds(ctx, conn, "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
		if err != nil || ok {
			return "", err
		}
		return "it is missing, and the user may not create tables in the first schema of search_path", nil
	}
	rows, err := query(ctx, conn, "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1", o.schema)
	switch {
	case err != nil:
		return "", err
	case len(rows) == 0:
		ok, err := holds(ctx, conn, "SELECT has_database_privilege(current_database(), 'CREATE')")
		if err != nil || ok {
			return "", err
		}
		return fmt.Sprintf("schema %s is missing, and the user may not create schemas", o.schema), nil
	case rows[0][0] != "t":
		return fmt.Sprintf("it is missing, and the user may not create tables in schema %s", o.schema), nil
	}
	return "", nil
}

// holds runs a statement that gives a boolean.
func holds(ctx context.Context, conn *pgconn.PgConn, sql string, params ...string) (bool, error) {
	rows, err := query(ctx, conn, sql, params...)
	if err != nil {
		return false, err
	}
	return len(rows) == 1 && rows[0][0] == "t", nil
}
