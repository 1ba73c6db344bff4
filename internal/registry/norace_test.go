//go:build !race

package registry

// RaceEnabled reports whether the race detector runs, which drops pooled memory.
const RaceEnabled = false
