package producer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrFileNotEmpty is returned for a file that would be overwritten.
var ErrFileNotEmpty = errors.New("the file is not empty")

// LinkError is returned for a symbolic link, which may point anywhere.
type LinkError struct{ Name, Target string }

func (e *LinkError) Error() string {
	return fmt.Sprintf("%s is a symbolic link to %s", e.Name, e.Target)
}

// FileOptions are how a file is written.
type FileOptions struct {
	Envelope  bool // JSON Lines with topic, key, headers and timestamp
	Overwrite bool // also a file that is not empty
}

// OpenFile returns an output that writes to a file, which is created for its owner only,
// or must be empty unless o.Overwrite is set. Symbolic links are not followed, except
// the system's, such as /dev/fd/3. Pipes and devices are written to as they are; a pipe
// without a reader is waited for until ctx is done.
func OpenFile(ctx context.Context, name string, o FileOptions) (*Output, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := openFile(ctx, name, o.Overwrite)
		done <- opened{file, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		out := OpenWriter(r.file, name, o.Envelope)
		out.close = r.file.Close
		return out, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx) // the process ends, with the file if it is opened
	}
}

func openFile(ctx context.Context, name string, overwrite bool) (*os.File, error) {
	flags := os.O_WRONLY | noFollow
	found, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ctx.Err() != nil:
		return nil, context.Cause(ctx) // nobody waits for a file any more
	case errors.Is(err, fs.ErrNotExist):
		return os.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	case err != nil:
		return nil, err
	case found.Mode()&fs.ModeSymlink != 0 && !systemLink(name):
		target, _ := os.Readlink(name) // only for the message
		return nil, &LinkError{name, target}
	case found.Mode()&fs.ModeSymlink != 0:
		flags = os.O_WRONLY
		if found, err = os.Stat(name); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	if err := emptied(file, found, overwrite); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// emptied empties a file that was found as such, if it may.
func emptied(file *os.File, found fs.FileInfo, overwrite bool) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !os.SameFile(found, info):
		return fmt.Errorf("%s was replaced while it was opened", file.Name())
	case !info.Mode().IsRegular() || info.Size() == 0:
		return nil
	case !overwrite:
		return fmt.Errorf("%s: %w", file.Name(), ErrFileNotEmpty)
	}
	return file.Truncate(0)
}

// systemLink reports whether a link is one that only the system can make: a standard
// stream or another open file.
func systemLink(name string) bool {
	folder := filepath.Dir(filepath.Clean(name))
	return folder == "/dev" || folder == "/dev/fd" || strings.HasPrefix(folder, "/proc/")
}
