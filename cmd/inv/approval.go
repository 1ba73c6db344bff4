package main

import (
	"github.com/spf13/pflag"
)

// approval is the permission to change a cluster: --yes or the answer on a terminal.
// --dry-run only shows what would be done.
type approval struct{ yes, dryRun bool }

func (a *approval) register(fs *pflag.FlagSet) {
	fs.BoolVar(&a.yes, "yes", false, "don't ask for confirmation")
	a.registerDryRun(fs)
}

func (a *approval) registerDryRun(fs *pflag.FlagSet) {
	fs.BoolVar(&a.dryRun, "dry-run", false, "only show what would be done")
}

// given lists what a command will do and reports whether it may.
func (a *approval) given(s *streams, what string, items []string) (bool, error) {
	if a.dryRun {
		return false, showOnly(s, what, items)
	}
	err := confirm(s, a.yes, what, items)
	return err == nil, err
}

// showOnly lists what a command would do: the list is the output of a dry run.
func showOnly(s *streams, what string, items []string) error {
	s.errf("Dry run; this would %s:\n", what)
	for _, i := range items {
		if err := s.outf("%s\n", i); err != nil {
			return err
		}
	}
	return nil
}
