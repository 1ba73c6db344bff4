package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// onDisk returns a store of JSON Lines in a folder.
func onDisk(t *testing.T, path string) *Store {
	return testStore(t, nil, scenario.FilesSink{}, func(o *Options) { o.Folder = path })
}

// kept returns a folder with two rows of orders.
func kept(t *testing.T) (path string) {
	path = filepath.Join(t.TempDir(), "lake")
	stream := open(t, onDisk(t, path), orders)
	appendRows(t, stream, rec(0, "k", "1"), rec(1, "k", "2"))
	flush(t, stream, 2)
	stream.Close()
	return path
}

func openFails(t *testing.T, s *Store, p forward.Partition, says string) {
	t.Helper()
	stream, err := s.Open(context.Background(), p)
	if err == nil {
		stream.Close()
	}
	wantStop(t, err, says)
}

func TestFolderOfSomethingElse(t *testing.T) {
	path := kept(t)
	recreated := orders
	recreated.TopicID = "id-2"
	openFails(t, onDisk(t, path), recreated, "its id is id-1 there and id-2 here")
	for says, change := range map[string]func(*Options){
		`the sink is "lake" there and "pond" here`:       func(o *Options) { o.Name = "pond" },
		`the application is "inv" there and "shop" here`: func(o *Options) { o.App = "shop" },
		`the format is "jsonl" there and "csv" here`:     func(o *Options) { o.Sink.Format = "csv" },
		`column 4 is _time time_ms there and a int here`: func(o *Options) {
			o.Sink.Columns = []scenario.SinkColumn{{Name: "a", Type: "int", From: scenario.Selector{Path: []string{"a"}}}}
		},
	} {
		openFails(t, testStore(t, nil, scenario.FilesSink{}, func(o *Options) { o.Folder = path; change(o) }), orders, says)
	}
	// Compression may be turned on at any time.
	stream := open(t, testStore(t, nil, scenario.FilesSink{Zstd: true}, func(o *Options) { o.Folder = path }), orders)
	if next, _ := stream.Next(); next != 2 {
		t.Errorf("next %d", next)
	}
}

// TestCaseInsensitive: where orders and Orders are one folder.
func TestCaseInsensitive(t *testing.T) {
	path := kept(t)
	if err := os.Rename(filepath.Join(path, "orders"), filepath.Join(path, "Orders")); err != nil {
		t.Fatal(err)
	}
	upper := forward.Partition{Topic: "Orders", Partition: 3, TopicID: "id-9"}
	openFails(t, onDisk(t, path), upper, `the topic is "orders" there and "Orders" here`)
}

func TestOddTopics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lake")
	for _, topic := range []string{"a.b_c-1", "...", "-0-00000000000000000001", "a-3-00000000000000000001.jsonl", ".hidden", strings.Repeat("x", 200)} {
		p := forward.Partition{Topic: topic, Partition: 3, TopicID: "id"}
		stream := open(t, onDisk(t, path), p)
		appendRows(t, stream, rec(4, "k", "1"))
		flush(t, stream, 5)
		if got := names(t, disk{}, filepath.Join(path, topic), publishedName(topic, 3, 4, "jsonl")); len(got) != 1 {
			t.Errorf("%q: no file", topic)
		}
		if next, _ := open(t, onDisk(t, path), p).Next(); next != 5 {
			t.Errorf("%q: next %d", topic, next)
		}
	}
	for topic, says := range map[string]string{"": "no name of a topic", "..": "no name of a topic", "a/b": "no name of a topic", strings.Repeat("x", 249): "name is too long"} {
		openFails(t, onDisk(t, path), forward.Partition{Topic: topic}, says)
	}
}

