package main

import (
	"fmt"
	"slices"
	"strings"
)

// median of at least one number.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

func medianOf[T any](of []T, value func(T) float64) float64 {
	var numbers []float64
	for _, x := range of {
		numbers = append(numbers, value(x))
	}
	return median(numbers)
}

func mib(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

func repeat(s string, n int) string { return strings.Repeat(s, n) }

// titles are those of the sides that ran, as cells.
func titles(sides []side, runs map[string][]*drained) string {
	var t []string
	for _, s := range sides {
		if len(runs[s.name]) > 0 {
			t = append(t, s.title)
		}
	}
	return strings.Join(t, " | ")
}
