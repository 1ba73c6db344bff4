package main

import (
	"fmt"
	"strings"
)

// bounds checks figures against bounds and collects those that break theirs.
type bounds struct{ broken []string }

// most prints a figure with its maximum.
func (b *bounds) most(what string, value float64, unit string, bound float64) {
	b.print(what, value, unit, "at most", bound, value <= bound)
}

// least prints a figure with its minimum.
func (b *bounds) least(what string, value float64, unit string, bound float64) {
	b.print(what, value, unit, "at least", bound, value >= bound)
}

func (b *bounds) print(what string, value float64, unit, side string, bound float64, holds bool) {
	word := "holds"
	if !holds {
		word = "BROKEN"
		b.broken = append(b.broken, what)
	}
	fmt.Printf("%-36s %8.2f %-9s %s %g: %s\n", what, value, unit, side, bound, word)
}

// verdict returns an error if a bound is broken.
func (b *bounds) verdict() error {
	if len(b.broken) > 0 {
		return fmt.Errorf("%d bounds are broken: %s", len(b.broken), strings.Join(b.broken, "; "))
	}
	fmt.Println("All bounds hold.")
	return nil
}
