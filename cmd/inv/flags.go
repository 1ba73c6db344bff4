package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/scenarios"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sharedFlags are the flags that every command has.
type sharedFlags struct {
	brokers  []string
	scenario string
	appID    string
	color    string

	named    bool // --brokers or --profile is on the command line
	resolved bool // resolve succeeded

	profile    string
	config     string
	properties propertyFlag

	getenv   func(string) string
	options  []kgo.Opt
	registry *kafka.Registry // the profile's; nil if it has none
}

// appIDForm matches what the names of topics can begin with.
var appIDForm = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,150}$`)

// defaultScenario is the scenario unless another is given.
const defaultScenario = "inventory"

// defaultAppID is the application id unless another is given.
const defaultAppID = "inv"

func (f *sharedFlags) register(fs *pflag.FlagSet) {
	fs.StringSliceVarP(&f.brokers, "brokers", "b", []string{"127.0.0.1:9092"}, "bootstrap addresses, each `HOST:PORT`, separated by commas")
	fs.StringVar(&f.scenario, "scenario", defaultScenario, "the `NAME` of a shipped scenario, or a file")
	fs.StringVar(&f.appID, "app-id", defaultAppID, "the application `ID`, the prefix of internal topics, groups and transactional ids")
	fs.StringVar(&f.color, "color", "auto", "`WHEN` the output has colours: auto, always or never")
	fs.StringVar(&f.profile, "profile", "", "the `NAME` of a cluster in inv.yaml")
	fs.StringVar(&f.config, "config", "", "the `FILE` to read instead of inv.yaml; by default the current folder's, then "+userConfig("$XDG_CONFIG_HOME"))
	fs.VarP(&f.properties, "property", "X", "a Kafka client property, NAME=VALUE; repeatable; -X list shows all")
}

// resolve completes the parsed flags: those missing on the command line come from
// the environment, then from the profile.
func (f *sharedFlags) resolve(cmd *cobra.Command) error {
	f.named = cmd.Flags().Changed("brokers") || cmd.Flags().Changed("profile")
	if err := flagsFromEnvironment(cmd.Flags(), f.getenv); err != nil {
		return err
	}
	if err := checkGiven(cmd.Flags()); err != nil {
		return err
	}
	if f.color != "auto" && f.color != "always" && f.color != "never" {
		return usagef("--color %q: use auto, always or never", f.color)
	}
	if !appIDForm.MatchString(f.appID) {
		return usagef("--app-id %q: use letters, digits, ., _ and -, up to 150 of them, since topics are named by it", f.appID)
	}
	if err := f.applyProfile(cmd.Context(), cmd.Flags().Changed("brokers")); err != nil {
		return err
	}
	options, err := kafka.ParseProperties(f.properties)
	if err != nil {
		return usageError{err}
	}
	f.options = append(f.options, options...)
	f.resolved = true
	return nil
}

// environmentName returns the variable of a flag: --lead-time is INV_LEAD_TIME.
func environmentName(flag string) string {
	return "INV_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsFromEnvironment sets the flags that are not on the command line.
func flagsFromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		value := getenv(environmentName(f.Name))
		if f.Changed || value == "" || f.Name == "help" || f.Name == "version" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil && first == nil {
			first = fmt.Errorf("%s: %w", environmentName(f.Name), badValue(flags, err))
		}
	})
	return first
}

func (f *sharedFlags) kafka() kafka.Config {
	return kafka.Config{Brokers: f.brokers, Options: f.options}
}

// loadScenario reads --scenario.
func (f *sharedFlags) loadScenario(ctx context.Context) (*scenario.Scenario, error) {
	return f.loadNamed(ctx, f.scenario)
}

// loadNamed reads a shipped scenario of that name, otherwise a file.
func (f *sharedFlags) loadNamed(ctx context.Context, name string) (*scenario.Scenario, error) {
	if source, err := scenarios.Files.ReadFile(name + ".yaml"); err == nil {
		return parseShipped(name, source)
	}
	source, err := readFile(ctx, name)
	if err == nil {
		sc, problems := checkScenario(ctx, name, source, f.appID, schemaFiles(ctx, name))
		if len(problems) > 0 {
			var secrets []string
			if sc != nil {
				secrets = sc.Secrets()
			}
			return nil, newInvalidScenario(source, problems, secrets)
		}
		return sc, nil
	}
	if strings.ContainsRune(name, filepath.Separator) || filepath.Ext(name) != "" {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	names := shippedScenarios()
	return nil, usagef("there is no shipped scenario %q and no such file%s",
		name, cmp.Or(suggest.DidYouMean(name, names), "; there are "+strings.Join(names, ", ")))
}

// parseShipped parses a shipped scenario, whose schema files are shipped, too.
func parseShipped(name string, source []byte) (*scenario.Scenario, error) {
	sc, err := scenario.Parse(name+".yaml", source)
	if err != nil {
		return nil, err
	}
	if problems := sc.LoadSchemas(scenarios.Files.ReadFile); len(problems) > 0 {
		return nil, problems
	}
	return sc, nil
}

func shippedScenarios() (names []string) {
	entries, _ := scenarios.Files.ReadDir(".") // embedded: it can't fail
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}
