package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/processor/forward"
)

// testStore returns a store of a sink over a file system.
func testStore(t testing.TB, sys system, sink scenario.FilesSink, change ...func(*Options)) *Store {
	t.Helper()
	if sink.Format == "" {
		sink.Format = "jsonl"
	}
	o := Options{App: "inv", Name: "lake", Sink: &sink, Folder: "lake"}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if sys != nil {
		s.sys = sys
	}
	return s
}

var orders = forward.Partition{Alias: "orders", Topic: "orders", Partition: 3, TopicID: "id-1"}

// rec returns a record of the topic orders.
func rec(offset int64, key, value string) *forward.Record {
	r := &forward.Record{Alias: "orders", Topic: "orders", Partition: 3, Offset: offset, Time: 1700000000000 + offset,
		At: forward.Place{Topic: "orders", Partition: 3, Offset: offset}, Key: []byte(key), Value: []byte(value)}
	if _, ok := jsonscan.Valid(r.Value); ok {
		r.JSON = r.Value
	}
	return r
}

func open(t testing.TB, s *Store, p forward.Partition) forward.Stream {
	t.Helper()
	stream, err := s.Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	return stream
}

func appendRows(t testing.TB, s forward.Stream, records ...*forward.Record) {
	t.Helper()
	if err := s.Append(context.Background(), records); err != nil {
		t.Fatal(err)
	}
}

func flush(t testing.TB, s forward.Stream, next int64) {
	t.Helper()
	if err := s.Flush(context.Background(), next); err != nil {
		t.Fatal(err)
	}
}

