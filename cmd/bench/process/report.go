package main

import (
	"fmt"
	"strings"
)

func mib(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

// titles returns those of the sides that ran, as cells.
func titles(sides []side, runs map[string][]*drained) string {
	var t []string
	for _, s := range sides {
		if len(runs[s.name]) > 0 {
			t = append(t, s.title)
		}
	}
	return strings.Join(t, " | ")
}