func TestForeignHands(t *testing.T) {
	file := filepath.Join("orders", publishedName("orders", 3, 0, "jsonl"))
	for name, c := range map[string]struct {
		change func(path string) error
		says   string // "": it goes on at 2
	}{
		"no files":    {func(path string) error { return os.Remove(filepath.Join(path, file)) }, ""},
		"cut file":    {func(path string) error { return os.Truncate(filepath.Join(path, file), 20) }, ""},
		"no claims":   {removeClaims, ""},
		"no identity": {func(path string) error { return os.Remove(filepath.Join(path, "orders", ".inv")) }, ".inv is missing"},
		"no claims, and a file that ends in a line": {func(path string) error {
			return errors.Join(removeClaims(path), os.Truncate(filepath.Join(path, file), 20))
		}, "its last line is not complete"},
		"no claims, and an empty file": {func(path string) error {
			return errors.Join(removeClaims(path), os.Truncate(filepath.Join(path, file), 0))
		}, "it has no rows"},
		"damaged identity": {func(path string) error {
			return os.WriteFile(filepath.Join(path, "orders", ".inv"), []byte("{"), 0o666)
		}, ".inv is damaged"},
		"newer identity": {func(path string) error {
			return os.WriteFile(filepath.Join(path, "orders", ".inv"), []byte(`{"version":2}`), 0o666)
		}, "version 2"},
		"damaged claim": {func(path string) error {
			return os.WriteFile(filepath.Join(path, "orders", claimName(3, 2)), []byte("{"), 0o666)
		}, "is damaged"},
		"file behind the position": {func(path string) error {
			return os.Link(filepath.Join(path, file), filepath.Join(path, "orders", publishedName("orders", 3, 2, "jsonl")))
		}, "begins behind the position, which is 2"},
	} {
		t.Run(name, func(t *testing.T) {
			path := kept(t)
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			if c.says != "" {
				openFails(t, onDisk(t, path), orders, c.says)
				return
			}
			if next, ok := open(t, onDisk(t, path), orders).Next(); next != 2 || !ok {
				t.Errorf("next %d, %v", next, ok)
			}
		})
	}
}

func removeClaims(path string) error {
	list, err := filepath.Glob(filepath.Join(path, "orders", ".inv-*"))
	for _, name := range list {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// TestClaimsAreMissing: without them a later start is not taken for the first one.
func TestClaimsAreMissing(t *testing.T) {
	sys := newMemory()
	s := testStore(t, sys, scenario.FilesSink{})
	for i := range int64(3) {
		flush(t, open(t, s, orders), i+1)
	}
	for _, name := range names(t, sys, "lake/orders", ".inv-3-") {
		if err := sys.Remove(filepath.Join("lake/orders", name)); err != nil {
			t.Fatal(err)
		}
	}
	openFails(t, s, orders, "the claims of partition 3 are missing")
	if err := sys.Remove("lake/orders/.inv-3"); err != nil {
		t.Fatal(err)
	}
	if next, ok := open(t, s, orders).Next(); ok {
		t.Errorf("next %d", next)
	}
}

// TestRecoverParquet: without claims the footer says where to go on.
func TestRecoverParquet(t *testing.T) {
	for _, p := range []forward.Partition{orders, {Topic: "inv-forward-lake.retry", Partition: 3, TopicID: "id", Retry: true}} {
		path := filepath.Join(t.TempDir(), "lake")
		s := testStore(t, nil, scenario.FilesSink{Format: "parquet"}, func(o *Options) { o.Folder = path })
		stream := open(t, s, p)
		appendRows(t, stream, rec(7, "k", "1"))
		flush(t, stream, 12)
		list, err := filepath.Glob(filepath.Join(path, p.Topic, ".inv-*"))
		for _, name := range list {
			err = errors.Join(err, os.Remove(name))
		}
		if err != nil {
			t.Fatal(err)
		}
		if next, _ := open(t, s, p).Next(); next != 12 {
			t.Errorf("%s: next %d", p.Topic, next)
		}
	}
}

func TestFinalNameIsTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lake")
	stream := open(t, onDisk(t, path), orders)
	appendRows(t, stream, rec(0, "k", "1"))
	name := filepath.Join(path, "orders", publishedName("orders", 3, 0, "jsonl"))
	if err := os.WriteFile(name, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := stream.Flush(context.Background(), 1)
	wantStop(t, err, "exists, and is not of this sink")
	if b, _ := os.ReadFile(name); string(b) != "mine" {
		t.Errorf("it was overwritten: %s", b)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if next, _ := open(t, onDisk(t, path), orders).Next(); next != 1 {
		t.Errorf("next %d", next)
	}
	if b, _ := os.ReadFile(name); !strings.Contains(string(b), `"_offset":0`) {
		t.Errorf("not published: %s", b)
	}
}

// TestPlaces has folders that are missing, links, or no folders.
func TestPlaces(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "real"), 0o777))
	must(os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")))
	must(os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")))
	must(os.WriteFile(filepath.Join(dir, "file"), nil, 0o666))
	for _, name := range []string{"new", "link", "real"} {
		s := onDisk(t, filepath.Join(dir, name))
		must(s.Check(ctx))
		if name == "new" {
			if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("Check has made the folder")
			}
		}
		open(t, s, orders)
	}
	for name, stops := range map[string]bool{"missing/new": false, "dangling": false, "file": true, "file/new": false} {
		s := onDisk(t, filepath.Join(dir, name))
		_, err := s.Open(ctx, orders)
		var stop *forward.StopError
		if err == nil || errors.As(err, &stop) != stops {
			t.Errorf("%s: %v", name, err)
		}
		if name != "dangling" && s.Check(ctx) == nil {
			t.Errorf("%s: Check found nothing", name)
		}
	}
	left, err := os.ReadDir(dir)
	must(err)
	if len(left) != 5 {
		t.Errorf("Check has left something: %v", left)
	}
}

// refusing is a file system without something.
type refusing struct {
	system
	link, create error
}

func (r *refusing) Link(from, to string) error {
	if r.link != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: r.link}
	}
	return r.system.Link(from, to)
}

