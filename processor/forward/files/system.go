package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// system is what the protocol needs of a file system, so that tests can stop it at any step.
type system interface {
	// Create creates a file that must not exist, for writing and reading.
	Create(name string) (file, error)
	Open(name string) (file, error)
	// Link gives a file a second name, which must not exist.
	Link(from, to string) error
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string) error
	// IsFolder reports whether a name is a folder's, or of a symbolic link to one.
	IsFolder(name string) (bool, error)
	// Exists reports whether there is anything of that name.
	Exists(name string) (bool, error)
	// Same reports whether two names are of one file.
	Same(a, b string) bool
	// Names returns the names in a folder, in any order.
	Names(folder string) ([]string, error)
	// SyncFolder makes the names in a folder durable.
	SyncFolder(folder string) error
}

// file is an open file. Writes append.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Size() (int64, error)
}

// disk is the operating system's files.
type disk struct{}

type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (disk) Create(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Open(name string) (file, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Link(from, to string) error   { return os.Link(from, to) }
func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(name string) error     { return os.Remove(name) }
func (disk) Mkdir(name string) error      { return os.Mkdir(name, 0o777) }

func (disk) IsFolder(name string) (bool, error) {
	info, err := os.Stat(name)
	return err == nil && info.IsDir(), err
}

func (disk) Exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (disk) Same(a, b string) bool {
	first, err := os.Lstat(a)
	if err != nil {
		return false
	}
	second, err := os.Lstat(b)
	return err == nil && os.SameFile(first, second)
}

func (disk) Names(folder string) ([]string, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// SyncFolder does nothing on Windows, where a folder can't be opened for it, and names are
// written through the file system's journal. Some network file systems refuse it; they
// write names synchronously.
func (disk) SyncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// noLinks reports whether an error of Link says that the file system has no hard links.
func noLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS)
}
