package processor

import (
	"fmt"
	"strings"
)

// StartOverError is wrapped by errors about topics, offsets and state that do not
// belong together: going on would count records twice or not at all. Starting
// over from the inputs helps, with new groups and new state.
type StartOverError struct{ Err error }

func (e *StartOverError) Error() string { return e.Err.Error() }

// Unwrap returns what does not belong together.
func (e *StartOverError) Unwrap() error { return e.Err }

// StartOver returns a StartOverError with a formatted message.
func StartOver(format string, args ...any) error {
	return &StartOverError{fmt.Errorf(format, args...)}
}

// OtherApplicationError is returned when another application writes a topic that
// only one may write.
type OtherApplicationError struct{ Topic, App string }

func (e *OtherApplicationError) Error() string {
	return fmt.Sprintf("topic %s is written by the application %s", e.Topic, quoted(e.App))
}

// PendingTransactionError is returned when a group's offsets have waited for the
// end of a transaction for longer than a transaction lives.
type PendingTransactionError struct {
	Group string
	Err   error
}

func (e *PendingTransactionError) Error() string {
	return fmt.Sprintf("offsets of the group %s have waited for the end of a transaction for %s, longer than a transaction lives; brokers that are all stopped at once can lose the end: %v", e.Group, pendingFor, e.Err)
}

// Unwrap returns the broker's error.
func (e *PendingTransactionError) Unwrap() error { return e.Err }

// GrownError is returned for a topic that has got more partitions than the state
// that is laid out by them allows.
type GrownError struct {
	Topic      string
	Have, Want int
}

func (e *GrownError) Error() string {
	return fmt.Sprintf("topic %s has %d partitions and must keep %d: keys are assigned to them by their hash, and would move away from their state", e.Topic, e.Have, e.Want)
}

// GrowError is returned when a changelog can't be given the partitions that its
// source has got.
type GrowError struct {
	Topic, Source string
	Partitions    int
	Err           error
}

func (e *GrowError) Error() string {
	return fmt.Sprintf("%s has %d partitions and its changelog %s fewer: %v", e.Source, e.Partitions, e.Topic, e.Err)
}

// Unwrap returns why.
func (e *GrowError) Unwrap() error { return e.Err }

// ChangedError is returned for a topology whose state was made by another form of it.
type ChangedError struct {
	Topology  string
	Group     string
	Version   int      // of the topology
	Committed int      // of its state
	Parts     []string // what has changed, by the names in the scenario
}

func (e *ChangedError) Error() string {
	switch {
	case e.Version < e.Committed:
		return fmt.Sprintf("the topology %s has version %d, and the state of %s is of version %d", e.Topology, e.Version, e.Group, e.Committed)
	case e.Version > e.Committed:
		return fmt.Sprintf("the topology %s has version %d, and the state of %s is of version %d, with nothing that upgrades it", e.Topology, e.Version, e.Group, e.Committed)
	}
	return fmt.Sprintf("the topology %s is not the one that made the state of %s: %s changed since", e.Topology, e.Group, strings.Join(e.Parts, ", "))
}

// InputsGoneError adds to an error against which starting over helps that the
// inputs are not complete any more: what is gone from them, applied or not, would
// be missing from the new state.
type InputsGoneError struct {
	Gone map[string]int64 // how many of its first offsets each input no longer has
	Err  error
}

func (e *InputsGoneError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *InputsGoneError) Unwrap() error { return e.Err }
