package main

import (
	"context"
	"errors"
	"fmt"
	"inv/internal/suggest"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// stopWithin is how long a command has to stop after a signal; then inv ends
// without it, so that no broker that hangs can hold it.
const stopWithin = 9500 * time.Millisecond

// run is inv with these arguments; it returns the exit code.
func run(args []string, s *streams) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
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
		fmt.Fprintf(s.err, "inv: not stopped %s after the signal; ending anyway\n", stopWithin)
		return exitFailed
	}
}

// execute runs the command line. What fails before a command has begun is wrong
// usage.
func execute(ctx context.Context, args []string, s *streams) error {
	shared := &sharedFlags{getenv: s.getenv}
	root, err := rootCommand(s, shared)
	if err != nil {
		return err
	}
	root.SetArgs(args)
	begun := false
	each(root, func(cmd *cobra.Command) {
		if cmd.HasSubCommands() {
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = groupUsage
		}
		if runE := cmd.RunE; runE != nil {
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				begun = true
				return runE(cmd, args)
			}
		}
	})
	err = hint(root.ExecuteContext(ctx), shared.appID)
	if errors.Is(err, errListProperties) {
		return listProperties(s.out)
	}
	if err != nil && !begun {
		return usageError{err}
	}
	return err
}

func rootCommand(s *streams, shared *sharedFlags) (*cobra.Command, error) {
	root := &cobra.Command{
		Use:           "inv",
		Short:         "Generate, process and inspect event-driven systems on Kafka",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return shared.resolve(cmd)
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetUsageFunc(func(cmd *cobra.Command) error { return writeUsage(cmd, s.width()) })
	root.SetFlagErrorFunc(unknownFlag)
	root.SetHelpCommand(helpCommand())
	if info, ok := debug.ReadBuildInfo(); ok {
		root.Version = info.Main.Version
		root.SetVersionTemplate(versionText(info))
	}
	shared.register(root.PersistentFlags())
	addGroup(root, "Begin here:", demoCommand(s, shared), brokerCommand(s))
	addGroup(root, "The system:", produceCommand(s, shared), processCommand(s, shared), tailCommand(s, shared),
		verifyCommand(s, shared), dlqCommand(s, shared), dashboardCommand(s, shared), scenariosCommand(s, shared))
	addGroup(root, "The cluster:", topicsCommand(s, shared), groupsCommand(s, shared), resetCommand(s, shared))
	root.AddCommand(versionCommand(s))
	return root, shared.completeFlags(root)
}

// addGroup adds commands that the help shows together.
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

// groupUsage is a command that has only subcommands.
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
	if near := suggest.Nearest(args[0], names); near != "" {
		return usagef("%s has no command %q; did you mean `%s %s`?", cmd.CommandPath(), args[0], cmd.CommandPath(), near)
	}
	return usagef("%s has no command %q; it has %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
}

// untilSignal returns a context that SIGINT or SIGTERM ends, with the signal as
// its cause; a second signal ends the process at once, as if inv had not caught
// it. A closed pipe is an error of the write, not a signal.
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

// raise sends a signal to this process, which no longer catches it.
func raise(s os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(s) // it ends the process, or nothing can
	}
}
