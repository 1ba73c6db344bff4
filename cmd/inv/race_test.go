//go:build race

package main

// testsPerProcessor is how many tests run at once for each processor. With the race
// detector they compute more than they wait.
const testsPerProcessor = 1