func (r *refusing) Create(name string) (file, error) {
	if r.create != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: r.create}
	}
	return r.system.Create(name)
}

func TestFileSystems(t *testing.T) {
	for _, code := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS} {
		s := testStore(t, &refusing{system: newMemory(), link: code}, scenario.FilesSink{})
		openFails(t, s, orders, "has no hard links")
		s.path = "."
		wantStop(t, s.Check(context.Background()), "has no hard links")
	}
	sys := &refusing{system: newMemory(), create: syscall.EROFS}
	s := testStore(t, sys, scenario.FilesSink{})
	_, err := s.Open(context.Background(), orders)
	var stop *forward.StopError
	if !errors.Is(err, syscall.EROFS) || errors.As(err, &stop) {
		t.Errorf("read-only: %v", err)
	}
	sys.create = nil
	open(t, s, orders)
}

// TestFullDisk: what was taken waits until there is space.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	for _, format := range []string{"jsonl", "csv", "parquet"} {
		full := false
		mem := newMemory()
		sys := &process{mem, func() error {
			if full {
				return syscall.ENOSPC
			}
			return nil
		}}
		s := testStore(t, sys, scenario.FilesSink{Format: format, Rows: 700})
		stream := open(t, s, orders)
		var want []int64
		batch := func() (list []*forward.Record) {
			for range 500 {
				at := int64(len(want))
				want = append(want, at)
				list = append(list, rec(at, "k", fmt.Sprintf(`{"n":%d,"pad":"%s"}`, at, strings.Repeat("x", 300))))
			}
			return list
		}
		appendRows(t, stream, batch()...)
		full = true
		second := batch()
		err := stream.Append(ctx, second) // fills a file, and can't begin another one
		if format == "parquet" && err == nil {
			err = stream.Flush(ctx, 1000)
		}
		if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, forward.ErrNotOwner) {
			t.Fatalf("%s: %v", format, err)
		}
		if err := stream.Flush(ctx, 700); err == nil {
			t.Fatalf("%s: published on a full disk", format)
		}
		full = false
		appendRows(t, stream, second...) // again: what was taken is skipped
		flush(t, stream, 1000)
		w := &world{t: t, disk: mem, sink: scenario.FilesSink{Format: format}, moved: map[string]string{}}
		var got []int64
		for _, name := range names(t, mem, "lake/orders", "orders-") {
			if format != "csv" {
				got = append(got, w.offsets(content(t, mem, filepath.Join("lake/orders", name)))...)
			}
		}
		if format != "csv" && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %d rows of %d", format, len(got), len(want))
		}
	}
}
