package jq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"inv/internal/suggest"

	"github.com/itchyny/gojq"
)

// Error is an expression that can't be compiled.
type Error struct {
	Source string
	Offset int // of the mistake, in bytes; -1 if unknown
	Err    error
}

func (e *Error) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%v in %q", e.Err, e.Source)
	}
	return fmt.Sprintf("%v at character %d of %q", e.Err, utf8.RuneCountInString(e.Source[:e.Offset])+1, e.Source)
}

func (e *Error) Unwrap() error { return e.Err }

// Pointed returns the source and a line with a caret below the mistake, or nil if the
// source has more than one line or the place is unknown.
func (e *Error) Pointed() []string {
	if e.Offset < 0 || strings.ContainsAny(e.Source, "\n\t") {
		return nil
	}
	return []string{e.Source, strings.Repeat(" ", utf8.RuneCountInString(e.Source[:e.Offset])) + "^"}
}

// ErrBudget is the end of an evaluation that took too many steps or made too much.
var ErrBudget = errors.New("too many steps or too large a value")

// EvalError is an expression that failed on a value.
type EvalError struct {
	Source string
	Err    error
}

func (e *EvalError) Error() string { return fmt.Sprintf("%v in %q", e.Err, e.Source) }

func (e *EvalError) Unwrap() error { return e.Err }

func syntaxError(source string, err error) error {
	var parse *gojq.ParseError
	if !errors.As(err, &parse) {
		return &Error{source, -1, err}
	}
	offset := min(max(0, parse.Offset-len(parse.Token)), len(source))
	if meant := meantBy(parse.Token, source[:offset]); meant != "" {
		err = fmt.Errorf("%w (%s)", err, meant)
	}
	return &Error{source, offset, err}
}

// meantBy says what jq writes for a token of another language, "" if it isn't known.
func meantBy(token, before string) string {
	first, _ := utf8.DecodeRuneInString(token)
	switch {
	case token == "&":
		return "jq has and"
	case token == "|" && strings.HasSuffix(before, "|"):
		return "jq has or"
	case token == "!":
		return "as in .a | not"
	case token == "'":
		return "a text has double quotes"
	case first >= utf8.RuneSelf && unicode.IsLetter(first):
		return `a name with such letters is quoted: ."` + token + `…"`
	}
	return ""
}

// compileError finds the unknown function or variable in the source.
func (s *Scope) compileError(source string, err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		name, _, _ := strings.Cut(text[i+2:], "/")
		if at := offsetOf(source, name); at >= 0 {
			variable := strings.HasPrefix(name, "$")
			switch near := s.nearest(name); {
			case near != "":
				text += " (did you mean " + near + "?)"
			case variable && len(s.names) > 0:
				text += "; there are " + strings.Join(s.names, ", ")
			}
			if !variable && strings.HasSuffix(err.Error(), "/0") { // without arguments
				text += " (a field is ." + name + ")"
			}
			return &Error{source, at, errors.New(text)}
		}
	}
	return &Error{source, -1, err}
}

// nearest returns the variable, definition or function that a word may be meant for; "" if
// there is none.
func (s *Scope) nearest(word string) string {
	if len(word) <= len("$ab") {
		return "" // every short name is near another
	}
	if word[0] == '$' {
		return suggest.Nearest(word, s.names)
	}
	known := slices.Clone(allowed)
	for _, l := range s.lets {
		known = append(known, l.Name)
	}
	return suggest.Nearest(word, known)
}

// offsetOf returns the index of a word in the source, outside of comments and, as far as
// possible, of strings; -1 if it isn't there.
func offsetOf(source, word string) int {
	if word == "" {
		return -1
	}
	inString := -1
	for i := 0; i < len(source); {
		switch c := source[i]; {
		case c == '"':
			if end := stringEnd(source, i); strings.Contains(source[i:end], word) && inString < 0 {
				inString = i + strings.Index(source[i:end], word)
			}
			i = stringEnd(source, i)
		case c == '#':
			if n := strings.IndexByte(source[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			i = len(source)
		case strings.HasPrefix(source[i:], word) && !continued(source[:i], word) && !continues(source[i+len(word):], word):
			return i
		default:
			i++
		}
	}
	return inString // in an interpolation
}

func stringEnd(source string, i int) int {
	for i++; i < len(source) && source[i] != '"'; i++ {
		if source[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(source))
}

// continued reports whether the text before a word makes it part of another one, or a key.
func continued(before, word string) bool {
	if before == "" || !isWord(word[0]) {
		return false
	}
	c := before[len(before)-1]
	return isWord(c) || c == '$' || c == '.' && !strings.HasSuffix(before, "..")
}

// continues reports whether the text after a word is part of it.
func continues(after, word string) bool {
	return after != "" && isWord(word[len(word)-1]) && isWord(after[0])
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
