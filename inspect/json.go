package inspect

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/theme"
)

// JSON renders each record as a JSON object on one line: topic, partition, offset,
// timestamp (epoch ms), key, headers (an array, as keys may repeat) and value. A JSON
// value is copied, its numbers to the last digit; other text is a string with
// "value_encoding":"text", and bytes that are not UTF-8 are base64, marked by
// "key_encoding", "value_encoding" or a header's "key_encoding" and "encoding". A
// tombstone is null, an empty value the text "", and the JSON value null has
// "value_encoding":"json".
type JSON struct {
	Indent bool // many lines for each record, with two blanks for each level

	theme *theme.Theme
	views map[string]*View
	line  []byte
	block bytes.Buffer
}

// NewJSON returns a renderer, in the theme's colours. The views are for topics whose
// values hold several documents: each becomes an object with its number, "line".
func NewJSON(t *theme.Theme, views map[string]*View) *JSON {
	return &JSON{theme: cmp.Or(t, &theme.Theme{}), views: views}
}

// AppendWith appends the record's line, with further members of the object before its
// end: JSON text such as "a":1,"b":2.
func (j *JSON) AppendWith(dst []byte, r *Record, members []byte) []byte {
	return j.append(dst, r, r.Value, -1, members)
}

// Append appends the record's line.
func (j *JSON) Append(dst []byte, r *Record) []byte {
	if v := j.views[r.Topic]; v != nil && v.lines && r.Value != nil {
		n := 0
		for line := range bytes.SplitSeq(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n")) {
			dst = j.append(dst, r, line, n, nil)
			n++
		}
		return dst
	}
	return j.append(dst, r, r.Value, -1, nil)
}

func (j *JSON) append(dst []byte, r *Record, value []byte, number int, members []byte) []byte {
	if !j.theme.Enabled() && !j.Indent && len(members) == 0 {
		return append(appendObject(dst, r, value, number), '\n')
	}
	j.line = appendObject(j.line[:0], r, value, number)
	if len(members) > 0 {
		j.line = append(append(append(j.line[:len(j.line)-1], ','), members...), '}')
	}
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
		dst = appendHeaderList(append(dst, `,"headers":`...), r)
	} else {
		dst = append(dst, `,"headers":[]`...)
	}
	dst = append(dst, `,"value":`...)
	dst = appendJSONValue(dst, value)
	if r.Undecoded != "" {
		dst = jsonscan.AppendString(append(dst, `,"undecoded":`...), []byte(r.Undecoded))
	}
	return append(dst, '}')
}

// appendTopic appends a topic's name as it is in a JSON string. A hostile broker may
// send characters that Kafka doesn't allow.
func appendTopic(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			quoted := jsonscan.AppendString(nil, []byte(name))
			return append(dst, quoted[1:len(quoted)-1]...)
		}
	}
	return append(dst, name...)
}

// appendText appends bytes as a string, or as base64 followed by the mark.
func appendText(dst, b []byte, mark string) []byte {
	switch {
	case b == nil:
		return append(dst, "null"...)
	case jsonscan.Clean(b):
		return append(append(append(dst, '"'), b...), '"')
	case !utf8.Valid(b):
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, b)
		return append(append(dst, '"'), mark...)
	}
	return jsonscan.AppendString(dst, b)
}

func appendHeaderList(dst []byte, r *Record) []byte {
	dst = append(dst, '[')
	r.EachHeader(func(key, value []byte) bool {
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"key":`...)
		dst = appendText(dst, key, `,"key_encoding":"base64"`)
		dst = append(dst, `,"value":`...)
		dst = appendText(dst, value, `,"encoding":"base64"`)
		dst = append(dst, '}')
		return true
	})
	return append(dst, ']')
}

func appendJSONValue(dst, value []byte) []byte {
	if value == nil {
		return append(dst, "null"...)
	}
	flags, ok := jsonscan.Valid(value)
	if ok && (flags&jsonscan.High == 0 || utf8.Valid(value)) {
		start := len(dst)
		if dst = jsonscan.AppendSafe(dst, value, flags); string(dst[start:]) == "null" {
			dst = append(dst, `,"value_encoding":"json"`...)
		}
		return dst
	}
	if !utf8.Valid(value) {
		return appendText(dst, value, `,"value_encoding":"base64"`)
	}
	return append(jsonscan.AppendString(dst, value), `,"value_encoding":"text"`...)
}
