package main

import (
	"inv/internal/kafka/admin"

	"github.com/spf13/cobra"
)

// whichGroup asks for a missing argument.
const whichGroup = "which group? see `inv groups list`"

func groupsDelete(s *streams, f *sharedFlags) *cobra.Command {
	var a approval
	cmd := &cobra.Command{
		Use:   "delete GROUP…",
		Short: "Delete groups and their committed offsets",
		Long: `Delete groups and their committed offsets. A group in use is refused: stop its
members first. So are the processor's own groups: inv reset removes them with
the state that belongs to them.`,
		Args:              someArguments(whichGroup),
		ValidArgsFunction: f.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			if err := notProcessors(sc, f.appID, args...); err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				if err := c.AtRest(cmd.Context(), args...); err != nil {
					return err
				}
				if ok, err := a.given(s, "delete these groups with their offsets", args); !ok {
					return err
				}
				deleted, err := c.DeleteGroups(cmd.Context(), args...)
				return printNames(s, deleted, err)
			})
		},
	}
	a.register(cmd.Flags())
	return cmd
}
