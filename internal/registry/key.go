package registry

import (
	"errors"
	"unicode/utf8"

	"inv/internal/jsonscan"
)

// AppendKey appends a key, given as the text that [Topics.Key] returns, with the prefix:
// what the schema has for that text as a JSON string, or else for the JSON that it is. An
// error is a *ValueError, and dst is returned unchanged.
func (w *Writer) AppendKey(dst, key []byte) ([]byte, error) {
	n := len(dst)
	out, err := w.Schema.EncodeKey(append(dst, w.Prefix...), key)
	if err != nil {
		return dst[:n], err
	}
	return out, nil
}

// EncodeKey appends the payload of a key, see [Writer.AppendKey].
func (s *Schema) EncodeKey(dst, key []byte) ([]byte, error) {
	if !utf8.Valid(key) {
		return dst, &ValueError{Text: "the key is no text"}
	}
	var room [256]byte
	out, err := s.Encode(dst, jsonscan.AppendString(room[:0], key))
	if err == nil {
		return out, nil
	}
	if _, ok := jsonscan.Valid(key); ok && len(key) > 0 && key[0] != '"' {
		if out, otherwise := s.Encode(dst, key); otherwise == nil {
			return out, nil
		}
	}
	return dst, err
}

// ContentType returns the content type of framed values, as in the header content-type.
func (s *Schema) ContentType() string {
	switch s.Form {
	case Avro:
		return "application/avro"
	case Protobuf:
		return "application/protobuf"
	}
	return "application/json"
}

// PathOf returns the path of the value that an error of Encode is about, "" for the whole
// value or another error.
func PathOf(err error) string {
	var misfit *ValueError
	if errors.As(err, &misfit) {
		return misfit.Path
	}
	return ""
}
