package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func versionCommand(s *streams) *cobra.Command {
	var libraries bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, its commit and Go's version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this binary has no module information; build it with go build")
			}
			text := versionText(info)
			if libraries {
				text += librariesText(info)
			}
			_, err := io.WriteString(s.out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&libraries, "libraries", false, "also the version of each library in it")
	return cmd
}

func versionText(info *debug.BuildInfo) string {
	return fmt.Sprintf("inv %s\ncommit %s\n%s %s/%s\n", info.Main.Version, commitOf(info), info.GoVersion, runtime.GOOS, runtime.GOARCH)
}

func librariesText(info *debug.BuildInfo) string {
	var b strings.Builder
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

// release returns the version of a release, "" of another build.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasPrefix(info.Main.Version, "v") {
		return ""
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(info.Main.Version, "v"), "+")
	return version
}
