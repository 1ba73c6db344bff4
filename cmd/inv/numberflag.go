package main

import (
	"regexp"
	"strconv"
	"strings"

	"inv/internal/scenario"
	"inv/internal/when"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// numberFlag is a flag of a whole number or a duration. Besides what pflag reads it takes
// 1e6, and d and w as units.
type numberFlag struct{ pflag.Value }

func (f numberFlag) Set(text string) error {
	if f.Type() == "duration" {
		d, err := when.ParseDuration(text)
		if err != nil {
			return err
		}
		return f.Value.Set(d.String())
	}
	if n, ok := scenario.ParseNumber(text); ok && strings.ContainsAny(text, "eE") {
		if whole, ok := n.Whole(); ok {
			text = strconv.FormatInt(whole, 10)
		}
	}
	return f.Value.Set(text)
}

// takesNumbers wraps the flags of numbers and durations of a command.
func takesNumbers(cmd *cobra.Command) {
	wrap := func(f *pflag.Flag) {
		switch f.Value.Type() {
		case "duration", "int", "int64", "uint64":
			f.Value = numberFlag{f.Value}
		}
	}
	cmd.Flags().VisitAll(wrap)
	cmd.PersistentFlags().VisitAll(wrap)
}

// shortNumber matches a number as people shorten or group it: 10k, 1.5M, 10,000.
var shortNumber = regexp.MustCompile(`^(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)([kKmM]?)$`)

// longNumber returns the digits of a number as people shorten or group it, "" for
// anything else.
func longNumber(text string) string {
	m := shortNumber.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, ok := scenario.ParseNumber(strings.ReplaceAll(m[1], ",", "") + map[string]string{"": "e0", "k": "e3", "K": "e3", "m": "e6", "M": "e6"}[m[2]])
	whole, isWhole := n.Whole()
	if !ok || !isWhole {
		return ""
	}
	return strconv.FormatInt(whole, 10)
}
