// Package compose makes texts, JSON bodies and keys from records, by the texts, bodies and
// selectors of a scenario, and keeps the values of variables out of what is shown.
//
// It is pure: variables are looked up by a function, once, when something is compiled.
// What is compiled may be used by several goroutines at once.
package compose
