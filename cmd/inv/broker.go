package main

import (
	"cmp"
	"runtime/debug"

	"inv/internal/broker"

	"github.com/spf13/cobra"
)

func brokerCommand(s *streams) *cobra.Command {
	var o broker.Options
	var registry string
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run the embedded broker until Ctrl-C",
		Long: `Run the embedded Kafka broker until Ctrl-C. It keeps topics in memory, or with
--data on disk across restarts. It has no authentication, so it listens on
loopback only by default; see --listen. With --registry-listen it serves a schema
registry, too: Confluent's API with its compatibility checks, for development.`,
		Example: `  inv broker
  inv broker --data ./data --registry-listen 127.0.0.1:8081
  inv broker --listen 0.0.0.0:9092 --advertise broker.lan:9092`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = func(message string) { s.errf("broker: %s\n", message) }
			b, err := startBroker(s, o)
			if err != nil {
				return err
			}
			defer b.Close()
			if registry != "" {
				url, stop, err := serveRegistry(registry, o.DataDir)
				if err != nil {
					return err
				}
				defer stop()
				s.errf("The schema registry is at %s\n", url)
			}
			s.errf("Listening on %s, with topics in %s. Press Ctrl-C to stop.\n", b.Addr(), cmp.Or(o.DataDir, "memory"))
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:9092", "`HOST:PORT` to listen on; port 0 chooses a free one")
	cmd.Flags().StringVar(&o.Advertise, "advertise", "", "`HOST:PORT` for clients, if other than --listen")
	cmd.Flags().StringVar(&o.DataDir, "data", "", "`FOLDER` in which topics survive restarts; by default they are in memory")
	cmd.Flags().StringVar(&registry, "registry-listen", "", "`HOST:PORT` on which a schema registry listens, too; port 0 chooses a free one; none by default")
	return cmd
}

// brokerGCPercent trades CPU, of which the broker needs little, for memory: what lives
// long is the index, which has no pointers. startGCPercent is for the start, when all
// that is allocated lives for a moment. GOGC overrules both.
const (
	brokerGCPercent = 50
	startGCPercent  = 10
)

// worthSaying is the memory for which a start says how much it takes.
const worthSaying = 100 << 20

// startBroker starts a broker, says what its data takes if that is much, and gives back
// what only the start took.
func startBroker(s *streams, o broker.Options) (*broker.Broker, error) {
	// What is wrong with the folder, Start says better.
	if size, err := broker.DataSize(o.DataDir); o.DataDir != "" && err == nil {
		if kept, start := size.Memory(); start >= worthSaying {
			s.errf("Reading %s in %s: up to %s of memory, then about %s.\n",
				bytesText(size.Bytes), grouped(size.Batches)+" record batches", bytesText(start), bytesText(kept))
		}
	}
	own := s.getenv("GOGC") == ""
	if own {
		debug.SetGCPercent(startGCPercent)
	}
	b, err := broker.Start(o)
	if own {
		debug.SetGCPercent(brokerGCPercent)
	}
	debug.FreeOSMemory()
	return b, err
}
