package scenario

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// jsonNode is a value of a JSON text with its place.
type jsonNode struct {
	kind    byte   // '{', '[', '"', or 0 for numbers, true, false and null
	text    string // of a text
	keys    []string
	members []*jsonNode // of an object, by keys, or of a list
	pos     Position
}

// get returns the member of an object with this key, nil without it.
func (n *jsonNode) get(key string) *jsonNode {
	if n.kind != '{' {
		return nil
	}
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i] == key {
			return n.members[i]
		}
	}
	return nil
}

// textOf returns the text with this key, "" if there is none.
func (n *jsonNode) textOf(key string) string {
	if m := n.get(key); m != nil {
		return m.text
	}
	return ""
}

// jsonReader reads a JSON text with places. The depth is bounded by encoding/json.
type jsonReader struct {
	*json.Decoder
	source string
	line   int // of the offset seen
	start  int // of its line
	seen   int
}

// parseJSONText reads a JSON text, or says where it is none.
func parseJSONText(source string) (*jsonNode, *Problem) {
	r := &jsonReader{Decoder: json.NewDecoder(strings.NewReader(source)), source: source, line: 1}
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(source), new(any)); errors.As(err, &syntax) {
		text := strings.Replace(syntax.Error(), "unexpected end of JSON input", "the file ends too early", 1)
		return nil, &Problem{Pos: r.position(max(int(syntax.Offset)-1, 0)), Text: "not JSON: " + text}
	}
	r.UseNumber()
	n, err := r.value()
	if err != nil { // not after json.Unmarshal
		return nil, &Problem{Pos: Position{1, 1}, Text: "not JSON: " + err.Error()}
	}
	return n, nil
}

// position returns the place of an offset, which is never before the last one.
func (r *jsonReader) position(offset int) Position {
	for _, c := range []byte(r.source[r.seen:offset]) {
		if r.seen++; c == '\n' {
			r.line, r.start = r.line+1, r.seen
		}
	}
	return Position{r.line, utf8.RuneCountInString(r.source[r.start:offset]) + 1}
}

func (r *jsonReader) value() (*jsonNode, error) {
	begin := int(r.InputOffset())
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	for strings.IndexByte(" \t\r\n,:", r.source[begin]) >= 0 {
		begin++
	}
	n := &jsonNode{pos: r.position(begin)}
	switch v := token.(type) {
	case string:
		n.kind, n.text = '"', v
	case json.Delim:
		n.kind = byte(v)
		for r.More() {
			if n.kind == '{' {
				key, err := r.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, key.(string))
			}
			member, err := r.value()
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, member)
		}
		_, err = r.Token()
	}
	return n, err
}
