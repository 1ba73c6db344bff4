//go:build unix

package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

const (
	killFolder = "INV_TEST_FILES_FOLDER" // of a child process
	killRows   = 4000
)

// TestForwardChild is the process that TestRealKills kills: it forwards a partition of which
// every third offset is a marker, and says at which point it is.
func TestForwardChild(t *testing.T) {
	path := os.Getenv(killFolder)
	if path == "" {
		t.Skip("a process of TestRealKills")
	}
	ctx := context.Background()
	format := filepath.Base(path)
	s := testStore(t, nil, scenario.FilesSink{Format: format, Rows: 70}, func(o *Options) {
		o.Folder = path
		o.At = func(point string) { fmt.Println(point) }
	})
	for {
		stream, err := s.Open(ctx, orders)
		if err != nil {
			t.Fatal(err)
		}
		err = forwardAll(ctx, stream)
		stream.Close()
		if err == nil {
			return
		}
		if !errors.Is(err, forward.ErrNotOwner) {
			t.Fatal(err)
		}
	}
}

func forwardAll(ctx context.Context, stream forward.Stream) error {
	at, _ := stream.Next()
	for at = max(at, 0); at < killRows; {
		var batch []*forward.Record
		for end := min(at+100, killRows); at < end; at++ {
			if at%3 != 0 {
				batch = append(batch, rec(at, "k", fmt.Sprintf(`{"n":%d}`, at)))
			}
		}
		if err := stream.Append(ctx, batch); err != nil {
			return err
		}
		if err := stream.Flush(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// TestRealKills kills and stops processes that forward the same partition, at the points
// where it matters and elsewhere, while files are moved away.
func TestRealKills(t *testing.T) {
	python(t)
	for _, format := range []string{"jsonl", "parquet"} {
		rng := rand.New(rand.NewPCG(7, 7))
		path := filepath.Join(t.TempDir(), format)
		moved := map[string]string{}
		var stopped *exec.Cmd
		for round := 0; ; round++ {
			if round > 2000 {
				t.Fatal("it comes to no end")
			}
			child, done := oneLife(t, path, rng)
			if done {
				break
			}
			if stopped == nil && child != nil && rng.IntN(3) == 0 {
				stopped = child // it goes on later, as a zombie
				continue
			}
			end(child)
			if stopped != nil && rng.IntN(2) == 0 {
				_ = stopped.Process.Signal(syscall.SIGCONT)
				other, done := oneLife(t, path, rng)
				end(other)
				if done {
					break
				}
				end(stopped)
				stopped = nil
			}
			moveAway(t, filepath.Join(path, "orders"), moved, rng.IntN(2) == 0)
		}
		end(stopped)
		moveAway(t, filepath.Join(path, "orders"), moved, true)
		seen := map[int64]int{}
		w := &world{t: t, sink: scenario.FilesSink{Format: format}}
		for _, text := range moved {
			for _, at := range w.offsets(text) {
				seen[at]++
			}
		}
		for at := range int64(killRows) {
			if want := map[bool]int{true: 1}[at%3 != 0]; seen[at] != want {
				t.Fatalf("%s: offset %d is there %d times", format, at, seen[at])
			}
		}
	}
}

// oneLife starts a process and stops it at a point, with SIGSTOP. It reports true if the
// process has come to the end before.
func oneLife(t *testing.T, path string, rng *rand.Rand) (child *exec.Cmd, done bool) {
	t.Helper()
	child = exec.Command(os.Args[0], "-test.run", "^TestForwardChild$", "-test.v")
	child.Env = append(os.Environ(), killFolder+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	points := 1 + rng.IntN(8)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch text := lines.Text(); {
		case text == "synced" || text == "linked":
			if points--; points == 0 {
				_ = child.Process.Signal(syscall.SIGSTOP)
				return child, false
			}
		case strings.HasPrefix(text, "--- FAIL"), strings.Contains(text, "_test.go"):
			t.Error(text)
		}
	}
	return nil, child.Wait() == nil
}

// end kills a process; nil: there is none.
func end(child *exec.Cmd) {
	if child != nil {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	}
}

// moveAway takes what is published out of the folder.
func moveAway(t *testing.T, folder string, moved map[string]string, all bool) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "orders-*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range list {
		if !all && i%2 == 0 {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, again := moved[filepath.Base(name)]; again {
			t.Errorf("%s was published again", name)
		}
		moved[filepath.Base(name)] = string(b)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
