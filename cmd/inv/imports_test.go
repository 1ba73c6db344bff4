package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The layout: which packages of this module a package must not import.
var forbidden = []struct {
	from string // a package, or all below it with a slash at its end
	to   []string
}{
	// Topics are the contract between the three parts.
	{"producer", []string{"processor", "inspect", "cmd"}},
	{"processor/", []string{"producer", "inspect", "cmd"}},
	{"inspect/", []string{"producer", "processor", "cmd"}},
	// Nothing imports upwards.
	{"internal/", []string{"producer", "processor", "inspect", "cmd"}},
	// The engine knows no topology.
	{"processor", []string{"processor/inventory", "processor/declared", "processor/builtin"}},
	{"processor/stage", []string{"processor", "internal/event"}},
	// Rules are pure.
	{"processor/inventory/rules", []string{"internal/kafka", "processor/stage"}},
}

// top lists the folders at the top level.
var top = []string{"cmd", "docs", "inspect", "internal", "processor", "producer", "scenarios"}

func TestImportsGoDownwards(t *testing.T) {
	type listed struct {
		ImportPath string
		Imports    []string
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "inv/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; n++ {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(p.ImportPath, "inv/")
		for _, rule := range forbidden {
			if from != rule.from && from != strings.TrimSuffix(rule.from, "/") && !(strings.HasSuffix(rule.from, "/") && strings.HasPrefix(from, rule.from)) {
				continue
			}
			for _, imported := range p.Imports {
				to, ours := strings.CutPrefix(imported, "inv/")
				if ours && below(to, rule.to) {
					t.Errorf("%s imports %s", from, to)
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d packages were looked at", n)
	}
}

// below reports whether path is one of the packages or below one.
func below(path string, others []string) bool {
	return slices.ContainsFunc(others, func(o string) bool { return path == o || strings.HasPrefix(path, o+"/") })
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(top, e.Name()) {
			t.Errorf("%s stands at the top level", e.Name())
		}
	}
}
