// Package envelope reads and writes records as JSON, an object on each line: topic,
// partition, offset, timestamp, key, headers and value. `inv tail -o json` and `inv
// produce --envelope` write such lines, and what reads records from files takes either.
package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record and its place. A nil key or value is null.
type Record struct {
	Topic     string // "" if the line has none
	Partition int32  // -1 if the line has none
	Offset    int64  // -1 if the line has none
	Timestamp int64  // epoch ms, -1 if the line has none
	Key       []byte
	Value     []byte
	Headers   []kgo.RecordHeader
	// Quoted reports that the value is a JSON string without a mark of its encoding:
	// some programs write text like that.
	Quoted bool
}

// line is a record as JSON.
type line struct {
	Topic         string          `json:"topic"`
	Partition     *int32          `json:"partition"`
	Offset        *int64          `json:"offset"`
	Line          *json.Number    `json:"line"`
	Timestamp     *int64          `json:"timestamp"`
	Key           json.RawMessage `json:"key"`
	KeyEncoding   string          `json:"key_encoding"`
	Headers       json.RawMessage `json:"headers"`
	Value         json.RawMessage `json:"value"`
	ValueEncoding string          `json:"value_encoding"`
}

// Parse reads a line. Members that it doesn't know are ignored. The record does not
// refer to the line's bytes.
func Parse(text []byte) (r Record, err error) {
	var l line
	if !utf8.Valid(text) {
		return r, errors.New("it is not UTF-8")
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return r, fmt.Errorf("it is not a record as JSON: %w", err)
	}
	switch {
	case l.Value == nil:
		return r, errors.New(`it has no "value"; that of a tombstone is null`)
	case l.Line != nil:
		return r, errors.New(`it is only a part of a record, as "line" says`)
	}
	r = Record{Topic: l.Topic, Partition: atLeastZero(l.Partition), Offset: atLeastZero(l.Offset), Timestamp: atLeastZero(l.Timestamp)}
	r.Quoted = l.ValueEncoding == "" && l.Value[0] == '"'
	if r.Key, err = fromJSON(l.Key, l.KeyEncoding, "text"); err != nil {
		return r, fmt.Errorf("its key: %w", err)
	}
	if r.Value, err = fromJSON(l.Value, l.ValueEncoding, "json"); err != nil {
		return r, fmt.Errorf("its value: %w", err)
	}
	if r.Headers, err = headersFromJSON(l.Headers); err != nil {
		return r, fmt.Errorf("its headers: %w", err)
	}
	return r, nil
}

func atLeastZero[T int32 | int64](n *T) T {
	if n == nil || *n < 0 {
		return -1
	}
	return *n
}

// Text returns the contents of a value that is Quoted.
func (r *Record) Text() []byte {
	var text string
	if json.Unmarshal(r.Value, &text) != nil {
		return r.Value
	}
	return []byte(text)
}

// fromJSON returns the bytes of a key, value or header: null is null, text the contents
// of a string, base64 its decoded contents, json the JSON itself. A key that is not a
// string is its JSON.
func fromJSON(raw json.RawMessage, encoding, otherwise string) ([]byte, error) {
	null := raw == nil || string(raw) == "null"
	if encoding == "" {
		if null {
			return nil, nil
		}
		encoding = otherwise
	}
	var text string
	switch {
	case encoding == "json", encoding == "text" && (null || raw[0] != '"'):
		return raw, nil
	case encoding != "text" && encoding != "base64":
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	if encoding == "text" {
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(text)
}

// headersFromJSON reads a list of objects with key, value and encoding, or an object
// with a member for each header.
func headersFromJSON(raw json.RawMessage) (headers []kgo.RecordHeader, err error) {
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '{' {
		return headersFromObject(raw)
	}
	var list []struct {
		Key      string
		Value    json.RawMessage
		Encoding string
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for _, h := range list {
		value, err := fromJSON(h.Value, h.Encoding, "text")
		if err != nil {
			return nil, fmt.Errorf("%q: %w", h.Key, err)
		}
		headers = append(headers, kgo.RecordHeader{Key: h.Key, Value: value})
	}
	return headers, nil
}

// headersFromObject keeps the order.
func headersFromObject(raw json.RawMessage) (headers []kgo.RecordHeader, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		bytes, err := fromJSON(value, "", "text")
		if err != nil {
			return nil, err
		}
		headers = append(headers, kgo.RecordHeader{Key: name.(string), Value: bytes})
	}
	return headers, nil
}

// Append appends the record as JSON, without a line feed. A value that is JSON is copied,
// any other becomes a string that is marked as text, or as base64 if it is not UTF-8.
// Headers are an object. An offset below 0 is left out.
func Append(dst []byte, r *Record) []byte {
	dst = jsonscan.AppendString(append(dst, `{"topic":`...), []byte(r.Topic))
	dst = strconv.AppendInt(append(dst, `,"partition":`...), int64(r.Partition), 10)
	if r.Offset >= 0 {
		dst = strconv.AppendInt(append(dst, `,"offset":`...), r.Offset, 10)
	}
	dst = appendText(append(dst, `,"key":`...), r.Key, `,"key_encoding":"base64"`)
	dst = append(dst, `,"headers":{`...)
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, []byte(h.Key)), ':')
		if h.Value == nil {
			dst = append(dst, "null"...)
		} else {
			dst = jsonscan.AppendString(dst, h.Value)
		}
	}
	dst = strconv.AppendInt(append(dst, `},"timestamp":`...), r.Timestamp, 10)
	return append(appendValue(append(dst, `,"value":`...), r.Value), '}')
}

// appendText appends bytes as a string, or as base64 followed by the mark.
func appendText(dst, b []byte, mark string) []byte {
	switch {
	case b == nil:
		return append(dst, "null"...)
	case utf8.Valid(b):
		return jsonscan.AppendString(dst, b)
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(append(dst, '"'), mark...)
}

func appendValue(dst, value []byte) []byte {
	switch {
	case value == nil:
		return append(dst, "null"...)
	case json.Valid(value) && utf8.Valid(value) && !bytes.ContainsAny(value, "\r\n"):
		if dst = append(dst, value...); string(bytes.TrimSpace(value)) == "null" {
			dst = append(dst, `,"value_encoding":"json"`...)
		}
		return dst
	case utf8.Valid(value):
		return append(jsonscan.AppendString(dst, value), `,"value_encoding":"text"`...)
	}
	return appendText(dst, value, `,"value_encoding":"base64"`)
}
