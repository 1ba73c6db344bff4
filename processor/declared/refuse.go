package declared

import (
	"fmt"

	"inv/internal/event"
)

// refused returns an error that refuses a record.
func refused(reason event.Reason, format string, args ...any) error {
	return &refusalError{Refusal{reason, fmt.Sprintf(format, args...)}}
}
