package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"inv/inspect"
	"inv/internal/deadletter"
	"inv/internal/event"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor/forward"

	"github.com/spf13/cobra"
)

func dlqCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "List, show and replay dead letters",
		Long: `Records that can't be processed go to the dead-letter topic of their topic, byte
for byte, with the reason in headers. These commands list them, show one, and
replay them once the cause is fixed. Those of a sink of inv forward are in a topic
of the sink, and a replay goes to that sink only.

A dead letter is named by topic, partition and offset: order_events.dlq/3@17.`,
	}
	cmd.AddCommand(dlqListCommand(s, f), dlqShowCommand(s, f), dlqReplayCommand(s, f))
	return cmd
}

// dlqFlags select dead letters.
type dlqFlags struct {
	reasons []string
	filter  string
	sinks   []string

	registry registryFlags
	letters  *letterReader // of withLetters
}

func (d *dlqFlags) register(f *sharedFlags, cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&d.sinks, "sink", nil, "those of the sink of this `NAME`; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("sink", f.completeSinks)
	fs.StringSliceVar(&d.reasons, "reason", nil, "only those refused for this `REASON`, such as unknown-product")
	fs.StringVar(&d.filter, "filter", "", "only those whose value matches this jq `CONDITION`; $headers and $header_list have their headers")
}

// reasons returns all reasons for which records are refused.
func reasons() []event.Reason {
	return []event.Reason{
		event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice, event.NegativeTotal,
		event.NegativeNumber, event.OutOfRange, event.TotalMismatch, event.KeyMismatch, event.UnknownVersion, event.UnknownProduct, event.TooLarge,
		event.NotUnicode, event.StructuredMode, forward.Expression, forward.Refused, forward.Failing,
	}
}

// choose returns the dead-letter topics to read and the filter. An argument is a
// place, an alias, a sink, or the name of a topic or of its dead-letter topic. A name that
// a topic has is that topic's, also if an alias has it, and an alias goes before a sink.
func (d *dlqFlags) choose(sc *scenario.Scenario, app string, args []string, exists map[string]bool) (topics []string, f deadletter.Filter, err error) {
	known := map[string][]string{}
	for _, name := range d.sinks {
		if err := checkSink(sc, name); err != nil {
			return nil, f, err
		}
		topics = append(topics, forward.DeadLetterTopic(app, name))
	}
	all := len(args)+len(d.sinks) == 0
	for i := range sc.Sinks {
		k := &sc.Sinks[i]
		dead := forward.DeadLetterTopic(app, k.Name)
		known[k.Name], known[k.DeadLetters()], known[dead] = []string{dead}, []string{dead}, []string{dead}
		if all && exists[dead] { // else the sink has not run
			topics = append(topics, dead)
		}
	}
	for _, t := range sc.Topics {
		for _, of := range t.DeadLettersOf {
			for _, name := range sc.TopicNames(of, app) {
				dead := name + ".dlq"
				known[of], known[name], known[dead] = []string{dead}, []string{dead}, []string{dead}
				if all {
					topics = append(topics, dead)
				}
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
				return nil, f, usagef("%q is not a place such as order_events.dlq/3@17", arg)
			}
			f.Places = append(f.Places, place)
			topics = append(topics, place.Topic)
			continue
		}
		names, ok := known[arg]
		if alias, _ := sc.Topic(arg); exists[arg] {
			if names = []string{arg + ".dlq"}; len(alias.DeadLettersOf) > 0 {
				names = []string{arg}
			}
			if !exists[names[0]] {
				others, _ := sc.OtherThan(arg, app)
				return nil, f, usagef("%s is the topic of that name, not the alias of %s, and there is no topic %s", arg, strings.Join(others, ", "), names[0])
			}
		}
		if !ok {
			return nil, f, usagef("%q has no dead letters%s", arg, suggest.DidYouMean(arg, slices.Sorted(maps.Keys(known))))
		}
		topics = append(topics, names...)
	}
	for _, word := range d.reasons {
		if !slices.Contains(reasons(), event.Reason(word)) {
			return nil, f, usagef("there is no reason %q%s", word, suggest.DidYouMean(word, reasons()))
		}
		f.Reasons = append(f.Reasons, event.Reason(word))
	}
	if f.Match, err = deadletter.CompileFilter(d.filter, d.letters.decode); err != nil {
		return nil, f, usagef("--filter: %v", err)
	}
	if mistake := inspect.Mistake(d.filter); mistake != "" {
		return nil, f, usagef("--filter: %s", mistake)
	}
	slices.Sort(topics)
	return slices.Compact(topics), f, nil
}

