package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"inv/internal/deadletter"
	"inv/internal/event"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/termsafe"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func dlqCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "List, show and replay dead letters",
		Long: `Records that can't be processed go to the dead-letter topic of their topic, byte
for byte, with the reason in headers. These commands list them, show one, and
replay them once the cause is fixed.

A dead letter is named by topic, partition and offset: order_events.dlq/3@17.`,
	}
	cmd.AddCommand(dlqListCommand(s, f), dlqShowCommand(s, f), dlqReplayCommand(s, f))
	return cmd
}

// dlqFlags choose dead letters.
type dlqFlags struct {
	reasons []string
	filter  string
}

func (d *dlqFlags) register(fs *pflag.FlagSet) {
	fs.StringSliceVar(&d.reasons, "reason", nil, "only those refused for this `REASON`, such as unknown-product")
	fs.StringVar(&d.filter, "filter", "", "only those for whose value this jq condition holds; $headers has their headers")
}

// reasons are all that a processor of these records gives.
var reasons = []event.Reason{
	event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice, event.NegativeTotal,
	event.NegativeNumber, event.OutOfRange, event.TotalMismatch, event.KeyMismatch, event.UnknownVersion, event.UnknownProduct, event.TooLarge,
}

// choose reads the command line's choice: the dead-letter topics to look into
// and the filter. An argument is a place, an alias, or the name of a topic or of
// its dead-letter topic.
func (d *dlqFlags) choose(sc *scenario.Scenario, app string, args []string) (topics []string, f deadletter.Filter, err error) {
	known := map[string][]string{}
	var all []string
	for _, t := range sc.Topics {
		for _, of := range t.DeadLettersOf {
			for _, name := range sc.TopicNames(of, app) {
				dead := []string{name + ".dlq"}
				known[of], known[name], known[name+".dlq"] = dead, dead, dead
				all = append(all, dead[0])
			}
		}
		if len(t.DeadLettersOf) > 0 {
			known[t.Alias] = sc.TopicNames(t.Alias, app)
		}
	}
	for _, arg := range args {
		if strings.Contains(arg, "/") {
			place, err := event.ParsePlace(arg)
			if err != nil {
				return nil, f, usagef("%q is no place such as order_events.dlq/3@17", arg)
			}
			f.Places = append(f.Places, place)
			topics = append(topics, place.Topic)
			continue
		}
		names, ok := known[arg]
		if !ok {
			return nil, f, usagef("%q has no dead letters%s", arg, suggest.DidYouMean(arg, slices.Sorted(maps.Keys(known))))
		}
		topics = append(topics, names...)
	}
	if len(args) == 0 {
		topics = all
	}
	slices.Sort(topics)
	if f.Reasons, err = knownReasons(d.reasons); err != nil {
		return nil, f, err
	}
	if f.Match, err = deadletter.CompileFilter(d.filter); err != nil {
		return nil, f, usagef("--filter: %v", err)
	}
	return slices.Compact(topics), f, nil
}

func knownReasons(words []string) (chosen []event.Reason, err error) {
	known := map[string]bool{}
	for _, r := range reasons {
		known[string(r)] = true
	}
	for _, w := range words {
		if !known[w] {
			return nil, usagef("there is no reason %q%s", w, suggest.DidYouMean(w, slices.Sorted(maps.Keys(known))))
		}
		chosen = append(chosen, event.Reason(w))
	}
	return chosen, nil
}

func dlqListCommand(s *streams, f *sharedFlags) *cobra.Command {
	var d dlqFlags
	output := newChoice("text", "json")
	var last int
	cmd := &cobra.Command{
		Use:   "list [TOPIC…]",
		Short: "List dead letters, the oldest first",
		Example: `  inv dlq list
  inv dlq list orders --reason unknown-product
  inv dlq list -n 0 -o json | jq -r .reason | sort | uniq -c`,
		ValidArgsFunction: f.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withLetters(cmd.Context(), &d, args, func(c *deadletter.Client, topics []string, filter deadletter.Filter) error {
				return listLetters(cmd.Context(), s, c, topics, filter, last, output.value)
			})
		},
	}
	d.register(cmd.Flags())
	cmd.Flags().IntVarP(&last, "last", "n", 50, "how many of the latest; 0: all")
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

// withLetters connects and reads the choice.
func (f *sharedFlags) withLetters(ctx context.Context, d *dlqFlags, args []string, use func(*deadletter.Client, []string, deadletter.Filter) error) error {
	sc, err := f.loadScenario()
	if err != nil {
		return err
	}
	topics, filter, err := d.choose(sc, f.appID, args)
	if err != nil {
		return err
	}
	c, err := deadletter.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer c.Close()
	return use(c, topics, filter)
}

