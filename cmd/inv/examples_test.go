package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// container is what the examples say of one: in Compose's form, Kubernetes' or both.
type container struct {
	image   string
	args    []string
	environ map[string]string
}

// Each container of docs/examples runs a command that exists, with flags that it has.
func TestExamplesFitTheCommands(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../docs/examples/*.yaml", "../../docs/examples/kubernetes/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	seen := 0
	for _, file := range files {
		for _, c := range containersOf(t, file) {
			if c.image != "inv" {
				continue // Kafka itself
			}
			seen++
			cmd, args, err := testRoot(t).Find(c.args)
			if err != nil || cmd == cmd.Root() {
				t.Errorf("%s: %q: %v", file, c.args, err)
				continue
			}
			if err := cmd.ParseFlags(args); err != nil {
				t.Errorf("%s: %q: %v", file, c.args, err)
			}
			names := map[string]*pflag.Flag{}
			cmd.Flags().VisitAll(func(f *pflag.Flag) { names[environmentName(f.Name)] = f })
			for name, value := range c.environ {
				f, known := names[name]
				if !strings.HasPrefix(name, "INV_") {
					continue
				} else if !known {
					t.Errorf("%s: %s has no flag of %s", file, strings.Join(c.args, " "), name)
				} else if value != "" && f.Value.Set(value) != nil {
					t.Errorf("%s: %s=%s is refused", file, name, value)
				}
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d containers were looked at", seen)
	}
}

func containersOf(t *testing.T, file string) (all []container) {
	t.Helper()
	type k8s struct {
		Image string
		Args  []string
		Env   []struct{ Name, Value string }
	}
	type document struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Environment map[string]string
		}
		Spec struct {
			Template struct {
				Spec struct{ Containers []k8s }
			}
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for documents := yaml.NewDecoder(f); ; {
		var d document
		if err := documents.Decode(&d); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range d.Services {
			all = append(all, container{image: s.Image, args: s.Command, environ: s.Environment})
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			environ := map[string]string{}
			for _, e := range c.Env {
				environ[e.Name] = e.Value
			}
			all = append(all, container{image: c.Image, args: c.Args, environ: environ})
		}
	}
}

// The script that users are to copy into their CI runs, against a broker of its own.
func TestExampleOfCI(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "../../docs/examples/ci/order-test.sh")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok: 20 updates") {
		t.Errorf("%v\n%s", err, out)
	}
}
