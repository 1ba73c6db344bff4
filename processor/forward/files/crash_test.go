package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

var errKilled = errors.New("the process was killed")

// process is what a process sees of a file system: it can be stopped before any step, go
// on later, be killed there, and be refused by a full disk.
type process struct {
	system
	step func() error // called before each step
}

func (p *process) Create(name string) (file, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	f, err := p.system.Create(name)
	return &processFile{f, p}, err
}

func (p *process) Open(name string) (file, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	f, err := p.system.Open(name)
	if err != nil {
		return nil, err
	}
	return &processFile{f, p}, nil
}

func (p *process) Link(from, to string) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.system.Link(from, to)
}

func (p *process) Rename(from, to string) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.system.Rename(from, to)
}

func (p *process) Remove(name string) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.system.Remove(name)
}

func (p *process) Exists(name string) (bool, error) {
	if err := p.step(); err != nil {
		return false, err
	}
	return p.system.Exists(name)
}

func (p *process) Names(folder string) ([]string, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	return p.system.Names(folder)
}

func (p *process) SyncFolder(folder string) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.system.SyncFolder(folder)
}

type processFile struct {
	file
	p *process
}

func (f *processFile) Write(b []byte) (int, error) {
	if err := f.p.step(); err != nil {
		n := 0
		if errors.Is(err, syscall.ENOSPC) { // what still fits is written
			n, _ = f.file.Write(b[:len(b)/2])
		}
		return n, err
	}
	return f.file.Write(b)
}

func (f *processFile) Sync() error {
	if err := f.p.step(); err != nil {
		return err
	}
	return f.file.Sync()
}

// world is a folder, a topic's partition, and processes that forward it, one step of one of
// them at a time.
type world struct {
	t      *testing.T
	rng    *rand.Rand
	disk   *memory
	sink   scenario.FilesSink
	end    int64             // of the partition
	gone   map[int64]bool    // offsets that compaction or markers have taken
	moved  map[string]string // files that their user has moved away
	owners []*owner
	twice  int // files that were seen twice
	cuts   int // of power
}

// owner is a process that forwards the partition.
type owner struct {
	name  string
	turn  chan error // what the next step is to return
	asks  chan bool  // before each step; false: the process has ended
	ended bool
	sick  bool // steps may fail
}

// start starts a process.
func (w *world) start() {
	o := &owner{name: fmt.Sprint("p", len(w.owners)), turn: make(chan error), asks: make(chan bool), sick: w.rng.IntN(3) == 0}
	w.owners = append(w.owners, o)
	store := testStore(w.t, nil, w.sink)
	store.sys = &process{w.disk, func() error {
		if o.ended {
			return errKilled
		}
		o.asks <- true
		return <-o.turn
	}}
	go func() {
		w.forward(o, store, rand.New(rand.NewPCG(w.rng.Uint64(), 1)))
		o.ended = true
		o.asks <- false
	}()
	if !<-o.asks {
		w.t.Error("a process ended before its first step")
	}
}

// forward does what the loop does, until the process is killed or has lost the partition.
func (w *world) forward(o *owner, store *Store, rng *rand.Rand) {
	ctx := context.Background()
	for {
		stream, err := store.Open(ctx, orders)
		if errors.Is(err, errKilled) {
			return
		}
		if err != nil {
			w.note(o, err)
			continue // held, and tried again
		}
		err = w.deliver(ctx, stream, rng)
		if errors.Is(err, errKilled) {
			return // without Close
		}
		w.note(o, err)
		if stream.Close(); err == nil || errors.Is(err, forward.ErrNotOwner) && rng.IntN(2) == 0 {
			return // revoked
		}
	}
}

func (w *world) note(o *owner, err error) {
	var stop *forward.StopError
	if errors.As(err, &stop) {
		w.t.Errorf("%s: %v", o.name, err)
	}
}

func (w *world) deliver(ctx context.Context, stream forward.Stream, rng *rand.Rand) error {
	at, _ := stream.Next()
	for at = max(at, 0); ; {
		var batch []*forward.Record
		for n := rng.IntN(6); at < w.end && len(batch) < n; at++ {
			if !w.gone[at] {
				batch = append(batch, rec(at, "k", fmt.Sprintf(`{"n":%d}`, at)))
			}
		}
		if err := again(rng, func() error { return stream.Append(ctx, batch) }); err != nil {
			return err
		}
		if at < w.end && rng.IntN(3) > 0 {
			continue
		}
		if err := again(rng, func() error { return stream.Flush(ctx, at) }); err != nil {
			return err
		}
		if at == w.end {
			return nil
		}
	}
}

// again repeats what the disk was too full for, or gives up and opens the stream again, as
// the loop may.
func again(rng *rand.Rand, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, syscall.ENOSPC) || rng.IntN(5) == 0 {
			return err
		}
	}
}

