package producer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func writeFile(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// wantFile wants a file of these contents and permissions.
func wantFile(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil || string(got) != text {
		t.Errorf("%s has %q, %v, want %q", name, got, err, text)
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != mode {
		t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, mode)
	}
}

// write opens a file as `inv produce` does, and writes a line.
func write(t *testing.T, name string, overwrite bool) error {
	t.Helper()
	out, err := OpenFile(t.Context(), name, FileOptions{Overwrite: overwrite})
	if err != nil {
		return err
	}
	defer out.Close()
	sink := out.Sink.(*WriterSink)
	sink.lines = append(sink.lines, "new\n"...)
	return sink.Flush(t.Context())
}

func TestOpenFile(t *testing.T) {
	in := func(name string) string { return filepath.Join(t.TempDir(), name) }
	created, empty, full := in("created"), in("empty"), in("full")
	writeFile(t, empty, "", 0o640)
	writeFile(t, full, "older and longer\n", 0o644)

	if err := write(t, created, false); err != nil {
		t.Error(err)
	}
	wantFile(t, created, "new\n", 0o600)
	if err := write(t, empty, false); err != nil {
		t.Error(err)
	}
	wantFile(t, empty, "new\n", 0o640)
	if err := write(t, full, false); !errors.Is(err, ErrFileNotEmpty) {
		t.Errorf("a file that is not empty: %v", err)
	}
	wantFile(t, full, "older and longer\n", 0o644)
	if err := write(t, full, true); err != nil {
		t.Error(err)
	}
	wantFile(t, full, "new\n", 0o644)

	if err := write(t, os.DevNull, false); err != nil {
		t.Errorf("a device: %v", err)
	}
	if err := write(t, in("no/such/folder"), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
	if err := write(t, t.TempDir(), false); err == nil {
		t.Error("a folder was opened")
	}
	if err := write(t, created, false); !errors.Is(err, ErrFileNotEmpty) {
		t.Errorf("a second time: %v", err)
	}
}

func TestOpenFileRefusesLinks(t *testing.T) {
	folder := t.TempDir()
	for target, exists := range map[string]bool{"full": true, "empty": true, "missing": false} {
		file, link := filepath.Join(folder, target), filepath.Join(folder, target+"-link")
		text := map[string]string{"full": "mine\n"}[target]
		if exists {
			writeFile(t, file, text, 0o600)
		}
		if err := os.Symlink(file, link); err != nil {
			t.Skip(err) // Windows asks for a privilege
		}
		for _, overwrite := range []bool{false, true} {
			var refused *LinkError
			if err := write(t, link, overwrite); !errors.As(err, &refused) || refused.Target != file {
				t.Errorf("a link to %s: %v", target, err)
			}
		}
		if exists {
			wantFile(t, file, text, 0o600)
		} else if _, err := os.Stat(file); err == nil {
			t.Error("the target of a link was created")
		}
	}
	// Folders may be links.
	link := filepath.Join(t.TempDir(), "folder")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	if err := write(t, filepath.Join(link, "in-a-folder"), false); err != nil {
		t.Error(err)
	}
	wantFile(t, filepath.Join(folder, "in-a-folder"), "new\n", 0o600)
}

func TestOpenFileIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	name := unreadPipe(t)
	if _, err := OpenFile(ctx, name, FileOptions{}); !errors.Is(err, stopped) {
		t.Errorf("%v, want %v", err, stopped)
	}
}
