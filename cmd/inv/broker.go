package main

import (
	"cmp"
	"fmt"

	"inv/internal/broker"

	"github.com/spf13/cobra"
)

func brokerCommand(s *streams) *cobra.Command {
	var o broker.Options
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run the embedded broker until Ctrl-C",
		Long: `Run the embedded Kafka broker until Ctrl-C. It keeps topics in memory, or with
--data on disk across restarts. It has no authentication, so it listens on
loopback only by default; see --listen.`,
		Example: `  inv broker
  inv broker --data ./data
  inv broker --listen 0.0.0.0:9092 --advertise broker.lan:9092`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = func(message string) { fmt.Fprintln(s.err, "broker:", message) }
			b, err := broker.Start(o)
			if err != nil {
				return err
			}
			defer b.Close()
			fmt.Fprintf(s.err, "Listening on %s, with topics in %s. Press Ctrl-C to stop.\n", b.Addr(), cmp.Or(o.DataDir, "memory"))
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:9092", "`HOST:PORT` to listen on; port 0 chooses a free one")
	cmd.Flags().StringVar(&o.Advertise, "advertise", "", "`HOST:PORT` for clients, if other than --listen")
	cmd.Flags().StringVar(&o.DataDir, "data", "", "`FOLDER` in which topics survive restarts; by default they are in memory")
	return cmd
}
