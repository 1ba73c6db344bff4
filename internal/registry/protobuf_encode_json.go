package registry

import (
	"math"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
)

// The tags of the fields of google.protobuf.Struct, Value and ListValue.
const (
	tagFields = 1<<3 | byte(protowire.BytesType) // of a Struct, a map; and the values of a ListValue
	tagKey    = 1<<3 | byte(protowire.BytesType) // of an entry
	tagEntry  = 2<<3 | byte(protowire.BytesType) // the value of an entry
	tagNull   = 1<<3 | byte(protowire.VarintType)
	tagNumber = 2<<3 | byte(protowire.Fixed64Type)
	tagString = 3<<3 | byte(protowire.BytesType)
	tagBool   = 4<<3 | byte(protowire.VarintType)
	tagStruct = 5<<3 | byte(protowire.BytesType)
	tagList   = 6<<3 | byte(protowire.BytesType)
)

// appendJSONMessage appends the google.protobuf.Struct, Value or ListValue of the value at
// an index of well-formed JSON, and returns the index after it. Values may be nested
// deeply, so they are read in one pass.
func appendJSONMessage(dst []byte, known protoKnown, text []byte, at, depth int) (_ []byte, end int, err error) {
	if depth < 0 {
		return dst, at, valueErrorf("%v", errDeep)
	}
	switch c := text[at]; {
	case known == knownStruct && c != '{':
		return dst, at, valueErrorf("%s is not an object", shown(text[at:]))
	case known == knownList && c != '[':
		return dst, at, valueErrorf("%s is not an array", shown(text[at:]))
	case known == knownStruct:
		return appendJSONObject(dst, text, at, depth)
	case known == knownList:
		return appendJSONArray(dst, text, at, depth)
	case c == '{' || c == '[':
		inner, tag := knownStruct, tagStruct
		if c == '[' {
			inner, tag = knownList, tagList
		}
		dst = append(dst, tag, 0)
		start := len(dst) - 1
		dst, end, err = appendJSONMessage(dst, inner, text, at, depth-1)
		return closeLength(dst, start), end, err
	}
	end = at + jsonscan.End(text[at:])
	dst, err = appendJSONScalar(dst, text[at:end])
	return dst, end, err
}

// appendJSONScalar appends a Value that is no object and no array.
func appendJSONScalar(dst, json []byte) (_ []byte, err error) {
	switch json[0] {
	case 'n':
		return append(dst, tagNull, 0), nil
	case 't':
		return append(dst, tagBool, 1), nil
	case 'f':
		return append(dst, tagBool, 0), nil
	case '"':
		dst = append(dst, tagString, 0)
		start := len(dst) - 1
		dst, err = appendText(dst, json)
		return closeLength(dst, start), err
	}
	v, err := floatOf(json, 64)
	return protowire.AppendFixed64(append(dst, tagNumber), math.Float64bits(v)), err
}

func appendJSONObject(dst, text []byte, at, depth int) (_ []byte, end int, err error) {
	for at = skipSpace(text, at+1); text[at] != '}'; {
		key := text[at : at+jsonscan.End(text[at:])]
		at = skipSpace(text, skipSpace(text, at+len(key))+1) // after the colon
		dst = append(dst, tagFields, 0)
		entry := len(dst) - 1
		dst = append(dst, tagKey, 0)
		start := len(dst) - 1
		if dst, err = appendText(dst, key); err != nil {
			return dst, at, err
		}
		dst = append(closeLength(dst, start), tagEntry, 0)
		start = len(dst) - 1
		if dst, at, err = appendJSONMessage(dst, knownValue, text, at, depth); err != nil {
			return dst, at, within(err, stepName(jsonscan.Unquote(key)))
		}
		dst = closeLength(closeLength(dst, start), entry)
		if at = skipSpace(text, at); text[at] == ',' {
			at = skipSpace(text, at+1)
		}
	}
	return dst, at + 1, nil
}

func appendJSONArray(dst, text []byte, at, depth int) (_ []byte, end int, err error) {
	i := 0
	for at = skipSpace(text, at+1); text[at] != ']'; i++ {
		dst = append(dst, tagFields, 0)
		start := len(dst) - 1
		if dst, at, err = appendJSONMessage(dst, knownValue, text, at, depth); err != nil {
			return dst, at, within(err, index(i))
		}
		dst = closeLength(dst, start)
		if at = skipSpace(text, at); text[at] == ',' {
			at = skipSpace(text, at+1)
		}
	}
	return dst, at + 1, nil
}
