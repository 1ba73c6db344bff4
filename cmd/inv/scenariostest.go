package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor/declared"
	"inv/processor/declared/cases"

	"github.com/spf13/cobra"
)

// testFlags are the flags of `inv scenarios test`.
type testFlags struct {
	run     string
	verbose bool
	output  choice
}

func scenariosTest(s *streams, f *sharedFlags) *cobra.Command {
	t := &testFlags{output: newChoice("text", "json")}
	cmd := &cobra.Command{
		Use:   "test [FILE|NAME…]",
		Short: "Run the tests of a scenario's topologies",
		Long: `Run the tests in scenario files, by the code that processes topics, but without a
broker and a clock. Each test runs with one, two and six partitions, and each time
again with a rollback after every record; all must give the same. Without a file
or a name it is the scenario of --scenario.

Exit status: 0 all tests passed, 1 one failed.`,
		Example: `  inv scenarios test mine.yaml
  inv scenarios test mine.yaml --run 'fraud|velocity'
  inv scenarios test mine.yaml -v`,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			only, err := regexp.Compile(t.run)
			if err != nil {
				return usagef("--run: %w", err)
			}
			if len(args) == 0 {
				args = []string{f.scenario}
			}
			return t.all(cmd.Context(), s, f, args, only)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.run, "run", "", "only tests whose name or topology matches the regular `EXPRESSION`")
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "name the tests that passed, too")
	flags.VarP(&t.output, "output", "o", "text, or json: a line for each test")
	return cmd
}

// testArguments accepts -run as go test has it.
func testArguments(args []string) []string {
	if len(args) < 2 || args[0] != "scenarios" || args[1] != "test" {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		if a == "-run" || strings.HasPrefix(a, "-run=") {
			args[i] = "-" + a
		}
	}
	return args
}

// all runs the tests of the scenarios.
func (t *testFlags) all(ctx context.Context, s *streams, f *sharedFlags, names []string, only *regexp.Regexp) error {
	failed, run := 0, 0
	for _, name := range names {
		sc, err := f.loadNamed(ctx, name)
		if err != nil {
			return err
		}
		bad, all, err := t.file(ctx, s, f, sc, only)
		if err != nil {
			return err
		}
		failed, run = failed+bad, run+all
	}
	if run == 0 && t.run != "" {
		s.errf("inv scenarios test: no test matches --run %s\n", t.run)
	}
	if failed > 0 {
		return exitError{code: exitFailed, err: errors.New(many(int64(failed), "failed test"))}
	}
	return nil
}

// file runs the tests of a scenario, and returns how many failed, of how many.
func (t *testFlags) file(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, only *regexp.Regexp) (failed, run int, err error) {
	programs, formats := map[string]*declared.Program{}, map[string]declared.Formats{}
	colors := theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)
	began := s.now()
	for i := range sc.Tests {
		test := &sc.Tests[i]
		if !only.MatchString(test.Name) && !only.MatchString(test.Topology) {
			continue
		}
		p := programs[test.Topology]
		if p == nil {
			var problems scenario.Problems
			if p, problems = declared.Compile(sc, sc.Topology(test.Topology)); len(problems) > 0 {
				return 0, 0, problems
			}
			if formats[test.Topology], err = outputFormats(ctx, sc, p.Topology); err != nil {
				return failed, run, err
			}
			programs[test.Topology] = p
		}
		start := s.now()
		result, err := cases.Run(ctx, sc, p, formats[test.Topology], test)
		if err != nil {
			return failed, run, err
		}
		run++
		if len(result.Failures) > 0 {
			failed++
		}
		if err := t.show(s, colors, sc, &result, s.now().Sub(start)); err != nil {
			return failed, run, err
		}
	}
	if t.output.value == "text" {
		err = t.sum(s, colors, sc, failed, run, s.now().Sub(began))
	}
	return failed, run, err
}

// show writes the result of a test.
func (t *testFlags) show(s *streams, colors *theme.Theme, sc *scenario.Scenario, r *cases.Result, took time.Duration) error {
	passed := len(r.Failures) == 0
	switch {
	case t.output.value == "json":
		failures := r.Failures
		if failures == nil {
			failures = []cases.Failure{}
		}
		return printJSON(s.out, struct {
			Test     string          `json:"test"`
			Topology string          `json:"topology"`
			File     string          `json:"file"`
			Line     int             `json:"line"`
			Passed   bool            `json:"passed"`
			Micros   int64           `json:"microseconds"`
			Only     string          `json:"only,omitempty"`
			Failures []cases.Failure `json:"failures"`
		}{r.Test.Name, r.Test.Topology, sc.File, r.Test.Pos.Line, passed, took.Microseconds(), r.Only, failures}, "")
	case passed && t.verbose:
		return s.outf("--- PASS: %s (%s, %s)\n", r.Test.Name, r.Test.Topology, seconds(took))
	case passed:
		return nil
	}
	return r.WriteText(s.out, sc.File, colors)
}

// sum writes a file's last line.
func (t *testFlags) sum(s *streams, colors *theme.Theme, sc *scenario.Scenario, failed, run int, took time.Duration) error {
	word, color, counts := "ok  ", colors.Good, many(int64(run), "test")
	switch {
	case len(sc.Tests) == 0:
		return s.outf("?     %s  no tests\n", sc.File)
	case run == 0:
		word, color, counts = "?   ", colors.Dim, "no tests to run"
	case failed > 0:
		word, color = "FAIL", colors.Critical
		counts += fmt.Sprintf(", %d failed", failed)
	}
	if _, err := io.WriteString(s.out, color+word+colors.Reset); err != nil {
		return err
	}
	return s.outf("  %s  %s, %s\n", sc.File, counts, seconds(took))
}

// seconds returns a time as tests show it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
