package cases

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Widths of what a report shows, in columns.
const (
	sideBySide = 34   // a longer value has a line of its own
	longest    = 2000 // of a value or record that is shown
)

// WriteText writes what is wrong with a case, as `go test` does. The text is safe for a
// terminal.
func (r *Result) WriteText(w io.Writer, file string, t *theme.Theme) error {
	p := &printer{theme: t, file: file}
	only := ""
	if r.Only != "" {
		only = ", only " + r.Only
	}
	p.colored(t.Critical, "--- FAIL: ")
	p.line("%s (%s%s)  %s:%d", r.Test.Name, r.Test.Topology, only, file, r.Test.Pos.Line)
	for i := range r.Failures {
		p.failure(&r.Failures[i])
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

type printer struct {
	theme *theme.Theme
	file  string
	text  strings.Builder
}

// add writes text without its line's end. Its arguments are made safe.
func (p *printer) add(format string, args ...any) {
	p.text.WriteString(p.theme.Glyphs(termsafe.Sprintf(format, args...)))
}

func (p *printer) line(format string, args ...any) { p.add(format+"\n", args...) }

func (p *printer) colored(color, format string, args ...any) {
	if color == "" {
		p.add(format, args...)
		return
	}
	p.text.WriteString(color)
	p.add(format, args...)
	p.text.WriteString(p.theme.Reset)
}

func (p *printer) failure(f *Failure) {
	p.add("    %s:%d:%d: ", p.file, f.Pos.Line, f.Pos.Column)
	switch f.Kind {
	case Broken:
		p.line("%s", f.Text)
	case Missing:
		p.line("%s[%d] was not written:", f.Alias, f.Index)
		p.colored(p.theme.Critical, "        want  ")
		p.line("%s", cut(f.Want))
	case Unexpected:
		p.line("nothing expects this record of %s:", f.Alias)
		p.got(f)
	case Letter:
		p.line("a record of %s was dead-lettered as %s: %s", f.Got.Input, f.Got.Reason, f.Got.Message)
		p.got(f)
	case Disordered:
		p.line("%s[%d] was written, but not in this order:", f.Alias, f.Index)
		p.got(f)
	default:
		p.line("%s[%d] differs:", f.Alias, f.Index)
		p.fields(f)
	}
}

// got writes a record on one line.
func (p *printer) got(f *Failure) {
	p.colored(p.theme.Good, "        got   ")
	p.line("%s  key %s, at %s", cut(valueText(f.Got)), quoteOrNull(f.Got.Key), f.At)
}

func valueText(r *Record) string {
	if r.Value == nil {
		return "null"
	}
	return string(r.Value)
}

// fields writes both sides of a record, field by field.
func (p *printer) fields(f *Failure) {
	name, want := len("field"), len("want")
	for _, x := range f.Fields {
		name = max(name, utf8.RuneCountInString(x.Path))
		if n := width(x.Want); !wide(&x) {
			want = max(want, n)
		}
	}
	p.colored(p.theme.Dim, "          %-*s  %-*s  got", name, "field", want, "want")
	p.line("")
	for _, x := range f.Fields {
		mark, color := "✓", p.theme.Dim
		if !x.Equal {
			mark, color = "✗", p.theme.Critical
		}
		p.colored(color, "        %s ", mark)
		if wide(&x) {
			p.line("%s", x.Path)
			p.both(&x)
			continue
		}
		p.add("%s%s  %s%s  ", x.Path, strings.Repeat(" ", name-utf8.RuneCountInString(x.Path)), x.Want, strings.Repeat(" ", want-width(x.Want)))
		p.side(color, &x)
	}
	p.rest(f)
}

// wide reports whether a field's sides stand below each other.
func wide(x *Field) bool { return !x.Equal && max(width(x.Want), width(x.Got)) > sideBySide }

// side writes what the record has.
func (p *printer) side(color string, x *Field) {
	switch {
	case x.Got != "":
		if x.Equal {
			color = ""
		}
		p.colored(color, "%s", cut(x.Got))
	case x.Near != "":
		p.colored(color, "no such field; did you mean %s?", x.Near)
	default:
		p.colored(color, "no such field")
	}
	p.line("")
}

// both writes two long values below each other, and marks where they begin to differ.
func (p *printer) both(x *Field) {
	p.line("            want  %s", cut(x.Want))
	p.add("            got   ")
	p.side(p.theme.Critical, x)
	if at := differ(x.Want, x.Got); x.Got != "" && at < longest {
		p.line("%s^", strings.Repeat(" ", len("            want  ")+at))
	}
}

// differ returns the column at which two texts begin to differ, as they are shown.
func differ(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && i < len(a) && !utf8.RuneStart(a[i]) {
		i--
	}
	return width(a[:i])
}

// rest writes what a record has besides the fields that are named.
func (p *printer) rest(f *Failure) {
	v, err := parse(f.Got.Value)
	if err != nil {
		return
	}
	var others []string
	for _, m := range v.members {
		named := false
		for _, x := range f.Fields {
			named = named || x.Path == joined("", m.name) || strings.HasPrefix(x.Path, joined("", m.name)+".")
		}
		if !named {
			others = append(others, joined("", m.name)+" "+m.value.String())
		}
	}
	text := "key " + quoteOrNull(f.Got.Key) + ", at " + f.At
	if len(others) > 0 {
		text += "; not compared: " + strings.Join(others, ", ")
	}
	p.colored(p.theme.Dim, "          %s", cut(text))
	p.line("")
}

func width(text string) int { return termsafe.Width([]byte(termsafe.String(text))) }

// cut bounds a text.
func cut(text string) string {
	if len(text) <= longest {
		return text
	}
	n := longest
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:n], len(text))
}
