package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"inv/internal/kafka"
	"inv/internal/suggest"
	"inv/internal/termsafe"
)

// defaultProfile is used, if it exists, when no profile is named.
const defaultProfile = "default"

// errListProperties is returned for `-X list`, which lists the properties instead of
// running a command.
var errListProperties = errors.New("list the properties")

// propertyFlag collects NAME=VALUE settings, one per -X or several separated by
// spaces, as in an environment variable.
type propertyFlag []string

func (p *propertyFlag) String() string { return "" }
func (p *propertyFlag) Type() string   { return "NAME=VALUE" }
func (p *propertyFlag) Set(value string) error {
	if value == "list" {
		return errListProperties
	}
	if strings.HasPrefix(value, "sasl.jaas.config=") {
		*p = append(*p, value)
		return nil
	}
	*p = append(*p, strings.Fields(value)...)
	return nil
}

// listProperties lists the client properties: a line each, or on a narrow terminal
// a line with their values and one with their meaning.
func listProperties(w io.Writer, width int) error {
	names, values := 0, 0
	for _, p := range kafka.Properties() {
		names, values = max(names, len(p.Name)), max(values, len(p.Takes))
	}
	var b strings.Builder
	for _, p := range kafka.Properties() {
		fmt.Fprintf(&b, "%-*s  ", names, p.Name)
		if rest := width - names - values - 4; width > 0 && rest < narrowest {
			indent := "\n" + strings.Repeat(" ", 4)
			b.WriteString(p.Takes + indent + strings.Join(termsafe.Wrap(p.About, width-4), indent) + "\n")
		} else {
			indent := "\n" + strings.Repeat(" ", names+values+4)
			fmt.Fprintf(&b, "%-*s  %s\n", values, p.Takes, strings.Join(termsafe.Wrap(p.About, rest), indent))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// applyProfile applies the settings of the profile in inv.yaml. Only a named profile
// is required to exist.
func (f *sharedFlags) applyProfile(ctx context.Context, brokersGiven bool) error {
	file, inUse, profiles, err := f.profiles(ctx)
	if err != nil || profiles == nil {
		return err
	}
	profile, err := f.chooseProfile(file, inUse, profiles)
	if err != nil || profile == nil {
		return err
	}
	if len(profile.Brokers) > 0 && !brokersGiven {
		f.brokers = profile.Brokers
	}
	f.registry = profile.Registry
	if f.options, err = profile.Options(); err != nil {
		return usageError{err}
	}
	return nil
}

// profiles reads inv.yaml and returns the name of the profile in use, whose variables
// must be set. Without a file it returns none, and no error unless --config or
// --profile was given.
func (f *sharedFlags) profiles(ctx context.Context) (file, inUse string, profiles []kafka.Profile, err error) {
	file, source, err := f.configFile(ctx)
	if err != nil || source == nil {
		return "", "", nil, err
	}
	inUse = f.inUse(source)
	if profiles, err = kafka.ParseProfiles(file, source, inUse, f.lookupEnv); err != nil {
		return "", "", nil, usageError{err}
	}
	return file, inUse, profiles, nil
}

// inUse returns the name of the profile that commands use.
func (f *sharedFlags) inUse(source []byte) string {
	return cmp.Or(f.profile, kafka.UsedProfile(source), defaultProfile)
}

// configFile reads inv.yaml; source is nil if there is none.
func (f *sharedFlags) configFile(ctx context.Context) (file string, source []byte, err error) {
	files := []string{f.config}
	if f.config == "" {
		files = []string{"inv.yaml", userConfig(f.configHome())}
	}
	file, source, err = firstFile(ctx, files)
	switch {
	case err != nil:
		return "", nil, usagef("reading the profiles: %w", err)
	case source == nil && (f.config != "" || f.profile != ""):
		return "", nil, usagef("there is no %s", strings.Join(files, " and no "))
	case source == nil:
		return "", nil, nil
	}
	return file, source, nil
}

func (f *sharedFlags) chooseProfile(file, name string, profiles []kafka.Profile) (*kafka.Profile, error) {
	var names []string
	for i := range profiles {
		if profiles[i].Name == name {
			return &profiles[i], nil
		}
		names = append(names, profiles[i].Name)
	}
	switch {
	case f.profile == "" && name == defaultProfile:
		return nil, nil
	case f.profile == "":
		return nil, usagef("%s names a profile under use: that it does not have (it has %s); see `inv config use`", file, strings.Join(names, ", "))
	}
	return nil, noSuchProfile(file, name, names)
}

func noSuchProfile(file, name string, names []string) error {
	return usagef("%s has no profile %q (it has %s)%s", file, name, strings.Join(names, ", "), suggest.DidYouMean(name, names))
}

// firstFile reads the first file that exists.
func firstFile(ctx context.Context, files []string) (name string, source []byte, err error) {
	for _, name := range files {
		source, err := readFile(ctx, name)
		if err == nil {
			return name, source, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, nil
}

func userConfig(home string) string { return filepath.Join(home, "inv", "inv.yaml") }

func (f *sharedFlags) configHome() string {
	return cmp.Or(f.getenv("XDG_CONFIG_HOME"), filepath.Join(f.getenv("HOME"), ".config"))
}

// lookupEnv treats an empty variable as unset: an empty password is a mistake.
func (f *sharedFlags) lookupEnv(name string) (string, bool) {
	value := f.getenv(name)
	return value, value != ""
}
