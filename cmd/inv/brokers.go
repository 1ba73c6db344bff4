package main

import (
	"context"
	"net"
	"strconv"

	"inv/internal/kafka/admin"

	"github.com/spf13/cobra"
)

func brokersCommand(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:   "brokers",
		Short: "List the cluster's brokers",
		Long: `List the brokers that the cluster names to its clients. The version is a guess
by the requests that a broker supports.`,
		Args: noArguments,
	}, func(ctx context.Context, _ []string, format string) error {
		return f.withAdmin(ctx, func(c *admin.Client) error {
			brokers, controller, err := c.Brokers(ctx)
			if err != nil {
				return err
			}
			out := rows{header: []string{"BROKER", "HOST", "RACK", "CONTROLLER", "VERSION"}}
			known := controller < 0
			for _, b := range brokers {
				active := any(b.ID == controller)
				known = known || b.ID == controller
				switch {
				case format == "json" && controller < 0:
					active = nil
				case format == "text":
					active = map[bool]string{true: "controller"}[b.ID == controller]
				}
				out.add(b.ID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))), b.Rack, active, b.Version)
			}
			if !known {
				s.errf("The controller is node %d, which is not a broker.\n", controller)
			}
			return out.write(s, format)
		})
	})
}
