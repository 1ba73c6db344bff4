package declared

import (
	"context"
	"errors"
	"time"

	"github.com/itchyny/gojq"
)

// Records are anything, and what an expression makes of one must not take a reader's
// memory or time. The processor's bounds are lower, and counted in another way.
const (
	maxSteps = 20_000_000 // gojq's instructions in an evaluation
	maxText  = 64 << 20   // bytes of a string that is repeated
)

// meter is a context that ends an evaluation after a number of steps, since gojq looks at
// its context before each of them.
type meter struct {
	left int
	done chan struct{}
}

var errSteps = errors.New("too many steps")

func (m *meter) Done() <-chan struct{} {
	if m.left--; m.left <= 0 && m.done == nil {
		m.done = make(chan struct{})
		close(m.done)
	}
	return m.done
}

func (m *meter) Err() error {
	if m.done == nil {
		return nil
	}
	return errSteps
}

func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }

func (m *meter) Value(any) any { return nil }

var _ context.Context = (*meter)(nil)

// timesName is a function that returns its two arguments, unless their product is a string
// that is too long. No expression of a topology has a name that begins so.
const timesName = "__times"

var bounded = gojq.WithFunction(timesName, 2, 2, func(_ any, args []any) any {
	for i, arg := range args {
		text, ok := arg.(string)
		times, number := gojq.ToFloat64(args[1-i])
		if ok && number && times*float64(len(text)) > maxText {
			return errors.New("too long a string")
		}
	}
	return []any{args[0], args[1]} // args are gojq's
})
