package registry

import (
	"bytes"
	"math/bits"
	"time"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// known appends a type of google.protobuf that has a form of its own. An object with the
// fields of a time, a duration or a mask is accepted, too: what has no other form is
// written like that.
func (e *protoEncoder) known(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	switch m.known {
	case knownWrapper:
		return e.field(dst, &m.fields[0], json)
	case knownAny:
		return e.any(dst, m, json)
	case knownStruct, knownValue, knownList:
		dst, _, err := appendJSONMessage(dst, m.known, json, 0, maxDepth)
		return dst, err
	}
	switch {
	case json[0] == '{':
		return e.object(dst, m, json, false)
	case m.known == knownTimestamp:
		seconds, nanos, err := timestampOf(json)
		return appendSeconds(dst, seconds, nanos), err
	case m.known == knownDuration:
		seconds, nanos, err := durationOf(json)
		return appendSeconds(dst, seconds, nanos), err
	}
	return e.mask(dst, m, json)
}

// appendSeconds appends the fields of a Timestamp or a Duration.
func appendSeconds(dst []byte, seconds int64, nanos int32) []byte {
	if seconds != 0 {
		dst = protowire.AppendVarint(append(dst, 1<<3), uint64(seconds))
	}
	if nanos != 0 {
		dst = protowire.AppendVarint(append(dst, 2<<3), uint64(int64(nanos)))
	}
	return dst
}

// timestampOf returns the time of a number of milliseconds since 1970, or of text as in
// RFC 3339.
func timestampOf(json []byte) (seconds int64, nanos int32, err error) {
	if isNumber(json) {
		negative, high, low, ok := scaled(json, 6)
		if !ok {
			return 0, 0, valueErrorf("%s ms is finer than a nanosecond", shown(json))
		}
		if high >= 1e9 {
			return 0, 0, outOfTime(json)
		}
		whole, rest := bits.Div64(high, low, 1e9)
		if whole > maxTimestamp {
			return 0, 0, outOfTime(json)
		}
		seconds, nanos = int64(whole), int32(rest)
		if negative {
			if seconds = -seconds; nanos > 0 {
				seconds, nanos = seconds-1, 1e9-nanos
			}
		}
	} else {
		if json[0] != '"' {
			return 0, 0, valueErrorf("%s is not a time", shown(json))
		}
		text := jsonscan.Unquote(json)
		t, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil || bytes.IndexByte(text, ',') >= 0 {
			return 0, 0, valueErrorf("%s is not a time as in RFC 3339", shown(json))
		}
		if fine(text) {
			return 0, 0, valueErrorf("%s is finer than a nanosecond", shown(json))
		}
		seconds, nanos = t.Unix(), int32(t.Nanosecond())
	}
	if seconds < minTimestamp || seconds > maxTimestamp {
		return 0, 0, outOfTime(json)
	}
	return seconds, nanos, nil
}

func outOfTime(json []byte) error {
	return valueErrorf("%s is not from the year 1 to 9999, as google.protobuf.Timestamp wants", shown(json))
}

// fractionDigits returns how many digits follow the point in a text.
func fractionDigits(text []byte) int {
	_, fraction, _ := bytes.Cut(text, []byte("."))
	n := 0
	for n < len(fraction) && fraction[n] >= '0' && fraction[n] <= '9' {
		n++
	}
	return n
}

// durationOf returns a duration as ProtoJSON has it: seconds with at most 9 decimals and
// an s.
func durationOf(json []byte) (seconds int64, nanos int32, err error) {
	if json[0] == '"' {
		text, ok := bytes.CutSuffix(jsonscan.Unquote(json), []byte("s"))
		if ok && len(text) > 0 && isNumber(text) && jsonscan.End(text) == len(text) && !bytes.ContainsAny(text, "eE") && fractionDigits(text) <= 9 {
			negative, high, low, _ := scaled(text, 9)
			if high < 1e9 {
				whole, rest := bits.Div64(high, low, 1e9)
				if whole <= maxDuration {
					if seconds, nanos = int64(whole), int32(rest); negative {
						seconds, nanos = -seconds, -nanos
					}
					return seconds, nanos, nil
				}
			}
		}
	}
	return 0, 0, valueErrorf(`%s is not a duration such as "1.5s"`, shown(json))
}

// mask appends a FieldMask of a text with paths in camel case between commas.
func (e *protoEncoder) mask(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	if json[0] != '"' {
		return dst, valueErrorf("%s is not a field mask", shown(json))
	}
	rest := jsonscan.Unquote(json)
	for more := len(rest) > 0; more; {
		var path []byte
		path, rest, more = bytes.Cut(rest, []byte(","))
		at := len(dst) + 1
		dst = append(dst, byte(m.fields[0].tag), 0)
		start := len(dst)
		for _, c := range path {
			if c == '_' {
				return dst, valueErrorf("%s is not a field mask in camel case", shown(json))
			}
			if c >= 'A' && c <= 'Z' {
				dst, c = append(dst, '_'), c-'A'+'a'
			}
			dst = append(dst, c)
		}
		if !protoreflect.FullName(dst[start:]).IsValid() {
			return dst, valueErrorf("%s is not a field mask", shown(json))
		}
		dst = closeLength(dst, at)
	}
	return dst, nil
}

// any appends a google.protobuf.Any: an object with @type, the name of a message that the
// schema defines, and its fields, or the value of a type with a form of its own.
func (e *protoEncoder) any(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	url := jsonscan.Member(json, "@type")
	if json[0] != '{' || url == nil {
		return e.object(dst, m, json, false)
	}
	if url[0] != '"' {
		return dst, &ValueError{"@type", shown(url) + " is not text"}
	}
	text := jsonscan.Unquote(url)
	inner := e.types[string(afterSlash(text))]
	if inner == nil || len(text) == 0 {
		return dst, &ValueError{"@type", "the schema does not define " + shown(url)}
	}
	if e.anys == maxAnys {
		return dst, valueErrorf("google.protobuf.Any is nested more than %d levels deep", maxAnys)
	}
	e.anys++
	defer func() { e.anys-- }()
	dst, err := e.field(dst, &m.fields[0], url)
	if err != nil {
		return dst, err
	}
	dst = append(dst, byte(m.fields[1].tag), 0)
	at := len(dst) - 1
	if inner.known == knownNone {
		dst, err = e.object(dst, inner, json, true)
	} else {
		dst, err = e.held(dst, inner, json)
	}
	if dst = closeLength(dst, at); len(dst) == at+1 {
		dst = dst[:at-1] // nothing is held
	}
	return dst, err
}

// held appends the value in an Any of a type that has a form of its own.
func (e *protoEncoder) held(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	value := jsonscan.Member(json, "value")
	if value == nil { // it is written field by field
		return e.object(dst, m, json, true)
	}
	for c := jsonscan.Open(json); ; {
		k, _, ok := c.Member()
		if !ok {
			break
		}
		if name := string(jsonscan.Unquote(k)); name != "@type" && name != "value" {
			return dst, valueErrorf("%s has no field %s", m.desc.FullName(), shown(k))
		}
	}
	dst, err := e.message(dst, m, value)
	if err != nil {
		return dst, within(err, "value")
	}
	return dst, nil
}
