package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/termsafe"
	"inv/producer"

	"github.com/spf13/cobra"
)

func scenariosSchemaOf(s *streams, f *sharedFlags) *cobra.Command {
	output := choice{choices: []string{"avsc", "proto", "jsonschema"}}
	key := false
	cmd := &cobra.Command{
		Use:   "schema-of TOPIC",
		Short: "Print the schema of a topic's records",
		Long: `Print the schema of a topic of --scenario, by its alias or name: as it is derived
from what the scenario says of the fields, or the file that the topic's format names.
A topic without a format has a derived schema, too. Nothing is registered.`,
		Example: `  inv scenarios schema-of orders
  inv scenarios schema-of orders -o proto > order.proto
  inv scenarios schema-of orders --key --scenario mine.yaml`,
		Args:              oneArgument("which topic? its alias or its name"),
		ValidArgsFunction: f.completeShaped,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			t, err := topicNamed(sc, args[0], f.appID)
			if err != nil {
				return err
			}
			text, err := schemaText(producer.NewShapes(sc), t, key, output.value)
			if err != nil {
				return err
			}
			_, err = termsafe.NewWriter(s.out).Write(text)
			return err
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "an Avro schema, a Protobuf file or a JSON Schema; by default as the topic's format, else avsc")
	cmd.Flags().BoolVar(&key, "key", false, "the schema of the keys")
	return cmd
}

// topicNamed returns the topic with an alias or a name on the broker.
func topicNamed(sc *scenario.Scenario, name, app string) (scenario.Topic, error) {
	if t, ok := sc.Topic(name); ok {
		return t, nil
	}
	var known []string
	for _, t := range sc.Topics {
		if t.NameFor(app) == name && len(t.DeadLettersOf) == 0 {
			return t, nil
		}
		known = append(known, t.Alias)
	}
	return scenario.Topic{}, usagef("scenario %s has no topic %q%s", sc.Name, name, cmp.Or(suggest.DidYouMean(name, known), "; it has "+strings.Join(known, ", ")))
}

// schemaText returns the schema of a topic's values or keys for reading, in the form of an
// -o flag; "" is the topic's own.
func schemaText(shapes *producer.Shapes, t scenario.Topic, key bool, output string) ([]byte, error) {
	if len(t.DeadLettersOf) > 0 || t.Internal {
		return nil, usagef("%s is no topic with a schema: dead letters keep the bytes of their records, and internal topics are the processor's own", t.Alias)
	}
	own := t.Format
	if key {
		own = t.KeyFormat
	}
	form := map[string]registry.Form{"avsc": registry.Avro, "proto": registry.Protobuf, "jsonschema": registry.JSONSchema}[output]
	if output == "" {
		form = registry.Form(cmp.Or(own.Name, string(registry.Avro)))
	}
	source, err := topicSchema(shapes, t, key, form)
	if err != nil {
		return nil, err
	}
	text := []byte(source.Text)
	if own.File == "" && form != registry.Protobuf {
		var indented bytes.Buffer
		if json.Indent(&indented, text, "", "  ") == nil {
			text = indented.Bytes()
		}
	}
	return append(bytes.TrimRight(text, "\n"), '\n'), nil
}

// completeShaped completes the aliases of topics whose records have a schema.
func (f *sharedFlags) completeShaped(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || f.resolve(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	sc, err := f.loadScenario(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	shapes := producer.NewShapes(sc)
	for _, t := range sc.Topics {
		if _, err := topicShape(shapes, t.Alias, false); err == nil || t.Format.File != "" {
			words = append(words, t.Alias)
		}
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}
