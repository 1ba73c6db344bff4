// Package postgres keeps records in tables of PostgreSQL, each exactly once.
//
// # Position
//
// The table inv_positions has a row per partition of a sink: the topic's id, and next, the
// offset of the first record that is not kept. Rows and position are written by one
// transaction, at isolation level read committed:
//
//  1. pg_advisory_xact_lock of the partition, a hash of application, sink, topic and number
//  2. UPDATE inv_positions SET next = new WHERE … AND next = old, or INSERT … ON CONFLICT DO
//     NOTHING if there was no position. If no row is changed, another process has written:
//     [forward.ErrNotOwner]
//  3. the rows
//  4. COMMIT
//
// The position comes first because its row lock puts two owners of a partition in order:
// the second waits, and then finds another next, before it could write a row twice. So the
// primary key of a table takes no part in it, and a row that is there already
// is an error that ends the sink: somebody has changed inv_positions, or two sinks share a
// table.
//
// # Owners that stand still
//
// A process that is stopped, or cut off, in its transaction would hold the locks until the
// server notices, for hours. Nor can statement_timeout end a COPY that waits for its
// client. So a process that opens a partition, or goes on after a broken connection, looks
// in pg_locks for the session that holds the partition's advisory lock, ends it by
// pg_terminate_backend, which a user may do to sessions of the same user, takes the lock,
// and reads next. After that no transaction for the partition is under way.
//
// This also settles a COMMIT that got no answer. If next is what the transaction would have
// made it, it was committed; if it is the old one, it was not, and is repeated; else
// another process has the partition.
//
// A stored topic id that differs from the topic's is a [forward.StopError]: the topic was
// recreated, and its offsets mean other records.
//
// # Tables
//
// An append table has a row per record. Its columns are the record's place, _topic text,
// _partition integer and _offset bigint, which is the primary key, and then those that the
// sink declares, or without any _time timestamptz, _key text and value jsonb.
//
// An upsert table has a row per key. It begins with the key, which is the primary key, and
// the column of newest, and goes on like an append table. If the key or newest is the field
// of a declared column, that column is meant. Otherwise it is named like its field, with _
// for points, or _by and _newest if it is an expression; the key is text then, and newest
// bigint.
//
//	text     text                json     jsonb
//	int      bigint              bool     boolean
//	float    double precision    decimal  numeric(p,s)
//	time_ms  timestamp with time zone
//
// Missing tables, and the schemas of their names, are created by one process after the
// other, and tables that exist are never altered. If they differ in the name or type of a
// column that the sink writes, if an upsert table has no unique index on its key, or if
// there is another column that must not be null and has no default, the sink ends with a
// StopError that says so column by column. All other columns, indexes, constraints,
// triggers and partitioning are the user's business. A user without the right to create
// works with tables that exist. Names without a schema are found by search_path, also
// that of inv_positions.
//
// # Rows
//
// Rows are encoded for COPY in its binary format as they are appended, so an append table
// takes them as they are. Those of an upsert table, and replayed ones, go by COPY into a
// temporary table of the connection and from there by one INSERT:
//
//   - With newest, the row with the greatest value stays; of equal ones the first.
//   - Otherwise the record with the greater offset stays, if both are of one partition.
//     Between partitions there is no order: the row that is committed last stays. So the
//     records of a key should be in one partition, as they are if it is the record's key.
//   - A tombstone deletes the row whose key, as text, is the record's key, if the row stems
//     from the same partition and an earlier offset. Its place among values of newest is
//     unknown: it counts for what is before it, and a later record makes a new row, even if
//     it is older by newest. `where: . != null` keeps the rows. In an append table a
//     tombstone is a row whose value, or whose columns, are null.
//   - A replayed record has its original's place. In an append table in which it is
//     already, it changes nothing.
//
// Rows of a batch are written in the order of their keys, so transactions of several
// partitions don't wait for each other in a circle.
//
// # Records that are refused
//
// What is known to fail is refused before anything is sent: values that don't fit their
// column, U+0000, which neither text nor jsonb can hold, and what is not Unicode. The
// server refuses others, by CHECK constraints for example: SQLSTATE classes 22 and 23, and
// 54, the limits of a row. Then the batch is halved, or cut at the line that the server
// names, and the parts are committed one after the other, until the poison record is alone.
//
// All other errors hold the sink: they say something about the server, the login or the
// rights, and nothing about a record.
//
// # Connections
//
// A store has at most four connections, which its partitions take for a transaction each.
// They are called inv in pg_stat_activity. Settings are made by SET LOCAL, so a pooler that
// gives each transaction another session is fine. A transaction ends after the sink's
// timeout.
package postgres