// run runs the world until all is published.
func (w *world) run() {
	powerCuts := w.rng.IntN(3)
	for steps := 0; ; steps++ {
		running := w.running()
		switch calm := steps > 3000; {
		case len(running) == 0 && w.done():
			return
		case len(running) == 0 || !calm && len(running) < 4 && w.rng.IntN(40) == 0:
			w.start()
		case !calm && w.rng.IntN(60) == 0:
			w.next(running[w.rng.IntN(len(running))], errKilled)
		case !calm && w.rng.IntN(10) == 0:
			w.move()
		case !calm && powerCuts > 0 && w.rng.IntN(100) == 0:
			powerCuts--
			for _, o := range running {
				w.next(o, errKilled)
			}
			w.cuts++
			w.disk.cut(w.rng)
		default:
			// One process does most of the steps for a while, so that others become zombies.
			o := running[min(w.rng.IntN(8), w.rng.IntN(len(running)))%len(running)]
			var err error
			if o.sick && !calm && w.rng.IntN(10) == 0 {
				err = []error{syscall.ENOSPC, syscall.EIO}[w.rng.IntN(2)]
			}
			w.next(o, err)
		}
		if steps > 100_000 {
			w.t.Fatal("it comes to no end")
		}
	}
}

// next lets a process make its next step, with that result if it is an error.
func (w *world) next(o *owner, err error) {
	for {
		if !o.ended {
			o.turn <- err
		}
		if !<-o.asks || !errors.Is(err, errKilled) {
			return
		}
	}
}

func (w *world) running() (list []*owner) {
	for _, o := range w.owners {
		if !o.ended {
			list = append(list, o)
		}
	}
	return list
}

// done reports whether the position is the end.
func (w *world) done() bool {
	if _, err := w.disk.Names("lake/orders"); err != nil {
		return false
	}
	stream, err := testStore(w.t, w.disk, w.sink).Open(context.Background(), orders)
	if err != nil {
		w.t.Fatal(err)
	}
	defer stream.Close()
	next, _ := stream.Next()
	return next == w.end
}

// move moves files away, as their user does.
func (w *world) move() {
	all, _ := w.disk.Names("lake/orders")
	for _, name := range all {
		if strings.HasPrefix(name, "orders-") && w.rng.IntN(2) == 0 {
			w.keep(name)
			_ = w.disk.Remove(filepath.Join("lake/orders", name))
		}
	}
}

// keep notes a published file. A name that comes again has the same content.
func (w *world) keep(name string) {
	text := content(w.t, w.disk, filepath.Join("lake/orders", name))
	if before, ok := w.moved[name]; ok && before != text {
		w.t.Errorf("%s was published twice:\n%s\n%s", name, before, text)
	} else if ok {
		w.twice++
	}
	w.moved[name] = text
}

// offsets returns the offsets in a published file.
func (w *world) offsets(text string) (list []int64) {
	if w.sink.Format == "parquet" {
		return parquetOffsets(w.t, text)
	}
	for line := range strings.Lines(text) {
		var row struct {
			Offset int64 `json:"_offset"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			w.t.Errorf("%q: %v", line, err)
		}
		list = append(list, row.Offset)
	}
	return list
}

// TestExactlyOnce kills and stops processes at random steps, cuts the power, fills the disk
// and moves files away. Each record must be published once, in order.
func TestExactlyOnce(t *testing.T) {
	rounds := 250
	if testing.Short() {
		rounds = 50
	}
	var kills, twice atomic.Int64
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 18))
		w := &world{t: t, rng: rng, disk: newMemory(), end: 5 + rng.Int64N(60), gone: map[int64]bool{}, moved: map[string]string{},
			sink: scenario.FilesSink{Format: "jsonl", Rows: 1 + rng.IntN(8)}}
		if seed%10 == 0 {
			w.sink.Format = "parquet"
		}
		for at := range w.end {
			w.gone[at] = rng.IntN(4) == 0
		}
		w.run()
		kills.Add(int64(len(w.owners)))
		twice.Add(int64(w.twice))
		if w.twice > 0 && w.cuts == 0 {
			t.Errorf("%d files were seen twice, without a power cut", w.twice)
		}
		w.check(seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d processes; %d files were seen twice", kills.Load(), twice.Load())
}

// check compares what was published with the partition.
func (w *world) check(seed int) {
	for _, name := range names(w.t, w.disk, "lake/orders", "orders-") {
		w.keep(name)
	}
	seen := map[int64]int{}
	for name, text := range w.moved {
		p, _ := parsePublished(name, "orders")
		list := w.offsets(text)
		for i, at := range list {
			seen[at]++
			if i == 0 && at != p.offset || i > 0 && at <= list[i-1] {
				w.t.Errorf("%s has %v", name, list)
			}
		}
	}
	for at := range w.end {
		if want := map[bool]int{false: 1}[w.gone[at]]; seen[at] != want {
			w.t.Errorf("seed %d: offset %d is there %d times, want %d", seed, at, seen[at], want)
		}
	}
	if got := names(w.t, w.disk, "lake/orders", ".inv-3-"); len(got) > 2 {
		w.t.Errorf("left: %v", got)
	}
}

func parquetOffsets(t *testing.T, text string) []int64 {
	sys := newMemory()
	if err := sys.Mkdir("x"); err != nil {
		t.Fatal(err)
	}
	f, err := sys.Create("x/f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	list, err := columnInts(f, "_offset")
	if err != nil {
		t.Fatal(err)
	}
	return list
}
