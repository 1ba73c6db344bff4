package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func versionCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit, Go and library versions",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this binary has no module information; build it with go build")
			}
			_, err := io.WriteString(s.out, versionText(info))
			return err
		},
	}
}

func versionText(info *debug.BuildInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "inv %s\ncommit %s\n%s\n", info.Main.Version, commitOf(info), info.GoVersion)
	for _, m := range info.Deps {
		fmt.Fprintf(&b, "%s %s\n", m.Path, m.Version)
	}
	return b.String()
}

// commitOf returns the commit of the build; go run records none.
func commitOf(info *debug.BuildInfo) string {
	commit, changed := "unknown", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = " with changes"
		}
	}
	return commit + changed
}
