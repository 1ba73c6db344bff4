// Package suggest finds the intended word for a misspelt one.
package suggest

import "fmt"

// Nearest returns the candidate with the smallest edit distance to word, or "" if
// none is within a third of its length, or within one edit for short words.
func Nearest[S ~string](word string, candidates []S) string {
	best, bestDistance := "", max(1, len(word)/3)+1
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
