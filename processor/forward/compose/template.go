package compose

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// Template is a compiled text. It is safe for concurrent use.
type Template struct {
	program *program
	parts   []textPart
	escape  bool // what a placeholder gives is part of a URL
}

// textPart is a part of a text: a literal, a field or a property.
type textPart struct {
	literal string
	field   int // of the program's fields, if path is set
	path    []string
	meta    string
	pos     scenario.Position
}

// Text compiles a text. A variable without value is empty, and [Variables.Missing] has its
// name.
func (v *Variables) Text(t *scenario.SinkText) *Template {
	p := newProgram(false)
	return &Template{program: p, parts: v.parts(p, t)}
}

// URL compiles a text that is a URL: what placeholders give is escaped, as one segment of
// a path or one value of a query, and an empty text, "." and ".." are refused.
func (v *Variables) URL(t *scenario.SinkText) *Template {
	out := v.Text(t)
	out.escape = true
	if prefix := out.parts; len(prefix) > 0 {
		v.concealURL(prefix[0].literal, "***")
	}
	return out
}

// parts compiles the parts of a text; literals and variables that follow each other become
// one.
func (v *Variables) parts(p *program, t *scenario.SinkText) (parts []textPart) {
	literal := func(text string) {
		if last := len(parts) - 1; last >= 0 && parts[last].constant() {
			parts[last].literal += text
		} else if text != "" {
			parts = append(parts, textPart{literal: text})
		}
	}
	for _, part := range t.Parts {
		switch {
		case part.Variable != "":
			literal(v.value(part.Variable))
		case part.Path != nil:
			parts = append(parts, textPart{field: p.fields.Add(part.Path...), path: part.Path, pos: part.Pos})
		case part.Meta != "":
			parts = append(parts, textPart{meta: part.Meta, pos: part.Pos})
		default:
			literal(part.Literal)
		}
	}
	return parts
}

func (p *textPart) constant() bool { return p.path == nil && p.meta == "" }

// name is how messages call a placeholder.
func (p *textPart) name() string {
	if p.path != nil {
		return strings.Join(p.path, ".")
	}
	return "$" + p.meta
}

// Constant returns the text of a template without placeholders.
func (t *Template) Constant() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].constant():
		return t.parts[0].literal, true
	}
	return "", false
}

// Prefix returns the text before the first placeholder.
func (t *Template) Prefix() string {
	if len(t.parts) > 0 {
		return t.parts[0].literal
	}
	return ""
}

// Append appends the text of a record of the cut; nil is the first. After an error, which
// is a [forward.RecordError], dst is unchanged.
func (t *Template) Append(dst []byte, cut *forward.Cut, r *forward.Record) ([]byte, error) {
	if text, ok := t.Constant(); ok {
		return append(dst, text...), nil
	}
	s := t.program.begin(cut, r)
	defer t.program.end(s)
	out, err := s.appendParts(dst, t.parts, t.escape)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendParts appends a text.
func (s *state) appendParts(dst []byte, parts []textPart, escape bool) ([]byte, error) {
	for i := range parts {
		p := &parts[i]
		if p.constant() {
			dst = append(dst, p.literal...)
			continue
		}
		start := len(dst)
		var err error
		if dst, err = s.appendPart(dst, p); err != nil {
			return dst, err
		}
		if !escape {
			continue
		}
		s.text = append(s.text[:0], dst[start:]...)
		if len(bytes.Trim(s.text, ".")) == 0 && len(s.text) <= len("..") {
			return dst, fails(s.record, forward.Expression, p.pos, fmt.Errorf("%s is %q, which makes a URL another place", p.name(), s.text))
		}
		dst = appendEscaped(dst[:start], s.text)
	}
	return dst, nil
}

var errMissing = errors.New("missing or null")

// appendPart appends what a placeholder gives.
func (s *state) appendPart(dst []byte, p *textPart) ([]byte, error) {
	there := false
	if p.path != nil {
		raw, err := s.field(p.field, p.pos)
		if err != nil {
			return dst, err
		}
		if there = raw != nil; there {
			dst = appendText(dst, raw, s.flags)
		}
	} else {
		var err error
		if dst, there, err = s.appendMeta(dst, p.meta, p.pos); err != nil {
			return dst, err
		}
	}
	if !there {
		return dst, fails(s.record, forward.Expression, p.pos, fmt.Errorf("%s is %w", p.name(), errMissing))
	}
	return dst, nil
}

// appendEscaped appends text with everything percent-encoded that is not unreserved
// (RFC 3986, section 2.3), so that it can stand anywhere in a path or a query.
func appendEscaped(dst, text []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
