//go:build !race

package registry_test

// raceEnabled reports whether the race detector runs, which drops pooled memory.
const raceEnabled = false
