package registry

import (
	"strings"
	"time"

	"inv/internal/registry/shape"
)

// nameOf returns how misfits call a shape.
func nameOf(s shape.Type) string {
	switch s.Kind {
	case shape.Null:
		return "null"
	case shape.Bool:
		return "true or false"
	case shape.Int:
		return "a whole number"
	case shape.Decimal:
		return "a decimal number"
	case shape.Float:
		return "a number"
	case shape.Enum:
		return "one of " + brief(strings.Join(s.Symbols, ", "))
	case shape.Time:
		return "a time in " + unitName(s.Unit)
	case shape.Date:
		return "a date"
	case shape.Object:
		return "an object"
	case shape.List:
		return "a list"
	case shape.Union:
		return "one of several types"
	}
	return "text"
}

func unitName(unit time.Duration) string {
	switch unit {
	case time.Millisecond:
		return "milliseconds"
	case time.Microsecond:
		return "microseconds"
	case time.Nanosecond:
		return "nanoseconds"
	}
	return "seconds"
}
