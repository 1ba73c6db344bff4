package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// run is inv with these arguments; it returns the exit code.
func run(args []string, s *streams) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root := rootCommand(s)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), s.err)
}

func rootCommand(s *streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "inv",
		Short:         "Generate, process and inspect event-driven systems on Kafka",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	shared := &sharedFlags{}
	shared.register(root.PersistentFlags())
	root.AddCommand(
		versionCommand(s),
	)
	return root
}

// untilSignal returns a context that SIGINT or SIGTERM ends, with the signal as
// its cause; a second signal ends the process at once, as if inv had not caught it.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case got := <-signals:
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			cancel(signalError{got})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
