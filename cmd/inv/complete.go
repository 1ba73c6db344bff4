package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/producer"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Completion ignores errors, since a shell has no place for them, and offers what it
// knows: the scenario's names without a broker, for example.

// completeWithin bounds the wait for a broker.
const completeWithin = 2 * time.Second

// typable returns the words that are safe for the terminal of the shell, which would
// show and insert the others as they are. Descriptions are made safe.
func typable(words []cobra.Completion) []cobra.Completion {
	var safe []cobra.Completion
	for _, w := range words {
		word, about, described := strings.Cut(w, "\t")
		switch {
		case termsafe.String(word) != word:
		case described:
			safe = append(safe, cobra.CompletionWithDesc(word, termsafe.String(about)))
		default:
			safe = append(safe, word)
		}
	}
	return safe
}

// completeAliases completes the scenario's aliases.
func (f *sharedFlags) completeAliases(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return typable(f.aliases(cmd)), cobra.ShellCompDirectiveNoFileComp
}

// completeTopics completes aliases and the topics of a broker that answers. A word that
// is both is the topic.
func (f *sharedFlags) completeTopics(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := f.aliases(cmd)
	f.ask(cmd, func(ctx context.Context, c *admin.Client) {
		if topics, err := c.PartitionCounts(ctx); err == nil {
			words = slices.DeleteFunc(words, func(word cobra.Completion) bool {
				alias, _, _ := strings.Cut(word, "\t")
				_, exists := topics[alias]
				return exists
			})
			words = slices.AppendSeq(words, maps.Keys(topics))
			hidden, err := f.hiddenTopics(ctx, c, f.knownScenario(cmd), func(string) bool { return true })
			if err == nil && len(hidden) > 0 {
				words = cobra.AppendActiveHelp(words, (&hiddenError{"topics may be missing", hidden}).Error())
			}
		}
	})
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

// completeGroups completes the consumer groups of a broker that answers.
func (f *sharedFlags) completeGroups(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	f.ask(cmd, func(ctx context.Context, c *admin.Client) {
		groups, err := c.Groups(ctx)
		for _, g := range groups {
			words = append(words, g.Name)
		}
		if all, asked := c.MayListAll(ctx); err == nil && asked == nil && !all {
			words = cobra.AppendActiveHelp(words, "only groups that this user may Describe; with Describe on the cluster, all")
		}
	})
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

// completeProducers completes the scenario's producers.
func (f *sharedFlags) completeProducers(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return typable(producer.Runnable(f.knownScenario(cmd))), cobra.ShellCompDirectiveNoFileComp
}

// completeScenarios completes shipped scenarios and files.
func completeScenarios(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return shippedScenarios(), cobra.ShellCompDirectiveDefault
}

// completeTopologies completes the processor's topologies and those that the scenario
// declares.
func (f *sharedFlags) completeTopologies(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, t := range topologiesOf(f.knownScenario(cmd)) {
		if !slices.Contains(given, t.Name) {
			about, _, _ := strings.Cut(strings.TrimSpace(t.About), "\n")
			words = append(words, cobra.CompletionWithDesc(t.Name, about))
		}
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

// completeDeclared completes one topology that the scenario declares.
func (f *sharedFlags) completeDeclared(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, t := range f.knownScenario(cmd).Topologies {
		if !t.BuiltIn && len(given) == 0 {
			about, _, _ := strings.Cut(strings.TrimSpace(t.About), "\n")
			words = append(words, cobra.CompletionWithDesc(t.Name, about))
		}
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

// completeProfiles completes the profiles of inv.yaml.
func (f *sharedFlags) completeProfiles(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	_ = flagsFromEnvironment(cmd.Flags(), f.getenv)
	_, profiles, _ := f.savedProfiles(cmd.Context())
	var words []cobra.Completion
	for _, p := range profiles {
		words = append(words, p.Name)
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

func completeProperties(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, p := range kafka.Properties() {
		words = append(words, cobra.CompletionWithDesc(p.Name+"=", p.Takes))
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeFlags registers the completion of shared flags and of each [choice].
func (f *sharedFlags) completeFlags(root *cobra.Command) error {
	completeInPlainBash(root)
	for flag, complete := range map[string]cobra.CompletionFunc{
		"scenario": completeScenarios,
		"profile":  f.completeProfiles,
		"property": completeProperties,
		"color":    cobra.FixedCompletions([]cobra.Completion{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp),
		"brokers":  cobra.NoFileCompletions,
		"app-id":   cobra.NoFileCompletions,
	} {
		if err := root.RegisterFlagCompletionFunc(flag, complete); err != nil {
			return err
		}
	}
	var failed error
	each(root, func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			words, ok := flag.Value.(*choice)
			if _, has := cmd.GetFlagCompletionFunc(flag.Name); !ok || has {
				return
			}
			complete := cobra.FixedCompletions(words.choices, cobra.ShellCompDirectiveNoFileComp)
			if err := cmd.RegisterFlagCompletionFunc(flag.Name, complete); err != nil {
				failed = err
			}
		})
	})
	return failed
}

// plainBash defines a function of the bash-completion package that the script for
// bash calls, in case the package is not installed.
const plainBash = `if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref() {
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD-1]}
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
    }
fi

`

// completeInPlainBash makes the script for bash work without bash-completion.
func completeInPlainBash(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	if bash, _, err := root.Find([]string{"completion", "bash"}); err == nil {
		bash.PreRun = func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), plainBash) }
	}
}

// knownScenario returns the scenario, an empty one if it can't be read.
func (f *sharedFlags) knownScenario(cmd *cobra.Command) *scenario.Scenario {
	if f.resolve(cmd) == nil {
		if sc, err := f.loadScenario(cmd.Context()); err == nil {
			return sc
		}
	}
	return &scenario.Scenario{}
}

func (f *sharedFlags) aliases(cmd *cobra.Command) []cobra.Completion {
	var words []cobra.Completion
	for _, t := range f.knownScenario(cmd).Topics {
		words = append(words, cobra.CompletionWithDesc(t.Alias, t.NameFor(f.appID)))
	}
	return words
}

// ask calls question if a broker answers.
func (f *sharedFlags) ask(cmd *cobra.Command, question func(context.Context, *admin.Client)) {
	if f.resolve(cmd) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	_ = f.withAdmin(ctx, func(c *admin.Client) error { question(ctx, c); return nil })
}
