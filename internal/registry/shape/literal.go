package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// OfLiteral returns the type of a single JSON value: the narrowest one, so that a
// comparison with a schema tells whether it can hold the value. What is not JSON, such as
// an expression, an object or a list, can be any value. So can a text that is a time or a
// date, since some schemas take those for numbers.
func OfLiteral(text []byte) Type {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return Type{}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Type{}
	}
	switch v := v.(type) {
	case nil:
		return Type{Kind: Null}
	case bool:
		return Type{Kind: Bool}
	case string:
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly, time.TimeOnly} {
			if _, err := time.Parse(layout, v); err == nil {
				return Type{}
			}
		}
		return Type{Kind: Enum, Symbols: []string{v}}
	case json.Number:
		return ofNumber(v.String())
	}
	return Type{}
}

func ofNumber(text string) Type {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Type{Kind: Int, Low: n, High: n}
	}
	if strings.ContainsAny(text, "eE") {
		return Type{Kind: Float}
	}
	whole, decimals, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	decimals = strings.TrimRight(decimals, "0")
	digits := len(strings.TrimLeft(whole, "0")) + len(decimals)
	return Type{Kind: Decimal, Precision: max(digits, 1), Scale: len(decimals)}
}
