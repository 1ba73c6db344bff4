package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"inv/inspect/score"
	"inv/internal/envelope"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/theme"

	"github.com/spf13/cobra"
)

// scoreFlags are the flags of `inv score`.
type scoreFlags struct {
	label, id, kind             string
	from, outputs               []string
	leastPrecision, leastRecall percentage
	output                      choice
	registry                    registryFlags
}

// percentage is a flag that takes one above 0; 0 without it.
type percentage float64

func (p *percentage) String() string {
	if *p == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*p), 'g', -1, 64)
}

func (p *percentage) Type() string { return "PERCENT" }

func (p *percentage) Set(value string) error {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(value, "%")), 64)
	if err != nil || !(n > 0 && n <= 100) {
		return errors.New("it takes a percentage above 0, up to 100")
	}
	*p = percentage(n)
	return nil
}

func scoreCommand(s *streams, f *sharedFlags) *cobra.Command {
	p := &scoreFlags{output: newChoice("text", "json")}
	cmd := &cobra.Command{
		Use:   "score [TOPOLOGY]",
		Short: "Precision and recall of a detection, by labels of its inputs",
		Long: `Compare what a topology found with labels of its inputs. An input that is to be
found has a header, by default label, whose value says what it is, such as
velocity or outlier; the generator of the inventory scenario writes it. An output
names what it found by an id that the input has, too, and may claim which label
it is.

It reads the topology's topics up to their ends now; process the inputs first,
as with inv process fraud --drain. With --from it reads files instead, inputs and
outputs alike.

Exit status: 0, or 1 if precision or recall is below --min-precision or
--min-recall.`,
		Example: `  inv score fraud
  inv score fraud --min-precision 90 --min-recall 80
  inv score fraud --from orders.jsonl --from alerts.jsonl`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: f.completeDeclared,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			t, err := scoredTopology(sc, args)
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), s, f, sc, t)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.label, "label", "label", "the `HEADER` of inputs that has the label")
	flags.StringVar(&p.id, "id", "order_id", "the `FIELD` with the id, in inputs and outputs; one in another has dots")
	flags.StringVar(&p.kind, "kind", "reasons", "the `FIELD` of outputs with the labels that they claim, one or a list")
	flags.StringSliceVar(&p.outputs, "outputs", nil, "the outputs that count, by `ALIAS`; by default all that the topology writes")
	flags.StringArrayVar(&p.from, "from", nil, "read this `FILE` instead of topics, lines of inv produce --envelope, inv tail -o json or inv process --from; - is stdin; repeatable")
	flags.Var(&p.leastPrecision, "min-precision", "fail below this `PERCENT`")
	flags.Var(&p.leastRecall, "min-recall", "fail below this `PERCENT`")
	p.registry.reads(flags)
	flags.VarP(&p.output, "output", "o", "the output format")
	return cmd
}

// scoredTopology returns the declared topology that is named, or the only one.
func scoredTopology(sc *scenario.Scenario, names []string) (*scenario.Topology, error) {
	known := sc.Declared()
	switch {
	case len(known) == 0:
		return nil, usagef("scenario %s declares no topologies, and only those can be scored", sc.Name)
	case len(names) == 0 && len(known) > 1:
		return nil, usagef("which topology? scenario %s declares %s", sc.Name, strings.Join(known, ", "))
	case len(names) == 0:
		names = known
	}
	t := sc.Topology(names[0])
	if t == nil || t.BuiltIn {
		return nil, usagef("scenario %s declares no topology %q (it declares %s)%s", sc.Name, names[0], strings.Join(known, ", "), suggest.DidYouMean(names[0], known))
	}
	return t, nil
}

