package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"inv/processor/forward"

	"github.com/jackc/pgx/v5/pgconn"
)

// refusal is an error of the server that is about one of the rows that were sent.
type refusal struct {
	table *table
	line  int // of the rows of the table, from 1; 0: unknown
	err   *pgconn.PgError
}

func (e *refusal) Error() string { return e.err.Error() }

// uniqueViolation is the SQLSTATE of a row whose key is there already.
const uniqueViolation = "23505"

// aboutRow reports whether an error is about a row: 22 is data exceptions, 23 integrity
// constraint violations, and 54 limits, such as the size of a row or the depth of JSON
// (PostgreSQL's manual, appendix A).
func aboutRow(err *pgconn.PgError) bool {
	return strings.HasPrefix(err.Code, "22") || strings.HasPrefix(err.Code, "23") || strings.HasPrefix(err.Code, "54")
}

// lineOf finds the line in the context of a COPY: "COPY events, line 3, column value". It
// is a hint: servers with other languages have other words.
var lineOf = regexp.MustCompile(`^COPY [^\n]*, line (\d+)(?:, column ([^:\n]*))?`)

// rowError returns err as a [refusal] if it is about a row of t.
func rowError(t *table, err error) error {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return err
	}
	if !aboutRow(failed) {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	r := &refusal{table: t, err: failed}
	if m := lineOf.FindStringSubmatch(failed.Where); m != nil {
		r.line, _ = strconv.Atoi(m[1])
	}
	return r
}

// recordError returns the error of the record whose row was refused. Details are left out:
// they show the row, which a log should not.
func (e *refusal) recordError(r *forward.Record) *forward.RecordError {
	reason := forward.Refused
	if strings.HasPrefix(e.err.Code, "54") {
		reason = forward.TooLarge
	}
	text := "table " + e.table.name
	if c := e.column(); c != nil {
		text += ", column " + c.name + " (" + c.typeName() + ")"
	}
	return &forward.RecordError{Record: r, Reason: reason, Err: fmt.Errorf("%s: %w", text, e.err)}
}

// column returns the column that the server blames, nil if it names none.
func (e *refusal) column() *tableColumn {
	name := e.err.ColumnName
	if m := lineOf.FindStringSubmatch(e.err.Where); name == "" && m != nil {
		name = m[2]
	}
	for i := range e.table.columns {
		c := &e.table.columns[i]
		if c.name == name || strings.Contains(e.err.Where, e.table.stageName()) && name == "c"+strconv.Itoa(i+1) {
			return c
		}
	}
	return nil
}

// answered reports whether err is an answer of the server after which the session goes on,
// so that a COMMIT is known to have failed.
func answered(err error) bool {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return false
	}
	severity := failed.SeverityUnlocalized
	if severity == "" {
		severity = failed.Severity // before PostgreSQL 9.6
	}
	return severity == "ERROR"
}

// explain adds to an error what its SQLSTATE means for a sink, if its text alone doesn't say.
func explain(err error) error {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Code {
	case "57014":
		return fmt.Errorf("the transaction took longer than the sink's timeout: %w", err)
	case "25006":
		return fmt.Errorf("the server takes no writes, as a standby: %w", err)
	case "42501":
		return fmt.Errorf("the user lacks a right: %w", err)
	case "42P01":
		return fmt.Errorf("a table has gone, and is created only when the sink starts: %w", err)
	}
	return err
}
