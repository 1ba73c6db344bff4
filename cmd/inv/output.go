package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"inv/internal/suggest"
	"inv/internal/termsafe"
	"inv/internal/theme"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one of several words.
type choice struct {
	value   string
	choices []string
}

func newChoice(choices ...string) choice { return choice{choices[0], choices} }

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.choices, "|") }
func (c *choice) Set(value string) error {
	if !slices.Contains(c.choices, value) {
		return fmt.Errorf("it takes %s%s", strings.Join(c.choices, ", "), suggest.DidYouMean(value, c.choices))
	}
	c.value = value
	return nil
}

var _ pflag.Value = (*choice)(nil)

// withOutput completes a command that prints text or JSON: run gets the value of
// its -o flag.
func withOutput(cmd *cobra.Command, run func(ctx context.Context, args []string, format string) error) *cobra.Command {
	output := newChoice("text", "json")
	cmd.Flags().VarP(&output, "output", "o", "the output format")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args, output.value) }
	return cmd
}

// printJSON writes a value as JSON that is safe for a terminal, over several lines if there is an indent.
func printJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(termsafe.AppendJSON(nil, text.Bytes()))
	return err
}

// rows is a listing: a table with a header, or one JSON object per line. The
// header's words, in lower case and with _ for spaces, are the JSON keys.
type rows struct {
	header []string
	cells  [][]any
}

func (r *rows) add(cells ...any) { r.cells = append(r.cells, cells) }

func (r *rows) write(s *streams, format string) error {
	if format == "json" {
		return r.writeJSON(s.out)
	}
	colors := theme.Detect(theme.Never, s.outTerminal, s.getenv)
	table := [][]string{r.header}
	for _, cells := range r.cells {
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = colors.Glyphs(termsafe.String(fmt.Sprint(c)))
		}
		table = append(table, texts)
	}
	if s.outTerminal && s.width() > 0 {
		fitLast(table, s.width())
	}
	out := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, texts := range table {
		fmt.Fprintln(out, colors.Glyphs(strings.TrimRight(strings.Join(texts, "\t"), "\t")))
	}
	return out.Flush()
}

// leastLast is the minimum width of the last column, however narrow the terminal: less
// says nothing, and more makes each line of dead letters two on 100 columns.
const leastLast = 8

// fitLast truncates the last column so that lines fit the terminal.
func fitLast(table [][]string, columns int) {
	last := len(table[0]) - 1
	before := 0
	for i := range last {
		width := 0
		for _, texts := range table {
			width = max(width, len([]rune(texts[i])))
		}
		before += width + 2
	}
	for _, texts := range table {
		texts[last] = fit(texts[last], max(columns-before, leastLast)+1)
	}
}

func (r *rows) writeJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, cells := range r.cells {
		for i, c := range cells {
			value, err := json.Marshal(c)
			if err != nil {
				return fmt.Errorf("writing %s as JSON: %w", r.header[i], err)
			}
			key := strconv.Quote(strings.ReplaceAll(strings.ToLower(r.header[i]), " ", "_"))
			separator := ","
			if i == 0 {
				separator = "{"
			}
			fmt.Fprintf(out, "%s%s:%s", separator, key, termsafe.AppendJSON(nil, value))
		}
		fmt.Fprintln(out, "}")
	}
	return out.Flush()
}

// fit truncates a line to one column less than the terminal has.
func fit(text string, columns int) string {
	if letters := []rune(text); columns > 1 && len(letters) >= columns {
		return string(letters[:columns-2]) + "…"
	}
	return text
}

// confirm lists what a command will do and asks, unless --yes was given.
func confirm(s *streams, yes bool, what string, items []string) error {
	s.errf("This will %s:\n", what)
	for _, i := range items {
		s.errf("  %s\n", i)
	}
	if yes {
		return nil
	}
	if !s.errTerminal || !s.inTerminal {
		return usagef("there is no terminal to ask on; confirm with --yes")
	}
	fmt.Fprint(s.err, "Go on? [y/N] ")
	answer, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return exitError{exitFailed, fmt.Errorf("nothing was done")}
	}
	return nil
}
