package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"inv/internal/suggest"

	"github.com/spf13/cobra"
)

// stopWithin bounds how long a command may take to stop after a signal, so that a
// hanging broker can't keep inv alive.
const stopWithin = 9500 * time.Millisecond

// run runs inv and returns its exit code.
func run(args []string, s *streams) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	s = s.gated()
	done := make(chan int, 1)
	go func() { done <- exitCode(ctx, execute(ctx, args, s), s.err) }()
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-done:
		return code
	case <-time.After(stopWithin):
		s.errf("inv: not stopped %s after the signal; exiting anyway\n", stopWithin)
		return exitFailed
	}
}

// execute runs the command line. An error before a command starts is a usage error.
func execute(ctx context.Context, args []string, s *streams) error {
	shared := &sharedFlags{getenv: s.getenv}
	root, err := rootCommand(s, shared)
	if err != nil {
		return err
	}
	root.SetArgs(testArguments(args))
	each(root, func(cmd *cobra.Command) {
		if cmd.HasSubCommands() {
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, groupUsage
		}
	})
	err = hint(root.ExecuteContext(ctx), shared.appID)
	if errors.Is(err, errListProperties) {
		return listProperties(s.out, s.width())
	}
	if err != nil && !shared.resolved {
		return usageError{err}
	}
	return err
}

func rootCommand(s *streams, shared *sharedFlags) (*cobra.Command, error) {
	root := &cobra.Command{
		Use:               "inv",
		Short:             "Generate, process and inspect event-driven systems on Kafka",
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return shared.resolve(cmd) },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetUsageFunc(func(cmd *cobra.Command) error { return writeUsage(cmd, s.width()) })
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	if info, ok := debug.ReadBuildInfo(); ok {
		root.Version = info.Main.Version
		root.SetVersionTemplate(versionText(info))
	}
	shared.register(root.PersistentFlags())
	addGroup(root, "Start here:", demoCommand(s, shared), brokerCommand(s))
	addGroup(root, "The system:", produceCommand(s, shared), processCommand(s, shared), forwardCommand(s, shared), tailCommand(s, shared),
		verifyCommand(s, shared), scoreCommand(s, shared), dlqCommand(s, shared), dashboardCommand(s, shared), scenariosCommand(s, shared))
	addGroup(root, "The cluster:", topicsCommand(s, shared), groupsCommand(s, shared), brokersCommand(s, shared), resetCommand(s, shared), configCommand(s, shared))
	root.AddCommand(versionCommand(s))
	each(root, takesNumbers)
	return root, shared.completeFlags(root)
}

// addGroup adds commands that help lists together.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		root.AddCommand(c)
	}
}

func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, visit)
	}
}

// groupUsage is the RunE of a command with subcommands.
func groupUsage(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
	case cmd.HasParent():
		return cmd.Help()
	default:
		return writeBrief(cmd)
	}
	if !cmd.HasAvailableSubCommands() {
		return noArguments(cmd, args)
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if meant := otherCommands()[cmd.CommandPath()+" "+args[0]]; meant != "" {
		return usagef("%s has no command %q; did you mean `%s`?", cmd.CommandPath(), args[0], meant)
	}
	if near := suggest.Nearest(args[0], names); near != "" {
		return usagef("%s has no command %q; did you mean `%s %s`?", cmd.CommandPath(), args[0], cmd.CommandPath(), near)
	}
	return usagef("%s has no command %q; it has %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
}

// untilSignal returns a context that SIGINT or SIGTERM cancels, with the signal as
// its cause; a second signal ends the process at once, as if it were not caught.
// SIGPIPE is ignored, so that a write to a closed pipe returns an error.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		select {
		case got := <-signals:
			cancel(signalError{got})
		case <-ctx.Done():
			return
		}
		if got, more := <-signals; more {
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			raise(got)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel(nil) }
}

// raise sends a signal that is no longer caught to this process.
func raise(s os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(s) // nothing else can be done
	}
}
