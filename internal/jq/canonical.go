package jq

import (
	"github.com/itchyny/gojq"

	"inv/internal/jsonscan"
)

// Canonical returns the value's JSON text as jq writes it: equal values have equal texts,
// but for numbers, which keep their own.
func (v Value) Canonical() []byte {
	switch v.kind {
	case kindString:
		return jsonscan.AppendString(nil, v.str())
	case kindArray, kindObject:
		text, err := gojq.Marshal(v.native())
		if err == nil {
			return text
		}
	}
	return v.AppendJSON(nil)
}

// Native returns the value as gojq has it: maps, slices, strings and numbers, those of
// JSON text as [encoding/json.Number].
func (v Value) Native() any { return v.native() }
