package termsafe

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Sprintf is fmt.Sprintf with each argument made safe once it is formatted: names
// and errors can't add a line or an escape sequence to a message. The format is kept
// as written. An error keeps the line breaks between the errors that it joins, see
// [Error].
func Sprintf(format string, args ...any) string {
	protect(args)
	return fmt.Sprintf(format, args...)
}

// Fprintf writes what [Sprintf] returns.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	protect(args)
	return fmt.Fprintf(w, format, args...)
}

// protect changes args, which go vet then still recognizes as those of a format.
func protect(args []any) {
	for i, a := range args {
		if _, width := a.(int); !width { // %*d takes one
			args[i] = argument{a}
		}
	}
}

// argument is an argument of a format.
type argument struct{ value any }

// Format implements [fmt.Formatter].
func (a argument) Format(f fmt.State, verb rune) {
	if err, ok := a.value.(error); ok && (verb == 'v' || verb == 's') {
		_, _ = io.WriteString(f, Error(err)) // the state keeps the error
		return
	}
	text := fmt.Sprintf(fmt.FormatString(f, verb), a.value)
	_, _ = io.WriteString(f, String(text))
}

// Error returns an error's text, made safe. Errors carry names as they are; this is
// where these become harmless. Line breaks remain only where an error has them of its
// own: between the errors that it joins, by Unwrap() []error.
func Error(err error) string {
	text := err.Error()
	var inner []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if wrapped := e.Unwrap(); wrapped != nil {
			inner = []error{wrapped}
		}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	}
	var b strings.Builder
	for i, e := range inner {
		before, after, found := strings.Cut(text, e.Error())
		if !found {
			continue
		}
		if i > 0 && before == "\n" {
			b.WriteByte('\n')
		} else {
			b.WriteString(String(before))
		}
		b.WriteString(Error(e))
		text = after
	}
	b.WriteString(String(text))
	return b.String()
}

// AppendJSON appends JSON with the hidden characters in its strings as escapes: an
// equal document. Line breaks between tokens stay. The text is as [encoding/json]
// writes it: valid UTF-8, and without other control characters than these.
func AppendJSON(dst, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r >= 0x7f && Hidden(r) {
			dst = AppendRune(append(dst, text[start:i]...), r)
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// Writer is the last gate before a terminal: all that is written through it is made
// safe, except line breaks. Each Write has whole characters.
type Writer struct{ w io.Writer }

// NewWriter returns a writer to w, as safe for concurrent use as w is.
func NewWriter(w io.Writer) Writer { return Writer{w} }

// Write implements [io.Writer].
func (w Writer) Write(text []byte) (int, error) {
	var safe []byte
	for line := range bytes.Lines(text) {
		if rest, ended := bytes.CutSuffix(line, []byte("\n")); ended {
			safe = append(Append(safe, rest), '\n')
		} else {
			safe = Append(safe, line)
		}
	}
	if _, err := w.w.Write(safe); err != nil {
		return 0, err
	}
	return len(text), nil
}

// Behind returns the writer behind the gate, for what is known to be safe.
func (w Writer) Behind() io.Writer { return w.w }
