//go:build !race

package main

// testsPerProcessor is how many tests run at once for each processor. They wait for brokers
// and for each other's processes more than they compute.
const testsPerProcessor = 4
