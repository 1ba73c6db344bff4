package main

import (
	"fmt"
	"strings"
)

func mb(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }

// head prints the head of a Markdown table.
func head(cells ...string) {
	fmt.Printf("| %s |\n|%s\n", strings.Join(cells, " | "), strings.Repeat("---|", len(cells)))
}
