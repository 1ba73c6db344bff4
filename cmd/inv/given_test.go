package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setOnly parses one flag of a command, of which each call makes a new one, and checks
// what was given.
func setOnly(t *testing.T, path, flag, value string) error {
	t.Helper()
	cmd, _, err := testRoot(t).Find(strings.Fields(path)[1:])
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags([]string{"--" + flag + "=" + value}); err != nil {
		return err
	}
	return checkGiven(cmd.Flags())
}

// A value that a command would take for a flag that is not there is refused: an empty
// one, and 0 where the default of 0 stands for no limit.
func TestGivenValuesAreTaken(t *testing.T) {
	meaningful := []string{"inv tail --key", "inv tail --property"}                                                 // the rest takes no empty value
	zeros := []string{"inv demo --seed", "inv produce --skip", "inv tail --limit", "inv topics alter --partitions"} // a seed, none, and those that are checked elsewhere
	empty, zero := 0, 0
	each(testRoot(t), func(cmd *cobra.Command) {
		if !cmd.Runnable() {
			return
		}
		cmd.Flags().AddFlagSet(cmd.InheritedFlags())
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			name := cmd.CommandPath() + " --" + f.Name
			if f.Value.Type() == "bool" || f.Name == "help" {
				return
			}
			if err := setOnly(t, cmd.CommandPath(), f.Name, ""); err != nil {
				empty++
			} else if f.Name != "property" && !slices.Contains(meaningful, name) {
				t.Errorf("%s takes an empty value", name)
			}
			if f.DefValue != "0" && f.DefValue != "0s" || slices.Contains(zeros, name) {
				return
			}
			if err := setOnly(t, cmd.CommandPath(), f.Name, "0"); err == nil || !strings.Contains(err.Error(), "above 0") {
				t.Errorf("%s 0 is taken for its absence: %v", name, err)
			}
			zero++
		})
	})
	if empty < 200 || zero < 8 {
		t.Errorf("%d flags refuse an empty value, %d refuse 0", empty, zero)
	}
	for _, c := range []struct{ path, flag, value, want string }{
		{"inv produce", "seed", "", "--seed can't be empty; give it a value, or leave it out"},
		{"inv produce", "count", "0", "--count 0: use a value above 0, or leave it out"},
		{"inv produce", "for", "0", "--for 0s: use a value above 0"},
		{"inv produce", "header", "", "--header can't be empty"},
		{"inv tail", "brokers", "", "--brokers can't be empty"},
		{"inv tail", "grep", "", "--grep can't be empty"},
		{"inv verify", "findings", "-1", "--findings -1: use 0 or more"},
		{"inv process", "lead-time", "-1s", "--lead-time -1s: use 0 or more"},
	} {
		if err := setOnly(t, c.path, c.flag, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s --%s=%s: %v, want %q", c.path, c.flag, c.value, err, c.want)
		}
	}
	for _, c := range []struct{ path, flag, value string }{{"inv tail", "last", "0"}, {"inv dlq list", "last", "0"}, {"inv process", "dedupe-window", "0"}, {"inv process", "lead-time", "0"}, {"inv produce", "count", "1"}} {
		if err := setOnly(t, c.path, c.flag, c.value); err != nil {
			t.Errorf("%s --%s %s: %v", c.path, c.flag, c.value, err)
		}
	}
}
