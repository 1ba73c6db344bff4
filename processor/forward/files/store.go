package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parquet-go/parquet-go"

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

// Defaults of a sink that doesn't say when a file is full.
const (
	defaultRows  = 1_000_000
	defaultAfter = 5 * time.Minute
)

// memoryBytes is about what all open files together may hold in memory.
const memoryBytes = 24 << 20

// Store keeps records in files. It implements [forward.Store]. Its streams may be used at
// the same time.
type Store struct {
	app, name string
	path      string
	format    string
	extension string
	zstd      bool
	rows      int64
	after     time.Duration
	now       func() time.Time
	at        func(point string)
	sys       system

	layout *layout
	schema *parquet.Schema // of Parquet
	codec  *codec

	open atomic.Int64 // streams
	held atomic.Int64 // bytes in memory, of all of them
}

// New returns a Store. It doesn't touch the folder.
func New(o Options) (*Store, error) {
	extension, ok := extensions[o.Sink.Format]
	if !ok {
		return nil, fmt.Errorf("format %q is unknown", o.Sink.Format)
	}
	if o.Folder == "" {
		return nil, errors.New("the folder has no name")
	}
	s := &Store{app: o.App, name: o.Name, path: o.Folder, format: o.Sink.Format, extension: extension[0],
		rows: int64(o.Sink.Rows), after: o.Sink.After, now: o.Now, at: o.At, sys: disk{}}
	if s.zstd = o.Sink.Zstd && s.format != "parquet"; s.zstd {
		s.extension = extension[1]
	}
	if s.rows <= 0 {
		s.rows = defaultRows
	}
	if s.after <= 0 {
		s.after = defaultAfter
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.at == nil {
		s.at = func(string) {}
	}
	var err error
	if s.layout, err = newLayout(o.Sink.Columns); err != nil {
		return nil, err
	}
	if s.format == "parquet" {
		s.schema = newSchema(s.layout.fields)
		if s.codec, err = newCodec(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NeedsJSON reports whether [forward.Record].JSON must be set: for columns, and for JSON
// Lines, which keep values as JSON.
func (s *Store) NeedsJSON() bool { return s.format == "jsonl" || s.layout.declared != nil }

// identity returns what the folder of a topic must be for.
func (s *Store) identity(p forward.Partition) *identity {
	d := &identity{Version: identityVersion, App: s.app, Sink: s.name, Topic: p.Topic, TopicID: p.TopicID, Format: s.format}
	for i := range s.layout.fields {
		f := &s.layout.fields[i]
		d.Columns = append(d.Columns, identityColumn{f.name, f.typeName()})
	}
	return d
}

// Open takes over a partition.
func (s *Store) Open(ctx context.Context, p forward.Partition) (forward.Stream, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if p.Topic == "" || p.Topic == "." || p.Topic == ".." || strings.ContainsAny(p.Topic, `/\:`+"\x00") {
		return nil, stopf("%q is no name of a topic", p.Topic)
	}
	f := folder{sys: s.sys, path: filepath.Join(s.path, p.Topic)}
	if err := f.open(s.identity(p)); err != nil {
		return nil, err
	}
	_, err := s.sys.Exists(f.join(publishedName(p.Topic, p.Partition, math.MaxInt64, s.extension)))
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return nil, stopf("the topic's name is too long for names of files: %w", err)
	}
	l := &claims{folder: f, topic: p.Topic, partition: p.Partition, at: s.at}
	if err := l.open(func(last string) (int64, error) { return s.recover(f, p, last) }); err != nil {
		return nil, err
	}
	s.open.Add(1)
	return &stream{store: s, claims: l, of: p, taken: l.head.Next}, nil
}

// recover returns the offset behind the last published file.
func (s *Store) recover(f folder, p forward.Partition, last string) (next int64, err error) {
	if p.Retry && s.format != "parquet" {
		return 0, stopf("the claims of the retry topic are missing in %s", f.path)
	}
	in, err := s.sys.Open(f.join(last))
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if s.format == "parquet" {
		next, err = parquetNext(in)
	} else {
		next, err = s.recoverText(in, last)
	}
	if err != nil {
		return 0, stopf("%s should say where to go on, since there are no claims: %w", f.join(last), err)
	}
	return next, nil
}

func (s *Store) recoverText(in file, name string) (int64, error) {
	rows, last, err := checkText(in, s.format == "csv", strings.HasSuffix(name, ".zst"))
	if err == nil && rows == 0 {
		err = errors.New("it has no rows")
	}
	return last + 1, err
}

// newPart begins a file for a claim.
func (s *Store) newPart(l *claims, seq uint64, of forward.Partition) (*part, error) {
	p := &part{hidden: hiddenName(l.partition, seq, randomName()), began: s.now()}
	out, err := s.sys.Create(l.join(p.hidden))
	if err != nil {
		return nil, repeatable(err)
	}
	p.out, p.spool = out, &spool{out: out}
	rows := newRower(s.layout)
	if s.format == "parquet" {
		p.enc = newParquetEncoder(p.spool, s.schema, rows, of.TopicID, s.codec)
		return p, nil
	}
	if p.enc, err = newTextEncoder(p.spool, rows, s.format == "csv", s.zstd); err != nil {
		p.drop(l.folder, true)
		return nil, err
	}
	return p, nil
}

// crowded reports whether a stream that holds so many bytes should write them.
func (s *Store) crowded(held int64) bool {
	total := s.held.Load()
	return total > memoryBytes && held*s.open.Load() >= total
}

// Show writes the row of a record: a line of CSV, or of JSON for the other formats.
func (s *Store) Show(w io.Writer, r *forward.Record) error {
	e := &textEncoder{rows: newRower(s.layout), out: w, csv: s.format == "csv"}
	e.names = jsonNames(s.layout.fields)
	return e.add(r)
}

// Close does nothing: the streams are closed one by one.
func (s *Store) Close() error { return nil }

var _ forward.Store = (*Store)(nil)
