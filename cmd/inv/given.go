package main

import (
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// leastOf annotates a flag with the least value that it takes.
const leastOf = "inv_least"

// atLeast bounds numbers and durations from below, if they are given: a default of 0
// that stands for no limit is not a value that a user can ask for.
func atLeast(fs *pflag.FlagSet, least int64, names ...string) {
	for _, name := range names {
		_ = fs.SetAnnotation(name, leastOf, []string{strconv.FormatInt(least, 10)}) // the flag exists
	}
}

// mayBeEmpty reports whether an empty value of a flag means something.
func mayBeEmpty(flag *pflag.Flag) bool {
	return flag.Name == "key" || flag.Value.Type() == "NAME=VALUE" // a record's key; -X has no value to show
}

// checkGiven refuses values that a command would take for a flag that was not given: an
// unset variable in a script, "$SEED", is not the wish for a random seed.
func checkGiven(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if err == nil {
			err = givenError(f)
		}
	})
	return err
}

func givenError(f *pflag.Flag) error {
	value := f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok && (slices.Contains(list.GetSlice(), "") || len(list.GetSlice()) == 0) || value == "" && !mayBeEmpty(f) {
		return usagef("--%s can't be empty; give it a value, or leave it out", f.Name)
	}
	least, ok := f.Annotations[leastOf]
	if !ok {
		return nil
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if f.Value.Type() == "duration" {
		var d time.Duration
		d, err = time.ParseDuration(value)
		number = int64(d)
	}
	want, _ := strconv.ParseInt(least[0], 10, 64) // atLeast wrote it
	if err != nil || number >= want {
		return nil
	}
	if want == 1 {
		return usagef("--%s %s: use a value above 0, or leave it out", f.Name, value)
	}
	return usagef("--%s %s: use %d or more", f.Name, value, want)
}
