//go:build unix

package producer

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// unreadPipe returns a named pipe, which is read once the test is over.
func unreadPipe(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			f.Close()
		}
	})
	return name
}

func TestOpenFileOfPipes(t *testing.T) {
	name := unreadPipe(t)
	read := make(chan string, 1)
	go func() {
		f, err := os.Open(name)
		if err != nil {
			read <- err.Error()
			return
		}
		defer f.Close()
		b, _ := io.ReadAll(f)
		read <- string(b)
	}()
	if err := write(t, name, false); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "new\n" {
		t.Errorf("read was %q", got)
	}
}

// A shell's >(…) and 3>file are links in /dev/fd.
func TestOpenFileOfDescriptors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, "/dev/fd/"+strconv.Itoa(int(w.Fd())), false); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got, err := io.ReadAll(r); string(got) != "new\n" || err != nil {
		t.Errorf("read was %q, %v", got, err)
	}
}
