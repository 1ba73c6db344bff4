package broker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Size is what a data folder holds.
type Size struct {
	Bytes   int64 // of record batches
	Batches int64
}

// Of kfake's files and memory: the bytes of a batch in an index file, and in the index
// that is kept in memory, in a slice that was grown, with what the garbage collector
// adds. An empty broker needs some, too.
const (
	indexEntry  = 15
	indexMemory = 120
	emptyBroker = 25e6
)

// DataSize returns what the topics in a data folder hold: nothing if it doesn't exist.
func DataSize(dir string) (size Size, err error) {
	err = filepath.WalkDir(filepath.Join(dir, "partitions"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch filepath.Ext(entry.Name()) {
		case ".dat":
			size.Bytes += info.Size()
		case ".idx":
			size.Batches += info.Size() / indexEntry
		}
		return nil
	})
	if errors.Is(err, os.ErrNotExist) {
		return Size{}, nil
	}
	return size, err
}

// Memory returns about how many bytes of memory a broker needs for the data: in the
// end, and at most while it starts. After a clean stop it reads a segment of each
// partition at a time, otherwise whole partitions.
func (s Size) Memory() (kept, start int64) {
	kept = emptyBroker + s.Batches*indexMemory
	return kept, kept + s.Bytes
}
