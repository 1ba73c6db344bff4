package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"inv/internal/scenario"
)

// schemaFiles returns how the schema files of a scenario are read: those beside its file,
// and none that a symbolic link takes out of that folder. It returns when ctx is done.
func schemaFiles(ctx context.Context, file string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		return readUntil(ctx, func() ([]byte, error) {
			folder, err := os.OpenRoot(filepath.Dir(file))
			if err != nil {
				return nil, err
			}
			defer folder.Close()
			f, err := folder.Open(filepath.FromSlash(path))
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, scenario.MaxSchemaFile+1))
		})
	}
}
