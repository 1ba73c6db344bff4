package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/declared"
	"inv/processor/explain"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
)

func scenariosExplain(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "dot", "mermaid")
	cmd := &cobra.Command{
		Use:   "explain [FILE|NAME] [TOPOLOGY|SINK…]",
		Short: "Show what a scenario's topologies and sinks do: stages, topics, state, receivers",
		Long: `Show the stages of a scenario's topologies, the topics that they read and write,
and for declared ones the state, time, timers, outputs, and which expressions are
compiled; and where its sinks deliver to. With -o dot or -o mermaid, a picture of
the way from topic to topic, and out of Kafka.
Without a file or a name it is the scenario of --scenario.`,
		Example: `  inv scenarios explain
  inv scenarios explain mine.yaml fraud
  inv scenarios explain inventory -o dot | dot -Tsvg > inventory.svg
  inv scenarios explain mine.yaml -o mermaid >> README.md`,
		ValidArgsFunction: f.completeScenarioThenTopologies,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, names, err := f.scenarioAndNames(cmd.Context(), args)
			if err != nil {
				return err
			}
			topologies, programs, sinks, err := explained(sc, names)
			if err != nil {
				return err
			}
			switch output.value {
			case "dot":
				_, err = io.WriteString(s.out, explain.DOT(sc, f.appID, topologies, sinks))
			case "mermaid":
				_, err = io.WriteString(s.out, explain.Mermaid(sc, f.appID, topologies, sinks))
			default:
				err = explain.Text(s.out, sc, f.appID, topologies, programs, sinks, theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv))
			}
			return err
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "text, or a picture in Graphviz's or Mermaid's language")
	return cmd
}

// scenarioAndNames reads the scenario that the first argument names, or --scenario if it
// is the name of one of its topologies or sinks, or missing. The other arguments are names.
func (f *sharedFlags) scenarioAndNames(ctx context.Context, args []string) (*scenario.Scenario, []string, error) {
	if len(args) == 0 {
		sc, err := f.loadScenario(ctx)
		return sc, nil, err
	}
	sc, err := f.loadNamed(ctx, args[0])
	if err == nil || !errors.As(err, new(usageError)) {
		return sc, args[1:], err
	}
	if other, otherErr := f.loadScenario(ctx); otherErr == nil && (other.Topology(args[0]) != nil || other.Sink(args[0]) != nil) {
		return other, args, nil
	}
	return nil, nil, err
}

// explained returns topologies and sinks of a scenario, all without names, and the programs
// of the declared topologies.
func explained(sc *scenario.Scenario, names []string) (topologies []processor.Topology, programs map[string]*declared.Program, sinks []*scenario.Sink, err error) {
	known := sinkNames(sc)
	for i := range sc.Topologies {
		known = append(known, sc.Topologies[i].Name)
	}
	if len(known) == 0 {
		return nil, nil, nil, usagef("scenario %s has no topologies and no sinks", sc.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, nil, nil, usagef("scenario %s has no topology or sink %q (it has %s)%s", sc.Name, name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
		}
	}
	for i := range sc.Sinks {
		if len(names) == 0 || slices.Contains(names, sc.Sinks[i].Name) {
			sinks = append(sinks, &sc.Sinks[i])
		}
	}
	topologies, programs, err = explainedTopologies(sc, names)
	return topologies, programs, sinks, err
}

func explainedTopologies(sc *scenario.Scenario, names []string) (topologies []processor.Topology, programs map[string]*declared.Program, err error) {
	all, err := builtin.Of(sc, inventory.Options{})
	if err != nil {
		return nil, nil, err
	}
	programs = map[string]*declared.Program{}
	for i := range sc.Topologies {
		t := &sc.Topologies[i]
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		at := slices.IndexFunc(all, func(b processor.Topology) bool { return b.Name == t.Name })
		if at < 0 {
			return nil, nil, fmt.Errorf("the program has no topology %q", t.Name)
		}
		topologies = append(topologies, all[at])
		if !t.BuiltIn {
			programs[t.Name], _ = declared.Compile(sc, t) // it was compiled before
		}
	}
	return topologies, programs, nil
}

// completeScenarioThenTopologies completes a scenario, and then its topologies and sinks.
func (f *sharedFlags) completeScenarioThenTopologies(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return shippedScenarios(), cobra.ShellCompDirectiveDefault
	}
	if f.resolve(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	if sc, _, err := f.scenarioAndNames(cmd.Context(), args[:1]); err == nil {
		for i := range sc.Topologies {
			words = append(words, sc.Topologies[i].Name)
		}
		words = append(words, sinkNames(sc)...)
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}