// listLetters writes the latest letters. The values of the others are let go as
// they pass, so that a long list needs little memory.
func listLetters(ctx context.Context, s *streams, c *deadletter.Client, topics []string, filter deadletter.Filter, last int, format string) error {
	var letters []*deadletter.Letter
	total := 0
	order := func(a, b *deadletter.Letter) int { return a.Time.Compare(b.Time) }
	foreign, err := c.Read(ctx, topics, filter, func(l *deadletter.Letter) {
		total++
		letters = append(letters, l)
		if last > 0 && len(letters) >= 2*last+1000 {
			slices.SortStableFunc(letters, order)
			letters = append([]*deadletter.Letter(nil), letters[len(letters)-last:]...)
		}
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(letters, order)
	if last > 0 && len(letters) > last {
		letters = letters[len(letters)-last:]
	}
	out := rows{header: []string{"DEAD LETTER", "TIME", "FROM", "STAGE", "REASON", "MESSAGE"}}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	for _, l := range letters {
		if format == "json" {
			if err := encoder.Encode(letterJSON(l)); err != nil {
				return err
			}
			continue
		}
		out.add(l.At, l.Time.Local().Format(time.DateTime), l.From, l.Stage, l.Reason, l.Message)
	}
	if len(letters) < total {
		fmt.Fprintf(s.err, "The last %d of %d dead letters; -n 0 shows all.\n", len(letters), total)
	}
	noteForeign(s.err, foreign)
	if total == 0 {
		such := " such"
		if len(filter.Reasons)+len(filter.Places) == 0 && filter.Match == nil {
			such = ""
		}
		fmt.Fprintf(s.err, "There are no%s dead letters in %s.\n", such, strings.Join(topics, ", "))
	}
	if format == "json" || total == 0 {
		return nil
	}
	return out.write(s, format)
}

func noteForeign(w io.Writer, foreign int) {
	if foreign > 0 {
		fmt.Fprintf(w, "Passed over what is there and no dead letter: %d without the headers that say where it came from.\n", foreign)
	}
}

// letterFields is a dead letter as JSON.
type letterFields struct {
	At         string            `json:"at"`
	From       string            `json:"from"`
	Time       string            `json:"time"`
	Stage      string            `json:"stage"`
	Reason     event.Reason      `json:"reason"`
	Message    string            `json:"message"`
	Truncated  int               `json:"truncated,omitempty"`
	History    []string          `json:"history,omitempty"`
	Key        *string           `json:"key"`
	Headers    map[string]string `json:"headers,omitempty"`
	Value      any               `json:"value"`
	ValueBytes string            `json:"value_base64,omitempty"`
}

// letterJSON writes a value that is JSON as it is, another text as a string, and
// what is neither in base64.
func letterJSON(l *deadletter.Letter) letterFields {
	v := letterFields{
		At: l.At.String(), From: l.From.String(), Time: l.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		Stage: l.Stage, Reason: l.Reason, Message: l.Message, Truncated: l.Length, History: l.History,
	}
	if l.Key != nil {
		key := string(l.Key)
		v.Key = &key
	}
	for _, h := range l.Headers {
		if v.Headers == nil {
			v.Headers = map[string]string{}
		}
		v.Headers[h.Key] = string(h.Value)
	}
	switch {
	case json.Valid(l.Value):
		v.Value = json.RawMessage(l.Value)
	case utf8.Valid(l.Value):
		v.Value = string(l.Value)
	default:
		v.ValueBytes = base64.StdEncoding.EncodeToString(l.Value)
	}
	return v
}

func dlqShowCommand(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json", "raw")
	cmd := &cobra.Command{
		Use:   "show PLACE",
		Short: "Show one dead letter: why, from where, and its value",
		Example: `  inv dlq show order_events.dlq/3@17
  inv dlq show order_events.dlq/3@17 -o raw > order.json`,
		Args: oneArgument("which dead letter? inv dlq list has their places, such as order_events.dlq/3@17"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.Contains(args[0], "/") {
				return usagef("%q is no place such as order_events.dlq/3@17; inv dlq list has them", args[0])
			}
			return f.withLetters(cmd.Context(), &dlqFlags{}, args, func(c *deadletter.Client, topics []string, filter deadletter.Filter) error {
				var letter *deadletter.Letter
				_, err := c.Read(cmd.Context(), topics, filter, func(l *deadletter.Letter) { letter = l })
				if err != nil {
					return err
				}
				if letter == nil {
					return fmt.Errorf("there is no dead letter at %s; inv dlq list has those that there are", termsafe.String(args[0]))
				}
				return showLetter(s, letter, output.value)
			})
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "text, json, or raw: the value's bytes")
	return cmd
}

func showLetter(s *streams, l *deadletter.Letter, format string) error {
	switch {
	case format == "json":
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(letterJSON(l))
	case format == "raw" && !s.outTerminal:
		_, err := s.out.Write(l.Value)
		return err
	case format == "raw":
		fmt.Fprintln(s.out, termsafe.String(string(l.Value)))
		return nil
	}
	line := func(name, text string) { fmt.Fprintf(s.out, "%-9s %s\n", name, termsafe.String(text)) }
	line("letter", l.At.String())
	line("from", l.From.String())
	line("time", l.Time.Local().Format(time.RFC3339))
	line("stage", l.Stage)
	line("reason", string(l.Reason))
	line("message", l.Message)
	for _, h := range l.History {
		line("before", h)
	}
	if l.Key != nil {
		line("key", string(l.Key))
	}
	for _, h := range l.Headers {
		line("header", h.Key+": "+string(h.Value))
	}
	if l.Cut() {
		line("cut", fmt.Sprintf("to %d of %d bytes", len(l.Value), l.Length))
	}
	fmt.Fprintf(s.out, "\n%s\n", termsafe.String(string(l.Value)))
	return nil
}
