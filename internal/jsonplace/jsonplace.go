// Package jsonplace reads JSON texts with the places of their values, for messages about
// files that people write. It is not fast.
package jsonplace

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the kind of a value.
type Kind byte

// The kinds.
const (
	Other Kind = iota // a number, true, false or null
	Text              // a string
	Object
	List
)

// Node is a value of a JSON text.
type Node struct {
	Kind         Kind
	Text         string   // of a Text
	Keys         []string // of an Object
	Members      []*Node  // of an Object, by Keys, or of a List
	Line, Column int      // from 1; columns are characters
}

// Get returns the member of an object with this key, the last of several; nil without it.
func (n *Node) Get(key string) *Node {
	if n.Kind != Object {
		return nil
	}
	for i := len(n.Keys) - 1; i >= 0; i-- {
		if n.Keys[i] == key {
			return n.Members[i]
		}
	}
	return nil
}

// TextOf returns the text with this key, "" if there is none.
func (n *Node) TextOf(key string) string {
	if m := n.Get(key); m != nil {
		return m.Text
	}
	return ""
}

// Walk calls visit for the node and for all in it, in the order of the text, until it
// returns false.
func (n *Node) Walk(visit func(*Node) bool) bool {
	if !visit(n) {
		return false
	}
	for _, m := range n.Members {
		if !m.Walk(visit) {
			return false
		}
	}
	return true
}

// At returns the node of a JSON Pointer (RFC 6901) such as /properties/id, or the deepest
// node on the way to it.
func (n *Node) At(pointer string) *Node {
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		next := n.Get(strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
		if i, err := strconv.Atoi(step); err == nil && n.Kind == List && i >= 0 && i < len(n.Members) {
			next = n.Members[i]
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// SyntaxError is a text that is not JSON.
type SyntaxError struct {
	Line, Column int
	Text         string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text) }

// Parse reads a JSON text. The error is a *SyntaxError. encoding/json bounds the depth.
func Parse(source string) (*Node, error) {
	r := &reader{Decoder: json.NewDecoder(strings.NewReader(source)), source: source, line: 1}
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(source), new(any)); errors.As(err, &syntax) {
		line, column := r.place(max(int(syntax.Offset)-1, 0))
		return nil, &SyntaxError{line, column, "not JSON: " + strings.Replace(syntax.Error(), "unexpected end of JSON input", "the file ends too early", 1)}
	}
	r.UseNumber()
	n, err := r.value()
	if err != nil { // json.Unmarshal has refused it
		return nil, &SyntaxError{1, 1, "not JSON: " + err.Error()}
	}
	return n, nil
}

// reader reads a JSON text and counts lines.
type reader struct {
	*json.Decoder
	source string
	line   int // of the offset seen
	start  int // of its line
	seen   int
}

// place returns the place of an offset, which is never before the last one.
func (r *reader) place(offset int) (line, column int) {
	for _, c := range []byte(r.source[r.seen:offset]) {
		if r.seen++; c == '\n' {
			r.line, r.start = r.line+1, r.seen
		}
	}
	return r.line, utf8.RuneCountInString(r.source[r.start:offset]) + 1
}

func (r *reader) value() (*Node, error) {
	begin := int(r.InputOffset())
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	for strings.IndexByte(" \t\r\n,:", r.source[begin]) >= 0 {
		begin++
	}
	n := &Node{}
	n.Line, n.Column = r.place(begin)
	switch v := token.(type) {
	case string:
		n.Kind, n.Text = Text, v
	case json.Delim:
		if n.Kind = List; v == '{' {
			n.Kind = Object
		}
		err = r.members(n)
	}
	return n, err
}

// members reads what is in an object or a list, and its end.
func (r *reader) members(n *Node) error {
	for r.More() {
		if n.Kind == Object {
			key, err := r.Token()
			if err != nil {
				return err
			}
			n.Keys = append(n.Keys, fmt.Sprint(key))
		}
		member, err := r.value()
		if err != nil {
			return err
		}
		n.Members = append(n.Members, member)
	}
	_, err := r.Token()
	return err
}
