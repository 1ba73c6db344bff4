package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDocumentedCommandLines parses every `inv …` in the code blocks of README
// and docs, and in the examples of the commands.
func TestDocumentedCommandLines(t *testing.T) {
	root := filepath.Join("..", "..")
	files := []string{filepath.Join(root, "README.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range codeLines(string(text)) {
			checked += checkLine(t, filepath.Base(file), line)
		}
	}
	each(testRoot(t), func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			checked += checkLine(t, "the example of "+cmd.CommandPath(), line)
		}
	})
	if checked < 20 {
		t.Errorf("only %d command lines were found; is the search still right?", checked)
	}
}

func testRoot(t *testing.T) *cobra.Command {
	t.Helper()
	root, err := rootCommand(&streams{}, &sharedFlags{})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// codeLines returns the lines of code blocks and inline code.
func codeLines(markdown string) []string {
	var lines []string
	fenced := false
	inline := regexp.MustCompile("`(inv [^`]+)`")
	for _, line := range strings.Split(markdown, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			lines = append(lines, line)
			continue
		}
		for _, m := range inline.FindAllStringSubmatch(line, -1) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

var assignments = regexp.MustCompile(`^([A-Z_]+=\S* +)+`)

// checkLine parses the inv commands of a shell line and returns their number.
// A line with a placeholder (…, NAME or [) shows a form, not a command line.
func checkLine(t *testing.T, where, line string) (found int) {
	t.Helper()
	for _, part := range shellParts(line) {
		part = assignments.ReplaceAllString(strings.TrimPrefix(strings.TrimSpace(part), "$ "), "")
		args, ok := strings.CutPrefix(part, "inv ")
		if !ok {
			if args, ok = strings.CutPrefix(part, "go run ./cmd/inv "); !ok {
				continue
			}
		}
		if strings.ContainsAny(args, "…[|") {
			continue
		}
		found++
		root := testRoot(t)
		root.InitDefaultHelpCmd()
		root.InitDefaultCompletionCmd()
		cmd, rest, err := root.Find(words(args))
		if err == nil && (cmd == root || cmd.HasSubCommands()) && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			err = fmt.Errorf("%s has no command %q", cmd.CommandPath(), rest[0])
		}
		if err == nil {
			cmd.InitDefaultHelpFlag()
			err = cmd.ParseFlags(rest)
		}
		if errors.Is(err, errListProperties) {
			continue
		}
		if err == nil && cmd.Args != nil && len(rest) > 0 { // alone, it is the command's name
			err = cmd.Args(cmd, cmd.Flags().Args())
		}
		if err != nil {
			t.Errorf("%s: %q: %v", where, part, err)
		}
	}
	return found
}

// shellParts splits a line at |, &&, ;, & and > outside quotes, and ends it at
// a comment.
func shellParts(line string) []string {
	var parts []string
	var part strings.Builder
	quote := rune(0)
	previous := ' '
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			part.WriteRune(r)
		case r == '\'' || r == '"':
			quote = r
			part.WriteRune(r)
		case r == '#' && unicode.IsSpace(previous):
			return append(parts, part.String())
		case strings.ContainsRune("|&;><()", r):
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteRune(r)
		}
		previous = r
	}
	return append(parts, part.String())
}

// words splits a line at white space outside quotes, and removes the quotes.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quote, open := rune(0), false
	flush := func() {
		if open {
			out = append(out, word.String())
		}
		word.Reset()
		open = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case unicode.IsSpace(r):
			flush()
		default:
			word.WriteRune(r)
			open = true
		}
	}
	flush()
	return out
}

// A command's flag must not have the name of a shared one: they share a variable.
func TestNoFlagHidesASharedOne(t *testing.T) {
	root := testRoot(t)
	shared := map[string]*pflag.Flag{}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { shared[f.Name] = f })
	each(root, func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if s := shared[f.Name]; s != nil && s != f {
				t.Errorf("%s has a --%s of its own", cmd.CommandPath(), f.Name)
			}
		})
	})
}
