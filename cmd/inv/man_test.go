package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The pages are written here and not by a command, so that the library that
// writes them is not part of the binary.
var manDir = flag.String("man", "", "write the man pages into this folder, for a release")

func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := testRoot(t)
	root.DisableAutoGenTag = true
	long := time.Unix(0, 0) // the same bytes from the same commit
	err := doc.GenManTree(root, &doc.GenManHeader{Title: "INV", Section: "1", Source: "inv", Manual: "inv", Date: &long}, dir)
	if err != nil {
		t.Fatal(err)
	}
	each(root, func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd != root {
			return
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(page), cmd.Short) {
			t.Errorf("the page of %q lacks %q", cmd.CommandPath(), cmd.Short)
		}
	})
}
