package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"inv/processor/forward"

	"github.com/jackc/pgx/v5/pgconn"
)

// commit writes the first n rows and the position next in a transaction.
func (s *stream) commit(ctx context.Context, n int, next int64) error {
	conn, used, err := s.store.pool.acquire(ctx, false)
	if err != nil {
		return err
	}
	moved, err := s.begin(ctx, conn, next)
	if err != nil && used && conn.IsClosed() && ctx.Err() == nil {
		// It broke while it was idle, and nothing has been done.
		s.store.pool.release(conn)
		s.unsettled, s.awaited = true, outcome{}
		if _, err = s.settle(ctx); err != nil {
			return err
		}
		if conn, _, err = s.store.pool.acquire(ctx, false); err != nil {
			return err
		}
		moved, err = s.begin(ctx, conn, next)
	}
	defer func() { s.store.pool.release(conn) }()
	if err == nil && !moved {
		err = forward.ErrNotOwner
	}
	for _, t := range s.rows.tables(n) {
		if err == nil {
			err = s.writeRows(ctx, conn, t, n)
		}
	}
	if err != nil {
		s.rollback(ctx, conn)
		return err
	}
	return s.end(ctx, conn, n, next)
}

// begin begins a transaction and moves the position, if it is where this process left it.
func (s *stream) begin(ctx context.Context, conn *pgconn.PgConn, next int64) (bool, error) {
	move := fmt.Sprintf("UPDATE %s SET next = %d WHERE %s AND next = %d", positions, next, s.where, s.next)
	if !s.known {
		p := &s.partition
		move = fmt.Sprintf("INSERT INTO %s (app, sink, topic, partition, topic_id, next) VALUES (%s, %s, %s, %d, %s, %d) ON CONFLICT (app, sink, topic, partition) DO NOTHING",
			positions, quoteText(s.store.app), quoteText(s.store.name), quoteText(p.Topic), p.Partition, quoteText(p.TopicID), next)
	}
	results, err := conn.Exec(ctx, s.opening()+move).ReadAll()
	if err != nil {
		return false, fmt.Errorf("table %s: %w", positions, err)
	}
	return results[len(results)-1].CommandTag.RowsAffected() == 1, nil
}

// opening returns the statements that begin a transaction and take the partition's lock.
func (s *stream) opening() string {
	return s.store.opening() + fmt.Sprintf("SELECT pg_advisory_xact_lock(%d); ", s.lock)
}

// writeRows writes those of the first n rows that are of t.
func (s *stream) writeRows(ctx context.Context, conn *pgconn.PgConn, t *table, n int) error {
	if !t.upsert && !s.partition.Retry {
		_, err := conn.CopyFrom(ctx, s.rows.reader(n, t), t.sql.copy)
		return rowError(t, err)
	}
	if err := execute(ctx, conn, t.sql.stage); err != nil {
		return fmt.Errorf("temporary table of %s: %w", t.name, err)
	}
	if _, err := conn.CopyFrom(ctx, s.rows.reader(n, t), t.sql.toward); err != nil {
		return rowError(t, err)
	}
	insert := t.sql.insert
	if s.rows.tombstones(n, t) {
		insert = t.sql.remove + "; " + t.sql.insertRest
	}
	return rowError(t, execute(ctx, conn, insert))
}

// rollback ends a transaction that failed. If that fails as well, because the connection is
// broken, the server may believe for a while that it goes on.
func (s *stream) rollback(ctx context.Context, conn *pgconn.PgConn) {
	if conn.IsClosed() || execute(ctx, conn, "ROLLBACK") != nil {
		s.unsettled, s.awaited = true, outcome{}
	}
}

// end commits the transaction.
func (s *stream) end(ctx context.Context, conn *pgconn.PgConn, n int, next int64) error {
	reader := conn.Exec(ctx, "COMMIT")
	s.store.at("sql-commit")
	_, err := reader.ReadAll()
	switch {
	case err == nil:
		return nil
	case answered(err): // a deferred constraint
		if tables := s.rows.tables(n); len(tables) > 0 {
			return rowError(tables[0], err)
		}
		return err
	}
	s.unsettled, s.awaited = true, outcome{sent: true, rows: n, next: next}
	committed, unknown := s.settle(ctx)
	switch {
	case committed:
		return nil
	case unknown != nil && !isFinal(unknown):
		return fmt.Errorf("COMMIT got no answer: %w", errors.Join(err, unknown))
	case unknown != nil:
		return unknown
	}
	return fmt.Errorf("COMMIT got no answer, and nothing is committed: %w", err)
}

// isFinal reports whether an error is about this process's ownership, and not about the
// server.
func isFinal(err error) bool {
	var stop *forward.StopError
	return errors.Is(err, forward.ErrNotOwner) || errors.As(err, &stop)
}

// settle ends what may still be under way for the partition and reads the position. It
// reports whether a transaction without an answer is committed.
func (s *stream) settle(ctx context.Context) (committed bool, err error) {
	next, known, err := s.read(ctx)
	if err != nil {
		return false, err
	}
	s.unsettled = false
	switch {
	case known == s.known && (!known || next == s.next):
		return false, nil
	case known && s.awaited.sent && next == s.awaited.next:
		s.next, s.known = next, true
		return true, nil
	}
	return false, forward.ErrNotOwner
}

// read ends sessions of others that hold the partition's lock, and reads the position, by a
// new connection.
func (s *stream) read(ctx context.Context) (next int64, known bool, err error) {
	conn, _, err := s.store.pool.acquire(ctx, true)
	if err != nil {
		return 0, false, err
	}
	defer s.store.pool.release(conn)
	if err := execute(ctx, conn, fence(s.lock)); err != nil {
		return 0, false, fmt.Errorf("ending sessions of a former owner: %w", err)
	}
	results, err := conn.Exec(ctx, s.opening()+"SELECT topic_id, next FROM "+positions+" WHERE "+s.where+"; COMMIT").ReadAll()
	if err != nil {
		return 0, false, fmt.Errorf("table %s: %w", positions, err)
	}
	rows := results[len(results)-2].Rows
	if len(rows) == 0 {
		return 0, false, nil
	}
	id := string(rows[0][0])
	if next, err = strconv.ParseInt(string(rows[0][1]), 10, 64); err != nil {
		return 0, false, fmt.Errorf("table %s: next: %w", positions, err)
	}
	if p := &s.partition; id != p.TopicID && id != "" && p.TopicID != "" {
		return 0, false, &forward.StopError{Err: fmt.Errorf("topic %s was recreated: its id is %s, but %s has position %d of partition %d for id %s. "+
			"Delete the topic's rows of sink %s from %[3]s to begin again, and its rows from the tables", p.Topic, p.TopicID, positions, next, p.Partition, id, s.store.name)}
	}
	return next, true, nil
}

// fence returns a statement that ends sessions of the same user which hold an advisory lock.
// The two halves of a lock of 64 bits are classid and objid (PostgreSQL's manual, pg_locks).
func fence(lock int64) string {
	return fmt.Sprintf("SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid"+
		" WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"+
		" AND l.classid = '%d'::oid AND l.objid = '%d'::oid AND l.objsubid = 1 AND l.granted AND l.pid <> pg_backend_pid() AND a.usename = current_user",
		uint32(uint64(lock)>>32), uint32(lock))
}

func execute(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.Exec(ctx, sql).ReadAll()
	return err
}
