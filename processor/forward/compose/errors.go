package compose

import (
	"errors"
	"fmt"

	"inv/internal/jq"
	"inv/internal/scenario"
	"inv/processor/forward"
)

// Error is a text or an expression that is wrong, or that failed on a record, with its
// position in the scenario's file.
type Error struct {
	File string // as [Variables.Error] sets it, "" otherwise
	Pos  scenario.Position
	Err  error
}

func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("line %d, column %d: %v", e.Pos.Line, e.Pos.Column, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Pos.Line, e.Pos.Column, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// fails returns the error of a record for which there is no value.
func fails(r *forward.Record, reason string, pos scenario.Position, err error) error {
	var failed *jq.EvalError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return &forward.RecordError{Record: r, Reason: reason, Err: &Error{Pos: pos, Err: err}}
}

var (
	errNotJSON    = errors.New("the record's value is not JSON")
	errNotUnicode = errors.New("the record's key is not UTF-8")
)

// misreads returns the error of an expression that can't be compiled, at its own place.
func misreads(x *scenario.JQ, err error) error {
	var mistake *jq.Error
	if !errors.As(err, &mistake) {
		return &Error{Pos: x.Pos, Err: err}
	}
	if mistake.Offset < 0 {
		return &Error{Pos: x.Pos, Err: mistake.Err}
	}
	return &Error{Pos: x.At(mistake.Offset), Err: mistake.Err}
}
