package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"inv/processor/forward"
)

// identity says what a topic's folder is for. It never changes.
type identity struct {
	Version int              `json:"version"`
	App     string           `json:"app"`
	Sink    string           `json:"sink"`
	Topic   string           `json:"topic"`
	TopicID string           `json:"topic_id"`
	Format  string           `json:"format"`
	Columns []identityColumn `json:"columns"`
}

type identityColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

const (
	identityVersion  = 1
	maxIdentityBytes = 1 << 20
)

// encode returns the file's content: JSON, with a column on each line.
func (d *identity) encode() []byte {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err) // texts and numbers only
	}
	return append(b, '\n')
}

// parseIdentity parses what encode returned.
func parseIdentity(b []byte) (*identity, error) {
	d := &identity{}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, err
	}
	if d.Version != identityVersion {
		return nil, fmt.Errorf("it has version %d, and this program knows version %d", d.Version, identityVersion)
	}
	return d, nil
}

// difference says how a folder's identity differs from what the sink needs, "" if it doesn't.
func (d *identity) difference(want *identity) string {
	var says []string
	differ := func(what, has, wants string) {
		if has != wants {
			says = append(says, fmt.Sprintf("%s is %q there and %q here", what, has, wants))
		}
	}
	differ("the application", d.App, want.App)
	differ("the sink", d.Sink, want.Sink)
	differ("the topic", d.Topic, want.Topic)
	if d.TopicID != "" && want.TopicID != "" && d.Topic == want.Topic && d.TopicID != want.TopicID {
		says = append(says, fmt.Sprintf("topic %s has been recreated, or is another cluster's: its id is %s there and %s here", d.Topic, d.TopicID, want.TopicID))
	}
	differ("the format", d.Format, want.Format)
	for i := range max(len(d.Columns), len(want.Columns)) {
		switch {
		case i >= len(d.Columns):
			says = append(says, fmt.Sprintf("column %s is missing there", want.Columns[i]))
		case i >= len(want.Columns):
			says = append(says, fmt.Sprintf("column %s is missing here", d.Columns[i]))
		case d.Columns[i] != want.Columns[i]:
			says = append(says, fmt.Sprintf("column %d is %s there and %s here", i+1, d.Columns[i], want.Columns[i]))
		}
	}
	return strings.Join(says, "; ")
}

func (c identityColumn) String() string { return c.Name + " " + c.Type }

// folder is the folder of a topic.
type folder struct {
	sys  system
	path string
}

func (f folder) join(name string) string { return filepath.Join(f.path, name) }

// open makes the folder, if it is missing, and compares its identity.
func (f folder) open(want *identity) error {
	if err := f.make(); err != nil {
		return err
	}
	for range 10 {
		names, err := f.sys.Names(f.path)
		if err != nil {
			return err
		}
		b, err := f.read(identityName, maxIdentityBytes)
		if errors.Is(err, fs.ErrNotExist) {
			err = f.found(names, want)
			if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
				continue // it is there now, also by another process
			}
		}
		if err != nil {
			return err
		}
		has, err := parseIdentity(b)
		if err != nil {
			return stopf("%s is damaged: %w", f.join(identityName), err)
		}
		if d := has.difference(want); d != "" {
			return stopf("the folder %s is not this sink's: %s. Use another folder", f.path, d)
		}
		for _, name := range names {
			if strings.HasPrefix(name, draftPrefix) {
				_ = f.sys.Remove(f.join(name)) // nobody needs it any more
			}
		}
		return nil
	}
	return fmt.Errorf("%s comes and goes", f.join(identityName))
}

// make makes the topic's folder, and the sink's, whose parent must exist.
func (f folder) make() error {
	for _, path := range []string{filepath.Dir(f.path), f.path} {
		err := f.sys.Mkdir(path)
		if err == nil {
			err = f.sys.SyncFolder(filepath.Dir(path))
		}
		if err == nil {
			continue
		}
		switch isFolder, statErr := f.sys.IsFolder(path); {
		case isFolder:
		case statErr == nil:
			return stopf("%s is not a folder", path)
		case errors.Is(err, syscall.ENAMETOOLONG):
			return stopf("the topic's name is too long for the file system: %w", err)
		default:
			return err
		}
	}
	return nil
}

// found writes the identity. A folder that has files and no identity may be anything.
func (f folder) found(names []string, want *identity) error {
	for _, name := range names {
		_, isFile := parsePublished(name, want.Topic)
		h, isClaim := parseHidden(name)
		if isFile || isClaim && h.random == "" {
			return stopf("the folder %s has files of the topic, such as %s, but %s is missing. Put it back, or use an empty folder", f.path, name, identityName)
		}
	}
	return f.put(draftPrefix+randomName(), identityName, want.encode())
}

// put writes a file whole, under a name that must not exist.
func (f folder) put(draft, name string, content []byte) error {
	defer f.sys.Remove(f.join(draft))
	if err := f.write(draft, content); err != nil {
		return repeatable(err) // under another name
	}
	err := f.sys.Link(f.join(draft), f.join(name))
	if err != nil && errors.Is(err, fs.ErrExist) && f.sys.Same(f.join(draft), f.join(name)) {
		err = nil // a network file system has repeated the request
	}
	if noLinks(err) {
		return stopf("the file system of %s has no hard links, without which two processes can't be kept apart: %w", f.path, err)
	}
	return err
}

func (f folder) write(name string, content []byte) error {
	out, err := f.sys.Create(f.join(name))
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// read reads a small file.
func (f folder) read(name string, limit int64) ([]byte, error) {
	in, err := f.sys.Open(f.join(name))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.NewSectionReader(in, 0, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = stopf("%s has more than %d bytes", f.join(name), limit)
	}
	return b, err
}

func stopf(format string, args ...any) error {
	return &forward.StopError{Err: fmt.Errorf(format, args...)}
}
