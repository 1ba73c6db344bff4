package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"inv/internal/kafka"

	"github.com/spf13/cobra"
)

func configCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "List, show and choose the profiles of inv.yaml",
		Long: `A profile of inv.yaml is a cluster: its brokers, how to log in, its schema
registry. --profile names the one to use; without it, the file's use: does, and
otherwise it is the one called default. docs/config.md has all settings.`,
		Example: `  inv config list
  inv config show production
  inv config use production`,
		// The profile in use is not applied: it may be what has to be changed.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			err := flagsFromEnvironment(cmd.Flags(), f.getenv)
			if err == nil {
				err = checkGiven(cmd.Flags())
			}
			f.resolved = err == nil
			return err
		},
	}
	cmd.AddCommand(configList(s, f), configShow(s, f), configUse(s, f))
	return cmd
}

// savedProfile is a profile as it is written in inv.yaml.
type savedProfile struct {
	kafka.Profile
	inUse bool
}

// savedProfiles returns the profiles of inv.yaml, their variables not replaced.
func (f *sharedFlags) savedProfiles(ctx context.Context) (file string, saved []savedProfile, err error) {
	file, source, err := f.configFile(ctx)
	if err != nil {
		return "", nil, err
	}
	if source == nil {
		return "", nil, usagef("there is no inv.yaml in this folder, and no %s", userConfig(f.configHome()))
	}
	profiles, err := kafka.ParseProfiles(file, source, "", kafka.Unreplaced)
	if err != nil {
		return "", nil, usageError{err}
	}
	inUse := f.inUse(source)
	for _, p := range profiles {
		saved = append(saved, savedProfile{p, p.Name == inUse})
	}
	return file, saved, nil
}

func configList(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the profiles of inv.yaml",
		Args:    noArguments,
	}, func(ctx context.Context, _ []string, format string) error {
		file, saved, err := f.savedProfiles(ctx)
		if err != nil {
			return err
		}
		s.errf("%s\n", file)
		out := rows{header: []string{"PROFILE", "IN USE", "SECURITY", "BROKERS"}}
		for _, p := range saved {
			out.add(p.Name, p.inUse, p.Security(), strings.Join(p.Brokers, ","))
		}
		return out.write(s, format)
	})
}

func configShow(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:   "show [PROFILE]",
		Short: "Show a profile, by default the one in use, without its secrets",
		Long: `Show a profile as it is in inv.yaml, by default the one in use. Passwords, tokens
and the like are shown as ***, or as the environment variable they come from;
variables that are not set are on stderr.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: f.completeProfiles,
	}, func(ctx context.Context, args []string, format string) error {
		_, p, err := f.savedProfile(ctx, args)
		if err != nil {
			return err
		}
		out := rows{header: []string{"SETTING", "VALUE"}}
		var unset []string
		for _, setting := range p.Settings() {
			out.add(setting.Name, setting.Value)
			for _, name := range kafka.Variables(setting.Value) {
				if _, ok := f.lookupEnv(name); !ok {
					unset = append(unset, name)
				}
			}
		}
		if err := out.write(s, format); err != nil {
			return err
		}
		for _, name := range unset {
			s.errf("inv config: the environment variable %s is not set\n", name)
		}
		return nil
	})
}

// savedProfile returns the named profile, or the one in use without a name.
func (f *sharedFlags) savedProfile(ctx context.Context, args []string) (file string, p savedProfile, err error) {
	file, saved, err := f.savedProfiles(ctx)
	if err != nil {
		return "", p, err
	}
	var names []string
	for _, p := range saved {
		if len(args) > 0 && p.Name == args[0] || len(args) == 0 && p.inUse {
			return file, p, nil
		}
		names = append(names, p.Name)
	}
	if len(args) == 0 {
		return "", p, usagef("no profile of %s is in use; it has %s", file, strings.Join(names, ", "))
	}
	return "", p, noSuchProfile(file, args[0], names)
}

func configUse(s *streams, f *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "use PROFILE",
		Short: "Use a profile in all commands that name none",
		Long: `Set use: in inv.yaml, which names the profile of commands without --profile. The
rest of the file stays as it is.`,
		Args:              oneArgument("which profile? see `inv config list`"),
		ValidArgsFunction: f.completeProfiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, _, err := f.savedProfile(cmd.Context(), args)
			if err != nil {
				return err
			}
			source, err := readFile(cmd.Context(), file)
			if err != nil {
				return err
			}
			changed, err := kafka.SetUsedProfile(source, args[0])
			if err != nil {
				return fmt.Errorf("%s: %w; write use: %s into it", file, err, args[0])
			}
			if err := replaceFile(file, changed); err != nil {
				return err
			}
			s.errf("%s: commands use the profile %s\n", file, args[0])
			if f.profile != "" && f.profile != args[0] {
				s.errf("warning: %s is set to %s, which overrules it\n", environmentName("profile"), f.profile)
			}
			return nil
		},
	}
}

// replaceFile replaces a file's contents at once, also behind a symbolic link.
func replaceFile(name string, contents []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".inv-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // fails once it is renamed
	_, err = temporary.Write(contents)
	for _, step := range []func() error{
		func() error { return temporary.Chmod(info.Mode().Perm()) }, temporary.Sync, temporary.Close,
	} {
		if failed := step(); err == nil {
			err = failed
		}
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
