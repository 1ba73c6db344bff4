package declared

import (
	"context"
	"testing"
)

// A stage that could not read the records of its letters starts over three times, then goes
// on with copies; one success, or the end of the session, begins the count again.
func TestUnreadLetters(t *testing.T) {
	late, cancel := context.WithCancel(t.Context())
	cancel()
	s := &stateStage{}
	for range 2 {
		for try := range letterTries {
			if s.unread(late, t.Context()) == nil {
				t.Errorf("try %d is not repeated", try)
			}
		}
		if err := s.unread(late, t.Context()); err != nil {
			t.Errorf("after %d tries: %v", letterTries, err)
		}
		if err := s.unread(t.Context(), t.Context()); err != nil {
			t.Errorf("in time: %v", err)
		}
	}
	if err := s.unread(late, late); err != nil {
		t.Errorf("at the end of the session: %v", err)
	}
}