// content returns a file's content.
func content(t testing.TB, sys system, name string) string {
	t.Helper()
	f, err := sys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names returns the names in a folder that contain a text.
func names(t testing.TB, sys system, folder, with string) (list []string) {
	t.Helper()
	all, err := sys.Names(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if strings.Contains(name, with) {
			list = append(list, name)
		}
	}
	return list
}

func wantStop(t *testing.T, err error, says string) {
	t.Helper()
	var stop *forward.StopError
	if !errors.As(err, &stop) || !strings.Contains(err.Error(), says) {
		t.Fatalf("error %v; want a StopError with %q", err, says)
	}
}

// TestPublish has the normal way.
func TestPublish(t *testing.T) {
	sys := newMemory()
	now := time.Unix(1000, 0)
	var points []string
	s := testStore(t, sys, scenario.FilesSink{After: time.Minute}, func(o *Options) {
		o.Now = func() time.Time { return now }
		o.At = func(point string) { points = append(points, point) }
	})
	stream := open(t, s, orders)
	if next, ok := stream.Next(); ok || !stream.Due().IsZero() {
		t.Fatalf("a new partition is at %d, %v, due %v", next, ok, stream.Due())
	}
	appendRows(t, stream, rec(5, "a", `{"n": 1}`), rec(7, "b", `2`))
	if due := stream.Due(); !due.Equal(now.Add(time.Minute)) {
		t.Errorf("due at %v", due)
	}
	if got := names(t, sys, "lake/orders", "orders"); got != nil {
		t.Errorf("visible before Flush: %v", got)
	}
	flush(t, stream, 9)
	want := `{"_topic":"orders","_partition":3,"_offset":5,"_time":1700000000005,"_key":"a","value":{"n":1}}
{"_topic":"orders","_partition":3,"_offset":7,"_time":1700000000007,"_key":"b","value":2}
`
	if got := content(t, sys, "lake/orders/orders-3-00000000000000000005.jsonl"); got != want {
		t.Errorf("content:\n%s", got)
	}
	if !stream.Due().IsZero() || fmt.Sprint(points) != "[synced linked]" {
		t.Errorf("due %v, points %v", stream.Due(), points)
	}
	if next, ok := stream.Next(); next != 9 || !ok {
		t.Errorf("next: %d, %v", next, ok)
	}
	stream.Close()
	stream = open(t, s, orders)
	if next, ok := stream.Next(); next != 9 || !ok {
		t.Errorf("next after a restart: %d, %v", next, ok)
	}
	flush(t, stream, 20) // nothing but the position
	stream = open(t, s, orders)
	if next, _ := stream.Next(); next != 20 {
		t.Errorf("next after a position without rows: %d", next)
	}
	if got := names(t, sys, "lake/orders", ".inv-3-"); len(got) != 2 {
		t.Errorf("claims that are left: %v", got)
	}
	stream.Close()
	if sys.opened != 0 {
		t.Errorf("%d files are open", sys.opened)
	}
}

// TestRolls publishes files that are full, in one Flush.
func TestRolls(t *testing.T) {
	sys := newMemory()
	s := testStore(t, sys, scenario.FilesSink{Rows: 2})
	stream := open(t, s, orders)
	var records []*forward.Record
	for i := range int64(5) {
		records = append(records, rec(i*2, "k", "1"))
	}
	appendRows(t, stream, records...)
	if due := stream.Due(); due.After(time.Now()) || due.IsZero() {
		t.Errorf("due %v, with full files", due)
	}
	flush(t, stream, 9)
	got := names(t, sys, "lake/orders", "orders-")
	if want := "[orders-3-00000000000000000000.jsonl orders-3-00000000000000000004.jsonl orders-3-00000000000000000008.jsonl]"; fmt.Sprint(got) != want {
		t.Errorf("files: %v", got)
	}
}

// TestPoison takes what is before a record that is refused, and nothing of it.
func TestPoison(t *testing.T) {
	for _, format := range []string{"jsonl", "csv", "parquet"} {
		sys := newMemory()
		s := testStore(t, sys, scenario.FilesSink{Format: format, Columns: []scenario.SinkColumn{
			{Name: "a", Type: "text", From: scenario.Selector{Path: []string{"a"}}},
			{Name: "n", Type: "int", From: scenario.Selector{Path: []string{"n"}}}}})
		stream := open(t, s, orders)
		bad := rec(1, "k", `{"a":"x","n":1.5}`)
		err := stream.Append(context.Background(), []*forward.Record{rec(0, "k", `{"a":"x","n":1}`), bad, rec(2, "k", `{"n":2}`)})
		var poison *forward.RecordError
		if !errors.As(err, &poison) || poison.Record != bad || poison.Reason != forward.Refused || err.Error() != `refused: column n (int): "1.5" is not a whole number` {
			t.Fatalf("%s: %v", format, err)
		}
		flush(t, stream, 1)
		appendRows(t, stream, rec(2, "k", `{"n":2}`))
		flush(t, stream, 3)
		if got := names(t, sys, "lake/orders", "orders-"); len(got) != 2 {
			t.Errorf("%s: files %v", format, got)
		}
		first := open(t, s, forward.Partition{Topic: "orders", Partition: 4, TopicID: "id-1"})
		if err := first.Append(context.Background(), []*forward.Record{bad}); !errors.As(err, &poison) {
			t.Fatal(err)
		}
		flush(t, first, 1)
		if got := names(t, sys, "lake/orders", "orders-4"); got != nil {
			t.Errorf("%s: a file without rows: %v", format, got)
		}
		if next, _ := first.Next(); next != 1 {
			t.Errorf("%s: next %d", format, next)
		}
	}
}

// TestFilesAreMovedAway: the position stays.
func TestFilesAreMovedAway(t *testing.T) {
	sys := newMemory()
	s := testStore(t, sys, scenario.FilesSink{})
	stream := open(t, s, orders)
	for i := range int64(3) {
		appendRows(t, stream, rec(i, "k", "1"))
		flush(t, stream, i+1)
	}
	for _, name := range names(t, sys, "lake/orders", "orders-") {
		if err := sys.Remove(filepath.Join("lake/orders", name)); err != nil {
			t.Fatal(err)
		}
	}
	if next, _ := open(t, s, orders).Next(); next != 3 {
		t.Errorf("next %d", next)
	}
}

// TestNotOwner has an owner that another one has followed.
func TestNotOwner(t *testing.T) {
	sys := newMemory()
	s := testStore(t, sys, scenario.FilesSink{})
	old := open(t, s, orders)
	appendRows(t, old, rec(0, "k", "1"))
	heir := open(t, s, orders)
	if err := old.Flush(context.Background(), 1); !errors.Is(err, forward.ErrNotOwner) {
		t.Fatalf("the old owner's Flush: %v", err)
	}
	if err := old.Append(context.Background(), nil); !errors.Is(err, forward.ErrNotOwner) {
		t.Fatalf("the old owner's Append after that: %v", err)
	}
	appendRows(t, heir, rec(0, "k", "1"))
	flush(t, heir, 1)
	heir.Close()
	old.Close()
	if got := names(t, sys, "lake/orders", "-3-"); len(got) != 3 {
		t.Errorf("left: %v", got) // two claims and the file
	}
}

// TestOpenTogether has all partitions of a topic begin in a new folder.
func TestOpenTogether(t *testing.T) {
	s := testStore(t, nil, scenario.FilesSink{}, func(o *Options) { o.Folder = filepath.Join(t.TempDir(), "lake") })
	failed := make(chan error)
	const partitions = 20
	for i := range int32(partitions) {
		go func() {
			stream, err := s.Open(context.Background(), forward.Partition{Topic: "orders", Partition: i, TopicID: "id"})
			if err == nil {
				err = stream.Close()
			}
			failed <- err
		}()
	}
	for range partitions {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
