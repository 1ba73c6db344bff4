package main

import (
	"errors"
	"fmt"
	"strings"

	"inv/internal/suggest"
	"inv/internal/termsafe"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// narrowest is the smallest width at which usage texts are wrapped.
const narrowest = 40

// flagColumn is where the texts of flags begin. The text of a longer flag begins on
// a line of its own, so that one of them doesn't push all texts to the right.
const flagColumn = 30

// writeUsage writes cobra's usage, with flags wrapped at the terminal's width.
func writeUsage(cmd *cobra.Command, width int) error {
	if width < narrowest {
		width = 0 // don't wrap
	}
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	} else {
		fmt.Fprintf(&b, "  %s [command]\n", cmd.CommandPath())
	}
	section := func(title, text string) {
		if text = strings.TrimRight(text, " \n"); text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", title, text)
		}
	}
	if len(cmd.Aliases) > 0 {
		section("Aliases", "  "+cmd.NameAndAliases())
	}
	section("Examples", cmd.Example)
	others := "Commands"
	for _, g := range cmd.Groups() {
		section(strings.TrimSuffix(g.Title, ":"), subcommands(cmd, g.ID))
		others = "Also"
	}
	section(others, subcommands(cmd, ""))
	section("Flags", flagUsages(cmd.LocalFlags(), width))
	section("Flags of every command", flagUsages(cmd.InheritedFlags(), width))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse `%s [command] --help` for more about a command.\n", cmd.CommandPath())
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// flagUsages returns a line for each flag, wrapped at the width; 0: not at all.
func flagUsages(flags *pflag.FlagSet, width int) string {
	var b strings.Builder
	next := "\n" + strings.Repeat(" ", flagColumn)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, text := pflag.UnquoteUsage(f)
		left := "      --" + f.Name
		if f.Shorthand != "" {
			left = "  -" + f.Shorthand + ", --" + f.Name
		}
		left = strings.TrimRight(left+" "+name, " ")
		if value := defaultOf(f); value != "" {
			text += " (default " + value + ")"
		}
		if len(left)+2 > flagColumn {
			left += next
		} else {
			left = fmt.Sprintf("%-*s", flagColumn, left)
		}
		b.WriteString(left + strings.Join(termsafe.Wrap(text, width-flagColumn), next) + "\n")
	})
	return b.String()
}

// defaultOf returns the default of a flag, or "" if it is the zero value.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "false", "0", "0s":
		return ""
	}
	return strings.Trim(f.DefValue, "[]")
}

// writeBrief writes the help of inv without arguments, which fits a small terminal.
func writeBrief(root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintln(&b, root.Short)
	for i, g := range root.Groups() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n%s", g.Title, subcommands(root, g.ID))
	}
	fmt.Fprint(&b, "`inv demo` shows everything in half a minute; see also `inv COMMAND --help`.\n") // right below: all fits 23 lines
	_, err := fmt.Fprint(root.OutOrStdout(), b.String())
	return err
}

func subcommands(cmd *cobra.Command, group string) string {
	var b strings.Builder
	for _, sub := range cmd.Commands() {
		if sub.GroupID == group && (sub.IsAvailableCommand() || sub.Name() == "help") {
			fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return b.String()
}

// flagError adds the flag that is meant to the error, or where flags are listed.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return badValue(cmd.Flags(), err)
	}
	if instead := habit(cmd, unknown.GetSpecifiedName()); instead != "" {
		return fmt.Errorf("%w; %s", err, instead)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := suggest.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return fmt.Errorf("%w; `%s --help` lists them", err, cmd.CommandPath())
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArgument wants a single argument; without it, it asks the question.
func oneArgument(question string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s takes one argument, but got %d", cmd.CommandPath(), len(args))
		}
		return someArguments(question)(cmd, args)
	}
}

// someArguments wants arguments; without any, it asks the question.
func someArguments(question string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s", question)
		}
		return nil
	}
}

// helpCommand returns `inv help COMMAND`. Unlike cobra's, it refuses unknown commands.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND…]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return groupUsage(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
