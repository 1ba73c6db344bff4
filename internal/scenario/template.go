package scenario

import (
	"fmt"
	"strconv"
	"strings"
)

// Template is a text with {name} placeholders. {name:06} pads a number with zeros to
// six digits; {{ and }} are literal braces.
type Template struct {
	Pos   Position
	Parts []Part
}

// Part is a piece of a template: literal text, or a placeholder if Placeholder.
type Part struct {
	Text        string
	Placeholder bool
	Width       int
}

const maxWidth = 20

// ParseTemplate parses a template.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t.Parts = append(t.Parts, Part{Text: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(text) && text[i+1] == c:
			literal.WriteByte(c)
			i++
		case c == '}':
			return nil, fmt.Errorf("unmatched } at character %d; write }} for a literal brace", i+1)
		case c == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("unclosed { at character %d; write {{ for a literal brace", i+1)
			}
			flush()
			part, err := parsePlaceholder(text[i+1 : i+end])
			if err != nil {
				return nil, err
			}
			t.Parts = append(t.Parts, part)
			i += end
		default:
			literal.WriteByte(c)
		}
	}
	flush()
	return t, nil
}

func parsePlaceholder(text string) (Part, error) {
	quoted := strings.LastIndexByte(text, '`') + 1 // a colon in backticks is a name's
	name, width, has := strings.Cut(text[quoted:], ":")
	p := Part{Text: text[:quoted] + name, Placeholder: true}
	if !has {
		return p, nil
	}
	w, err := strconv.Atoi(width)
	if err != nil || !strings.HasPrefix(width, "0") || w < 1 || w > maxWidth {
		return p, fmt.Errorf("{%s}: the colon must be followed by a width from 01 to 0%d, as in {n:06}", text, maxWidth)
	}
	p.Width = w
	return p, nil
}

// Names returns the placeholders' names.
func (t *Template) Names() []string {
	var names []string
	for _, p := range t.Parts {
		if p.Placeholder {
			names = append(names, p.Text)
		}
	}
	return names
}
