package main

import (
	"fmt"
	"strings"
)

// bounds compares what is measured with what it may be at most, or must be at
// least, and remembers what is not so.
type bounds struct{ broken []string }

// most prints a figure that may not be above a bound.
func (b *bounds) most(what string, value float64, unit string, bound float64) {
	b.print(what, value, unit, "at most", bound, value <= bound)
}

// least prints a figure that may not be below a bound.
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

// verdict is an error if a bound is broken.
func (b *bounds) verdict() error {
	if len(b.broken) > 0 {
		return fmt.Errorf("%d bounds are broken: %s", len(b.broken), strings.Join(b.broken, "; "))
	}
	fmt.Println("All bounds hold.")
	return nil
}