func dlqListCommand(s *streams, f *sharedFlags) *cobra.Command {
	var d dlqFlags
	var last int
	cmd := withOutput(&cobra.Command{
		Use:   "list [TOPIC…]",
		Short: "List dead letters, the oldest first",
		Example: `  inv dlq list
  inv dlq list orders --reason unknown-product
  inv dlq list -n 0 -o json | jq -r .reason | sort | uniq -c`,
		ValidArgsFunction: f.completeAliases,
	}, func(ctx context.Context, args []string, format string) error {
		return f.withLetters(ctx, s, &d, args, func(c *deadletter.Client, topics []string, filter deadletter.Filter) error {
			return listLetters(ctx, s, c, topics, filter, d.letters, last, format)
		})
	})
	d.register(f, cmd)
	d.registry.reads(cmd.Flags())
	cmd.Flags().IntVarP(&last, "last", "n", 50, "only the latest `N`; 0: all")
	atLeast(cmd.Flags(), 0, "last")
	return cmd
}

// withLetters connects, after checking the flags and arguments.
func (f *sharedFlags) withLetters(ctx context.Context, s *streams, d *dlqFlags, args []string, use func(*deadletter.Client, []string, deadletter.Filter) error) error {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	if _, _, err := d.choose(sc, f.appID, args, nil); err != nil {
		return err // before anything is asked of the cluster
	}
	if d.letters, err = f.letterReader(ctx, s, sc, d.registry); err != nil {
		return err
	}
	c, err := deadletter.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer c.Close()
	var ambiguous []string // topics that may exist: of aliases that may be others' names, and of sinks
	for _, arg := range args {
		if _, others := sc.OtherThan(arg, f.appID); others {
			ambiguous = append(ambiguous, arg, arg+".dlq")
		}
	}
	if len(args)+len(d.sinks) == 0 {
		for _, name := range sinkNames(sc) {
			ambiguous = append(ambiguous, forward.DeadLetterTopic(f.appID, name))
		}
	}
	exists, err := c.Existing(ctx, ambiguous...)
	if err != nil {
		return err
	}
	for _, arg := range args {
		if dead := arg + ".dlq"; exists[arg] && !exists[dead] {
			if err := c.MayDescribe(ctx, dead); err != nil {
				return err
			}
		}
	}
	topics, filter, err := d.choose(sc, f.appID, args, exists)
	if err != nil {
		return err
	}
	d.letters.begin(topics)
	if err := use(c, topics, filter); err != nil {
		return err
	}
	return d.letters.failed(filter.Match != nil)
}

// listLetters prints the latest letters. It keeps few others in memory, however
// many there are.
func listLetters(ctx context.Context, s *streams, c *deadletter.Client, topics []string, filter deadletter.Filter, reader *letterReader, last int, format string) error {
	var letters []*deadletter.Letter
	total := 0
	keepLast := func() {
		slices.SortStableFunc(letters, func(a, b *deadletter.Letter) int { return a.Time.Compare(b.Time) })
		if last > 0 && len(letters) > last {
			letters = slices.Clone(letters[len(letters)-last:])
		}
	}
	foreign, err := c.Read(ctx, topics, filter, func(l *deadletter.Letter) {
		total++
		letters = append(letters, l)
		if last > 0 && len(letters) >= 2*last+1000 {
			keepLast()
		}
	})
	if err != nil {
		return err
	}
	keepLast()
	if len(letters) < total {
		s.errf("The last %d of %d dead letters; -n 0 shows all.\n", len(letters), total)
	}
	noteForeign(s, foreign)
	if total == 0 {
		such := " such"
		if len(filter.Reasons)+len(filter.Places) == 0 && filter.Match == nil {
			such = ""
		}
		s.errf("There are no%s dead letters in %s.\n", such, strings.Join(topics, ", "))
		return nil
	}
	if format == "json" {
		return printLetters(s.out, inspect.NewJSON(nil, nil), reader, letters...)
	}
	out := rows{header: []string{"DEAD LETTER", "TIME", "FROM", "STAGE", "REASON", "MESSAGE"}}
	for _, l := range letters {
		out.add(l.At, l.Time.Local().Format(time.DateTime), l.From, l.Stage, l.Reason, l.Message)
	}
	return out.write(s, format)
}

func noteForeign(s *streams, foreign int) {
	if foreign > 0 {
		s.errf("Skipped %s without the headers of a dead letter.\n", records(int64(foreign)))
	}
}

