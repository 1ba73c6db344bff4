package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite docs/commands.md and golden files")

// reference is docs/commands.md: every command with its flags and their
// variables.
func reference(root *cobra.Command) string {
	var out bytes.Buffer
	fmt.Fprint(&out, "# Commands\n\nWritten from the program by `go test ./cmd/inv -run TestReference -update`; a test keeps it true.\n")
	fmt.Fprint(&out, "\nEvery flag is also an environment variable, which the command line overrules: `--lead-time` is `INV_LEAD_TIME`.\n")
	each(root, func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd != root || cmd.Name() == "help" || underCompletion(cmd) {
			return
		}
		fmt.Fprintf(&out, "\n## %s\n\n", cmd.CommandPath())
		about := cmd.Long
		if about == "" {
			about = cmd.Short
		}
		fmt.Fprintf(&out, "%s\n\n```\n%s\n```\n", strings.TrimSpace(about), cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(&out, "\n```sh\n%s\n```\n", unindent(cmd.Example))
		}
		flags := cmd.LocalFlags()
		if flags.HasAvailableFlags() {
			fmt.Fprint(&out, "\n| flag | default | |\n|---|---|---|\n")
		}
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			kind, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", strings.TrimSpace(name+" "+kind), quoted(defaultOf(f)), strings.ReplaceAll(usage, "|", "\\|"))
		})
	})
	return out.String()
}

func underCompletion(cmd *cobra.Command) bool {
	return cmd.HasParent() && cmd.Parent().Name() == "completion"
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func unindent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func TestReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "commands.md")
	root := testRoot(t)
	root.InitDefaultCompletionCmd()
	want := reference(root)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the program says of itself; run go test ./cmd/inv -run TestReference -update", file)
	}
}

// A flag's value has a name of ours, not that of a type of the flag library.
func TestFlagsNameTheirValues(t *testing.T) {
	each(testRoot(t), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name, _ := pflag.UnquoteUsage(f)
			if name != strings.ToUpper(name) && !strings.Contains(name, "|") {
				t.Errorf("%s --%s %s: name the value in the flag's usage", cmd.CommandPath(), f.Name, name)
			}
		})
	})
}
