package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// No wrong value of any flag of any command is explained with the names of Go's
// packages.
func TestWrongValuesAreExplained(t *testing.T) {
	refused := 0
	each(testRoot(t), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, value := range []string{"x", "", "99999999999999999999", "-1", "1.5", "5"} {
				err := cmd.ParseFlags([]string{"--" + f.Name + "=" + value})
				if err == nil {
					continue
				}
				refused++
				text := flagError(cmd, err).Error()
				for _, internal := range []string{"strconv", " time:", "parse", "invalid syntax"} {
					if strings.Contains(text, internal) {
						t.Errorf("%s --%s=%s: %s", cmd.CommandPath(), f.Name, value, text)
					}
				}
			}
		})
	})
	if refused < 100 {
		t.Errorf("only %d values were refused", refused)
	}
}

// The flags and commands that hints name exist.
func TestHabitsNameWhatThereIs(t *testing.T) {
	root := testRoot(t)
	flags := map[string]bool{}
	each(root, func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags["--"+f.Name] = true
			flags["-"+f.Shorthand] = f.Shorthand != ""
		})
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { flags["--"+f.Name], flags["-"+f.Shorthand] = true, true })
	})
	for theirs, ours := range otherTools() {
		for _, flag := range regexp.MustCompile(`(?:^| |\()(--?[a-zA-Z][a-z-]*)`).FindAllStringSubmatch(ours, -1) {
			if !flags[flag[1]] {
				t.Errorf("%s: %q names %s", theirs, ours, flag[1])
			}
		}
		for _, command := range regexp.MustCompile(`inv ([a-z]+(?: [a-z]+)?)`).FindAllStringSubmatch(ours, -1) {
			if cmd, rest, err := root.Find(strings.Fields(command[1])); err != nil || len(rest) > 0 && cmd.HasSubCommands() {
				t.Errorf("%s: %q names inv %s", theirs, ours, command[1])
			}
		}
	}
}