// letterFields is what a dead letter's JSON has besides the fields of `inv tail -o json`.
type letterFields struct {
	At        string       `json:"at"`
	From      string       `json:"from"`
	Time      string       `json:"time"`
	Stage     string       `json:"stage"`
	Reason    event.Reason `json:"reason"`
	Message   string       `json:"message"`
	Truncated int          `json:"truncated,omitempty"`
	Recipient string       `json:"recipient,omitempty"`
	History   []string     `json:"history,omitempty"`
}

// appendLetter appends a dead letter as `inv tail -o json` shows it in its topic, with
// what its headers say of the refusal in fields of their own.
func appendLetter(dst []byte, l *deadletter.Letter, j *inspect.JSON, reader *letterReader) ([]byte, error) {
	var fields bytes.Buffer
	err := printJSON(&fields, letterFields{
		At: l.At.String(), From: l.From.String(), Time: l.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		Stage: l.Stage, Reason: l.Reason, Message: l.Message, Truncated: l.Length, Recipient: l.Recipient, History: l.History,
	}, "")
	if err != nil {
		return dst, fmt.Errorf("writing a dead letter as JSON: %w", err)
	}
	flags, _ := jsonscan.Valid(fields.Bytes())
	members := jsonscan.AppendSafe(nil, fields.Bytes(), flags)
	source := l.Source()
	reader.decode(source)
	return j.AppendWith(dst, source, members[1:len(members)-1]), nil
}

func printLetters(w io.Writer, j *inspect.JSON, reader *letterReader, letters ...*deadletter.Letter) error {
	out := bufio.NewWriter(w)
	var line []byte
	var err error
	for _, l := range letters {
		if line, err = appendLetter(line[:0], l, j, reader); err != nil {
			return err
		}
		if _, err = out.Write(line); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return out.Flush()
}

func dlqShowCommand(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json", "raw")
	var d dlqFlags
	cmd := &cobra.Command{
		Use:   "show PLACE",
		Short: "Show one dead letter: its reason, origin and value",
		Example: `  inv dlq show order_events.dlq/3@17
  inv dlq show order_events.dlq/3@17 -o raw > order.json`,
		Args: oneArgument("which dead letter? `inv dlq list` shows their places, such as order_events.dlq/3@17"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.Contains(args[0], "/") {
				return usagef("%q is not a place such as order_events.dlq/3@17; see `inv dlq list`", args[0])
			}
			return f.withLetters(cmd.Context(), s, &d, args, func(c *deadletter.Client, topics []string, filter deadletter.Filter) error {
				var letter *deadletter.Letter
				_, err := c.Read(cmd.Context(), topics, filter, func(l *deadletter.Letter) { letter = l })
				if err != nil {
					return err
				}
				if letter == nil {
					return fmt.Errorf("there is no dead letter at %s; see `inv dlq list`", args[0])
				}
				return showLetter(s, letter, d.letters, output.value)
			})
		},
	}
	d.registry.reads(cmd.Flags())
	cmd.Flags().VarP(&output, "output", "o", "text, json, or raw: the value's bytes")
	return cmd
}

func showLetter(s *streams, l *deadletter.Letter, reader *letterReader, format string) error {
	switch {
	case format == "json":
		j := inspect.NewJSON(nil, nil)
		j.Indent = true
		return printLetters(s.out, j, reader, l)
	case format == "raw" && !s.outTerminal:
		_, err := s.out.Write(l.Value)
		return err
	case format == "raw":
		return s.outf("%s\n", l.Value)
	}
	line := func(name, text string) { s.outf("%-9s %s\n", name, text) }
	line("letter", l.At.String())
	line("from", l.From.String())
	line("time", l.Time.Local().Format(time.RFC3339))
	line("stage", l.Stage)
	line("reason", string(l.Reason))
	line("message", l.Message)
	if l.Recipient != "" {
		line("for", l.Recipient)
	}
	for _, h := range l.History {
		line("earlier", h)
	}
	shown := l.Source()
	reader.decode(shown)
	line("key", inspect.Text(shown.Key))
	for _, h := range l.Headers {
		line("header", h.Key+": "+inspect.Text(h.Value))
	}
	if l.Cut() {
		line("truncated", fmt.Sprintf("to %d of %d bytes", len(l.Value), l.Length))
	}
	if l.Value == nil {
		line("value", "null, a tombstone")
		return nil
	}
	line("value", fmt.Sprintf("%d bytes", len(l.Value)))
	if shown.Undecoded != "" {
		line("undecoded", shown.Undecoded)
	}
	return s.outf("\n%s\n", shown.Value)
}
