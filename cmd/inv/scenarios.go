package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"inv/inspect"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor/builtin"
	"inv/processor/declared/cases"
	"inv/processor/forward/compose"
	"inv/producer"
	"inv/scenarios"

	"github.com/spf13/cobra"
)

func scenariosCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenarios",
		Short: "List, show, validate, test and explain scenarios",
		Long: `A scenario is a YAML file: its topics, the producers that fill them and how they
are shown. Copy a shipped one, edit it, and name it with --scenario.`,
		Example: `  inv scenarios show inventory > mine.yaml
  inv scenarios validate mine.yaml
  inv produce orders --scenario mine.yaml`,
	}
	cmd.AddCommand(scenariosList(s), scenariosShow(s), scenariosValidate(s, f), scenariosTest(s, f), scenariosExplain(s, f), scenariosSchema(s), scenariosSchemaOf(s, f))
	return cmd
}

func scenariosList(s *streams) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:   "list",
		Short: "List the shipped scenarios with their producers",
		Args:  noArguments,
	}, func(_ context.Context, _ []string, format string) error {
		table := rows{header: []string{"SCENARIO", "PRODUCERS", "ABOUT"}}
		for _, name := range shippedScenarios() {
			source, err := scenarios.Files.ReadFile(name + ".yaml")
			if err != nil {
				return fmt.Errorf("reading the shipped scenario %s: %w", name, err)
			}
			sc, err := parseShipped(name, source)
			if err != nil {
				return err
			}
			about, _, _ := strings.Cut(strings.TrimSpace(sc.About), "\n")
			table.add(name, producerNames(sc), about)
		}
		return table.write(s, format)
	})
}

func producerNames(sc *scenario.Scenario) string {
	return strings.Join(producer.Runnable(sc), ", ")
}

func scenariosShow(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Print the file of a shipped scenario",
		Args:              oneArgument("which scenario? see `inv scenarios list`"),
		ValidArgsFunction: completeScenarios,
		RunE: func(_ *cobra.Command, args []string) error {
			source, err := scenarios.Files.ReadFile(args[0] + ".yaml")
			if err != nil {
				names := shippedScenarios()
				return usagef("there is no shipped scenario %q%s", args[0],
					cmp.Or(suggest.DidYouMean(args[0], names), "; there are "+strings.Join(names, ", ")))
			}
			_, err = s.out.Write(source)
			return err
		},
	}
}

func scenariosValidate(s *streams, f *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Report every problem of a scenario file, with line and column",
		Args:  someArguments("which file?"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []error
			for _, file := range args {
				problems, notes, err := validate(cmd.Context(), file, f.appID)
				if err != nil {
					return err
				}
				for _, note := range notes {
					s.errf("%v\n", note)
				}
				if len(problems) == 0 {
					s.errf("%s is valid\n", file)
				}
				all = append(all, problems...)
			}
			for _, p := range all {
				s.outf("%v\n", p)
			}
			if len(all) > 0 {
				return exitError{code: exitUsage, err: errors.New(many(int64(len(all)), "problem"))}
			}
			return nil
		},
	}
}

// validate returns the problems of a file, or of a shipped scenario, as they are shown, and
// notes on what is no mistake.
func validate(ctx context.Context, file, app string) (problems []error, notes scenario.Problems, err error) {
	source, err := readFile(ctx, file)
	read := schemaFiles(ctx, file)
	if shipped, notShipped := scenarios.Files.ReadFile(file + ".yaml"); err != nil && notShipped == nil {
		source, read = shipped, scenarios.Files.ReadFile
	} else if err != nil {
		return nil, nil, fmt.Errorf("reading the scenario: %w", err)
	}
	sc, all := checkScenario(ctx, file, source, app, read)
	var secrets []string
	if sc != nil {
		secrets = sc.Secrets()
		all = append(all, builtin.CheckNames(sc)...)
		all.Sort()
		notes = append(builtin.Cycles(sc), sc.Notes()...)
	}
	return newInvalidScenario(source, all, secrets).shown, notes, nil
}

// checkScenario parses a scenario and returns all problems of its grammar, schemas,
// producers, topologies, sinks and views, in the order of each file. read reads a schema's file.
func checkScenario(ctx context.Context, file string, source []byte, app string, read func(path string) ([]byte, error)) (*scenario.Scenario, scenario.Problems) {
	sc, problems := scenario.Read(file, source)
	if sc == nil {
		return nil, problems
	}
	problems = append(problems, sc.LoadSchemas(read)...)
	problems = append(problems, producer.Check(sc)...)
	problems = append(problems, builtin.Check(sc)...)
	problems = append(problems, cases.Check(sc)...)
	problems = append(problems, compose.Check(sc)...)
	problems = append(problems, checkSchemas(ctx, sc)...)
	var views scenario.Problems
	if _, err := inspect.Views(sc, app); errors.As(err, &views) {
		problems = append(problems, views...)
	}
	problems.Sort()
	return sc, problems
}

func scenariosSchema(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the grammar as a JSON Schema, for editors",
		Example: `  inv scenarios schema > inv.schema.json
  # then, as the first line of mine.yaml:
  # yaml-language-server: $schema=inv.schema.json`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			return printJSON(s.out, scenario.JSONSchema(), "  ")
		},
	}
}
