// Package suggest finds the intended word for a misspelt one.
package suggest

import (
	"fmt"
	"strings"
)

// Nearest returns the shortest candidate that begins with word, if that has three
// bytes or more; else the candidate with the smallest edit distance to it, within a
// third of its length, or one for short words; else "".
func Nearest[S ~string](word string, candidates []S) string {
	best := ""
	for _, c := range candidates {
		if len(word) >= 3 && strings.HasPrefix(string(c), word) && (best == "" || len(c) < len(best)) {
			best = string(c)
		}
	}
	if best != "" {
		return best
	}
	bestDistance := max(1, len(word)/3) + 1
	for _, c := range candidates {
		if d := editDistance(word, string(c)); d < bestDistance {
			best, bestDistance = string(c), d
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of
// adjacent bytes (optimal string alignment).
func editDistance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// DidYouMean returns "; did you mean …?" with the nearest candidate, the end of a
// message about an unknown word, or "" if none is near.
func DidYouMean[S ~string](word string, candidates []S) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// most is how many names a message lists.
const most = 8

// List returns the names for a message: a, b, c; and of a long list how many more
// there are.
func List[S ~string](names []S) string {
	shown := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, string(n))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
