package forward_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"inv/processor/forward"
)

// Every record is delivered once, in the order of its lane, and a second run has nothing
// to do.
func TestDeliversInOrder(t *testing.T) {
	onEach(t, 1, 3, func(t *testing.T, r *rig) {
		r.produce(0, 3000, 3, 30)
		s := &letterBox{}
		summary := r.run(r.config(), s)
		inOrder(t, s.got, 0, 3000, 30, true)
		if s.overlaps > 0 || summary.Delivered != 3000 || summary.Messages != 3000 || summary.Letters() != 0 {
			t.Errorf("%d overlaps, %+v", s.overlaps, summary)
		}
		s = &letterBox{}
		if r.run(r.config(), s); len(s.got) > 0 {
			t.Errorf("%v came again", s.got)
		}
		r.produce(3000, 300, 3, 30)
		r.run(r.config(), s)
		inOrder(t, s.got, 3000, 300, 30, true)
	})
}

// One poison record among a thousand is a dead letter, and the others are delivered.
func TestPoisonRecord(t *testing.T) {
	onEach(t, 1, 2, func(t *testing.T, r *rig) {
		r.produce(0, 1000, 2, 10)
		s := &letterBox{send: func(_ context.Context, r *forward.Record) error {
			if string(r.Value) == "500" {
				return &forward.RecordError{Reason: forward.Refused, Err: errors.New("400 Bad Request")}
			}
			return nil
		}}
		summary := r.run(r.config(), s)
		inOrder(t, s.got, 0, 1000, 10, true, 500)
		if got := r.letters(); !slices.Equal(got, []string{"500 refused"}) || summary.DeadLetters["refused"] != 1 {
			t.Errorf("letters: %q, %+v", got, summary)
		}
		if r.run(r.config(), s); len(s.got) != 999 || len(r.letters()) != 1 {
			t.Error("a second run repeats something")
		}
	})
}
