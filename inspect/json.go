package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// JSON renders each record as one JSON object on one line: topic, partition,
// offset, timestamp (epoch ms), key, headers (a list, as keys may repeat) and
// value. A value that is JSON stands there as it is, its numbers to the last
// digit; one that is text has "value_encoding":"text" beside it, and bytes that
// are not UTF-8 are base64, marked by "key_encoding", "value_encoding" or a
// header's "encoding". A tombstone is null, an empty value the text "".
type JSON struct {
	Indent bool // many lines a record, two blanks a level

	theme *theme.Theme
	views map[string]*View
	line  []byte
	block bytes.Buffer
}

// NewJSON returns a renderer; with a theme that has colours, in colour. The
// views are for topics whose values hold several documents: each becomes an
// object with its place, "line".
func NewJSON(t *theme.Theme, views map[string]*View) *JSON {
	if t == nil {
		t = &theme.Theme{}
	}
	return &JSON{theme: t, views: views}
}

// Append appends the record's line.
func (j *JSON) Append(dst []byte, r *Record) []byte {
	if v := j.views[r.Topic]; v != nil && v.lines && r.Value != nil {
		for n, line := range bytes.Split(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n")) {
			dst = j.append(dst, r, line, n)
		}
		return dst
	}
	return j.append(dst, r, r.Value, -1)
}

func (j *JSON) append(dst []byte, r *Record, value []byte, number int) []byte {
	if !j.theme.Enabled() && !j.Indent {
		return append(appendObject(dst, r, value, number), '\n')
	}
	j.line = appendObject(j.line[:0], r, value, number)
	text := j.line
	if j.Indent {
		j.block.Reset()
		if json.Indent(&j.block, j.line, "", "  ") == nil {
			text = j.block.Bytes()
		}
	}
	dst = append(AppendColored(reserve(dst, len(text)), text, j.theme), '\n')
	if j.line = emptied(j.line); j.line == nil {
		j.block = bytes.Buffer{}
	}
	return dst
}

func appendObject(dst []byte, r *Record, value []byte, number int) []byte {
	dst = append(reserve(dst, len(value)), `{"topic":"`...)
	dst = appendTopic(dst, r.Topic)
	dst = append(dst, `","partition":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	if number >= 0 {
		dst = append(dst, `,"line":`...)
		dst = strconv.AppendInt(dst, int64(number), 10)
	}
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, r.Timestamp, 10)
	dst = append(dst, `,"key":`...)
	dst = appendText(dst, r.Key, `,"key_encoding":"base64"`)
	if r.HeaderCount > 0 {
		dst = appendHeaderList(append(dst, `,"headers":[`...), r)
		dst = append(dst, ']')
	} else {
		dst = append(dst, `,"headers":[]`...)
	}
	dst = append(dst, `,"value":`...)
	return append(appendJSONValue(dst, value), '}')
}

// appendTopic appends a topic's name: letters, digits, dots, _ and -, unless a
// broker sends what none should.
func appendTopic(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			quoted := jsonscan.AppendString(nil, termsafe.Append(nil, []byte(name)))
			return append(dst, quoted[1:len(quoted)-1]...)
		}
	}
	return append(dst, name...)
}

// appendText appends bytes as a string, or base64 and the mark behind it.
func appendText(dst, b []byte, mark string) []byte {
	switch {
	case b == nil:
		return append(dst, "null"...)
	case !utf8.Valid(b):
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, b)
		return append(append(dst, '"'), mark...)
	}
	return jsonscan.AppendString(dst, b)
}

func appendHeaderList(dst []byte, r *Record) []byte {
	first := true
	r.EachHeader(func(key, value []byte) bool {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, `{"key":`...)
		dst = jsonscan.AppendString(dst, key)
		dst = append(dst, `,"value":`...)
		dst = appendText(dst, value, `,"encoding":"base64"`)
		dst = append(dst, '}')
		return true
	})
	return dst
}

func appendJSONValue(dst, value []byte) []byte {
	if value == nil {
		return append(dst, "null"...)
	}
	flags, ok := jsonscan.Valid(value)
	if ok && (flags&jsonscan.High == 0 || utf8.Valid(value)) {
		return jsonscan.AppendSafe(dst, value, flags)
	}
	if !utf8.Valid(value) {
		return appendText(dst, value, `,"value_encoding":"base64"`)
	}
	return append(jsonscan.AppendString(dst, value), `,"value_encoding":"text"`...)
}