func (p *scoreFlags) run(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, t *scenario.Topology) error {
	outputs := t.Writes()
	for _, alias := range p.outputs {
		if !slices.Contains(outputs, alias) {
			return usagef("--outputs %s: topology %s writes %s%s", alias, t.Name, strings.Join(outputs, ", "), suggest.DidYouMean(alias, outputs))
		}
	}
	if len(p.outputs) > 0 {
		outputs = p.outputs
	}
	var inputs []string
	for i := range t.From {
		inputs = append(inputs, t.From[i].Alias)
	}
	tally := score.New(score.Options{Label: p.label, ID: p.id, Kind: p.kind})
	in, out := topicNames(sc, f.appID, inputs), topicNames(sc, f.appID, outputs)
	var err error
	if len(p.from) > 0 {
		err = p.readFiles(ctx, s, tally, in, out)
	} else {
		err = p.readTopics(ctx, s, f, sc, inputs, outputs, tally)
	}
	if err != nil {
		return err
	}
	r := tally.Result()
	if err := p.write(s, f, &r); err != nil {
		return err
	}
	p.hints(s, &r, in, out)
	return p.enough(&r)
}

// topicNames returns the names on the broker of aliases.
func topicNames(sc *scenario.Scenario, app string, aliases []string) (names []string) {
	for _, alias := range aliases {
		names = append(names, sc.TopicNames(alias, app)...)
	}
	return names
}

// readTopics adds the records of topics.
func (p *scoreFlags) readTopics(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, inputs, outputs []string, tally *score.Tally) error {
	schemas, err := f.topics(ctx, s, sc, topicUse{reads: append(slices.Clone(inputs), outputs...)}, p.registry)
	if err != nil {
		return err
	}
	missing, err := tally.Topics(ctx, f.kafka(), schemas, topicNames(sc, f.appID, inputs), topicNames(sc, f.appID, outputs))
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("there is no topic %s", strings.Join(missing, ", nor "))
	}
	return err
}

// readFiles adds the records of files.
func (p *scoreFlags) readFiles(ctx context.Context, s *streams, tally *score.Tally, in, out []string) error {
	for _, name := range p.from {
		if err := p.readFile(ctx, s, name, func(r *envelope.Record) error {
			switch {
			case r.Topic == "":
				return fmt.Errorf(`it has no "topic"`)
			case slices.Contains(in, r.Topic):
				tally.Input(r.Headers, r.Value)
			case slices.Contains(out, r.Topic):
				tally.Output(r.Value)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (p *scoreFlags) readFile(ctx context.Context, s *streams, name string, use func(*envelope.Record) error) error {
	in := s.in
	if name != "-" && name != "/dev/stdin" {
		file, err := openUntil(ctx, name)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		defer file.Close()
		in = io.Reader(file)
	}
	if err := envelope.Read(ctx, in, use); err != nil {
		return fmt.Errorf("--from %s: %w", name, err)
	}
	return nil
}

func (p *scoreFlags) write(s *streams, f *sharedFlags, r *score.Result) error {
	if p.output.value == "json" {
		return printJSON(s.out, r, "  ")
	}
	return r.WriteText(s.out, theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv))
}

// hints says what may be missing.
func (p *scoreFlags) hints(s *streams, r *score.Result, in, out []string) {
	switch {
	case r.Inputs == 0:
		s.errf("inv score: there is no record of %s\n", strings.Join(in, ", "))
	case r.Labelled == 0:
		s.errf("inv score: no input has the header %s and the field %s; --label and --id name others\n", p.label, p.id)
	case r.Outputs == 0:
		s.errf("inv score: there is no record of %s; were the inputs processed?\n", strings.Join(out, ", "))
	}
	if r.Nameless > 0 {
		s.errf("inv score: %s without the field %s; --id names another\n", records(r.Nameless), p.id)
	}
}

// enough fails if too little is right.
func (p *scoreFlags) enough(r *score.Result) error {
	for _, v := range []struct {
		name  string
		least percentage
		share *float64
	}{{"precision", p.leastPrecision, r.Precision}, {"recall", p.leastRecall, r.Recall}} {
		if v.least > 0 && (v.share == nil || 100**v.share < float64(v.least)) {
			return exitError{exitFailed, fmt.Errorf("the %s is below --min-%s %s", v.name, v.name, v.least.String())}
		}
	}
	return nil
}
