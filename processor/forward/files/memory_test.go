package files

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

// memory is a file system that can lose what was not synced. Its names are durable by
// folder, by SyncFolder; the content of a file by Sync.
type memory struct {
	mu      sync.Mutex
	folders map[string]*memoryFolder
	// opened counts files that are open.
	opened int
}

type memoryFolder struct {
	names   map[string]*inode
	durable map[string]*inode
	log     []func(names map[string]*inode) // changes since durable
}

type inode struct{ data, durable []byte }

func newMemory() *memory {
	return &memory{folders: map[string]*memoryFolder{".": {names: map[string]*inode{}}}}
}

// change makes a change of names, which may get lost.
func (d *memoryFolder) change(f func(names map[string]*inode)) {
	f(d.names)
	d.log = append(d.log, f)
}

// cut is a power cut: of the changes that were not synced any may be lost, and of contents
// any end. Each change of names is whole, as journals make it.
func (m *memory) cut(rng *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	inOrder := rng.IntN(2) == 0 // as most file systems do it
	for _, d := range m.folders {
		names := copyNames(d.durable)
		kept := rng.IntN(len(d.log) + 1)
		for i, f := range d.log {
			if inOrder && i < kept || !inOrder && rng.IntN(2) == 0 {
				f(names)
			}
		}
		d.names, d.durable, d.log = names, copyNames(names), nil
		for _, n := range names {
			if len(n.data) > len(n.durable) {
				n.data = n.data[:len(n.durable)+rng.IntN(len(n.data)-len(n.durable)+1)]
			}
			n.durable = slices.Clone(n.data)
		}
	}
}

func copyNames(m map[string]*inode) map[string]*inode {
	c := map[string]*inode{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (m *memory) find(name string) (d *memoryFolder, base string, err error) {
	d = m.folders[filepath.Dir(name)]
	if d == nil {
		return nil, "", fs.ErrNotExist
	}
	return d, filepath.Base(name), nil
}

func (m *memory) get(name string) (*inode, error) {
	d, base, err := m.find(name)
	if err != nil {
		return nil, err
	}
	n := d.names[base]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (m *memory) Create(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.find(name)
	if err != nil {
		return nil, err
	}
	if d.names[base] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &inode{}
	d.change(func(names map[string]*inode) { names[base] = n })
	m.opened++
	return &memoryFile{m: m, n: n}, nil
}

func (m *memory) Open(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.get(name)
	if err != nil {
		return nil, err
	}
	m.opened++
	return &memoryFile{m: m, n: n}, nil
}

func (m *memory) Link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.get(from)
	if err != nil {
		return err
	}
	d, base, err := m.find(to)
	if err != nil {
		return err
	}
	if d.names[base] != nil {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	d.change(func(names map[string]*inode) { names[base] = n })
	return nil
}

// Rename is within a folder, as all of inv's are.
func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.get(from)
	if err != nil {
		return err
	}
	d, base, err := m.find(to)
	if err != nil {
		return err
	}
	d.change(func(names map[string]*inode) {
		delete(names, filepath.Base(from))
		names[base] = n
	})
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.get(name); err != nil {
		return err
	}
	d, base, _ := m.find(name)
	d.change(func(names map[string]*inode) { delete(names, base) })
	return nil
}

// Mkdir is durable at once: the tests are about files.
func (m *memory) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[name] != nil {
		return fs.ErrExist
	}
	m.folders[name] = &memoryFolder{names: map[string]*inode{}}
	return nil
}

func (m *memory) IsFolder(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folders[name] != nil {
		return true, nil
	}
	_, err := m.get(name)
	return false, err
}

func (m *memory) Exists(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.get(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (m *memory) Same(a, b string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	first, _ := m.get(a)
	second, _ := m.get(b)
	return first != nil && first == second
}

func (m *memory) Names(folder string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.folders[folder]
	if d == nil {
		return nil, fs.ErrNotExist
	}
	for name := range d.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (m *memory) SyncFolder(folder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.folders[folder]
	if d == nil {
		return fs.ErrNotExist
	}
	d.durable, d.log = copyNames(d.names), nil
	return nil
}

type memoryFile struct {
	m      *memory
	n      *inode
	closed bool
}

func (f *memoryFile) Write(b []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.data = append(f.n.data, b...)
	return len(b), nil
}

func (f *memoryFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.durable = slices.Clone(f.n.data)
	return nil
}

func (f *memoryFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memoryFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.m.opened--
	return nil
}
