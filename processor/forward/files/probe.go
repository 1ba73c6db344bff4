package files

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
)

// Check reports whether files can be written, synced and linked in the folder, or if it is
// missing, in the one in which it will be. It leaves nothing behind.
func (s *Store) Check(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	path := s.path
	isFolder, err := s.sys.IsFolder(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = filepath.Dir(path)
		isFolder, err = s.sys.IsFolder(path)
	}
	if err != nil {
		return err
	}
	if !isFolder {
		return stopf("%s is not a folder", path)
	}
	f := folder{sys: s.sys, path: path}
	name := ".inv-check-" + randomName()
	err = f.put(name+"-draft", name, []byte("{}\n"))
	if err == nil {
		err = s.sys.SyncFolder(path)
	}
	if there, _ := s.sys.Exists(f.join(name)); there {
		err = errors.Join(err, s.sys.Remove(f.join(name)))
	}
	return err
}
