package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds the file that a registry is read from.
const maxFile = 1 << 30

// saved is a registry in its file.
type saved struct {
	Level    Level                   `json:"compatibility"`
	Schemas  []Schema                `json:"schemas"` // by ID - 1
	Subjects map[string]savedSubject `json:"subjects"`
}

type savedSubject struct {
	Level    Level          `json:"compatibility,omitempty"`
	Versions []savedVersion `json:"versions"`
}

type savedVersion struct {
	Version int  `json:"version"`
	ID      int  `json:"id"`
	Deleted bool `json:"deleted,omitempty"`
}

// Open returns the registry that a file has, an empty one if there is no such file. Each
// change is in the file before it is acknowledged. One server at a time may use a file.
func Open(file string) (*Server, error) {
	s := New()
	s.file = file
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxFile)
	}
	var source []byte
	if err == nil {
		source, err = os.ReadFile(file)
	}
	var from saved
	if err == nil {
		if err = json.Unmarshal(source, &from); err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		}
	}
	if err == nil {
		err = s.load(from)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the registry: %w", err)
	}
	return s, nil
}

func (s *Server) load(from saved) error {
	if !from.Level.valid() {
		return fmt.Errorf("%s: there is no level %q", s.file, from.Level)
	}
	s.level, s.schemas = from.Level, from.Schemas
	for name, one := range from.Subjects {
		if one.Level != "" && !one.Level.valid() {
			return fmt.Errorf("%s: subject %q: there is no level %q", s.file, name, one.Level)
		}
		sub := &subject{level: one.Level}
		last := 0
		for _, v := range one.Versions {
			if v.ID < 1 || v.ID > len(s.schemas) || v.Version <= last {
				return fmt.Errorf("%s: subject %q has the version %d with the ID %d", s.file, name, v.Version, v.ID)
			}
			last = v.Version
			sub.versions = append(sub.versions, version{v.Version, v.ID, v.Deleted})
		}
		s.subjects[name] = sub
	}
	return nil
}

// save writes the file, if there is one: a new file first, which then takes the name.
func (s *Server) save() error {
	if s.file == "" {
		return nil
	}
	to := saved{Level: s.level, Schemas: s.schemas, Subjects: map[string]savedSubject{}}
	for name, sub := range s.subjects {
		one := savedSubject{Level: sub.level}
		for _, v := range sub.versions {
			one.Versions = append(one.Versions, savedVersion{v.number, v.id, v.deleted})
		}
		to.Subjects[name] = one
	}
	b, err := json.Marshal(to)
	if err != nil {
		return fmt.Errorf("saving the registry: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), ".registry-*")
	if err != nil {
		return fmt.Errorf("saving the registry: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.file)
	}
	if err != nil {
		return fmt.Errorf("saving the registry: %w", err)
	}
	return nil
}
