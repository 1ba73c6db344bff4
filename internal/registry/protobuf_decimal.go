package registry

import (
	"fmt"
	"strings"

	"inv/internal/jsonscan"
	"inv/internal/registry/shape"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Protobuf has no decimals. One with more digits than a double holds is a string, with a
// comment behind the field, decimal(PRECISION, SCALE), by which its JSON is a number as
// in all other forms. A schema that somebody else writes may say so, too.

const decimalPrefix = "decimal("

// decimalComment returns the comment behind a derived field.
func decimalComment(t shape.Type) string {
	if t.Kind == shape.List && t.Elem != nil {
		t = *t.Elem
	}
	if t.Kind != shape.Decimal || t.Precision <= maxDoubleDigits {
		return ""
	}
	return fmt.Sprintf(" // %s%d, %d)", decimalPrefix, t.Precision, t.Scale)
}

// isDecimal reports whether a field is a string whose JSON is a number.
func isDecimal(d protoreflect.FieldDescriptor) bool {
	if d.Kind() != protoreflect.StringKind {
		return false
	}
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	return strings.HasPrefix(strings.TrimSpace(at.TrailingComments), decimalPrefix)
}

// isNumberText reports whether a text is a number in JSON.
func isNumberText(b []byte) bool {
	if len(b) == 0 || !isNumber(b) {
		return false
	}
	_, ok := jsonscan.Valid(b)
	return ok && b[len(b)-1] > ' '
}
