package declared

import (
	"errors"
	"fmt"
	"strconv"

	"inv/internal/event"
)

// refusalError is a Refusal on its way, for another reason than an expression.
type refusalError struct{ Refusal }

func (e *refusalError) Error() string { return e.Message }

func refused(reason event.Reason, format string, args ...any) error {
	return &refusalError{Refusal{reason, fmt.Sprintf(format, args...)}}
}

// refusal returns what an error says about a record. It reports false if the error is
// about something else.
func refusal(err error) (Refusal, bool) {
	var failed *ExpressionError
	var refused *refusalError
	switch {
	case errors.As(err, &failed):
		return Refusal{ReasonExpression, failed.Error()}, true
	case errors.As(err, &refused):
		return refused.Refusal, true
	}
	return Refusal{}, false
}

// maxQuoted bounds the keys in messages.
const maxQuoted = 64

// quoted returns a key as messages may repeat it.
func quoted(key []byte) string {
	if len(key) > maxQuoted {
		key = key[:maxQuoted]
	}
	return strconv.QuoteToASCII(string(key))
}
