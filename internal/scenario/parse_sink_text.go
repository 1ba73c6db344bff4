package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// metas are the names that placeholders have for what is no field of the record, with
// their dollar sign, and count, which only groups have.
var metas = []string{"key", "topic", "partition", "offset", "time"}

// metaCount is the meta of the number of records of a group.
const metaCount = "count"

func metaNames(prefix string) (names []string) {
	for _, m := range metas {
		names = append(names, prefix+m)
	}
	return names
}

// sinkTextAttr returns the attr of a text. With fields, it may have placeholders for what records
// have, otherwise only variables of the environment.
func sinkTextAttr[T any](name, about string, fields bool, at func(*T) *SinkText) attr {
	return valueAttr(name, about, obj{"type": "string", "minLength": 1}, at, func(d *Decoder, n *yaml.Node, what string) SinkText {
		return d.sinkText(n, what, fields)
	})
}

func optionalTextAttr[T any](name, about string, fields bool, at func(*T) **SinkText) attr {
	return valueAttr(name, about, obj{"type": "string", "minLength": 1}, at, func(d *Decoder, n *yaml.Node, what string) *SinkText {
		return new(d.sinkText(n, what, fields))
	})
}

// inBraces returns the name in a placeholder without quotes, which YAML reads as a mapping
// of the name to nothing; "" if it is none.
func inBraces(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 && n.Content[1].Tag == "!!null" && n.Content[1].Value == "" {
		return n.Content[0].Value
	}
	return ""
}

// sinkText reads a text that is not empty.
func (d *Decoder) sinkText(n *yaml.Node, what string, fields bool) SinkText {
	if name := inBraces(n); name != "" {
		d.Problem(n, "%s: a placeholder is quoted: \"{%s}\"", what, shortened(name))
		return SinkText{Pos: positionOf(n)}
	}
	before, secret := len(d.Problems), d.Secret
	d.Secret = true // a password that is a number isn't repeated
	text := d.String(n, what)
	d.Secret = secret
	if len(d.Problems) == before && text == "" {
		d.Problem(n, "%s is an empty text", what)
	}
	if text == "" {
		return SinkText{Pos: positionOf(n)}
	}
	return d.parts(n, what, fields)
}

// parts reads the parts of a scalar's text.
func (d *Decoder) parts(n *yaml.Node, what string, fields bool) SinkText {
	t := SinkText{Pos: positionOf(n)}
	if len(n.Value) > maxTextBytes {
		d.Problem(n, "%s has %d bytes; a text has at most %d", what, len(n.Value), maxTextBytes)
		return t
	}
	if !d.another(n) {
		return t
	}
	at := &JQ{Source: n.Value}
	at.Pos, at.jumps = d.places(n, n.Value)
	parts, problem, offset := splitText(n.Value)
	if problem != "" {
		d.ProblemAt(at.At(offset), "%s: %s", what, problem)
		return t
	}
	for _, p := range parts {
		p.part.Pos = at.At(p.offset)
		if !fields && (p.part.Path != nil || p.part.Meta != "") {
			d.ProblemAt(p.part.Pos, "%s is the same for all records; it has variables such as ${NAME}, and no fields; {{ is a brace", what)
			return SinkText{Pos: t.Pos}
		}
		t.Parts = append(t.Parts, p.part)
	}
	return t
}

// placed is a part of a text and where it begins.
type placed struct {
	part   SinkTextPart
	offset int
}

// splitText returns the parts of a text, or what is wrong with it and where.
func splitText(text string) (parts []placed, problem string, offset int) {
	var literal strings.Builder
	from := 0
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, placed{SinkTextPart{Literal: literal.String()}, from})
			literal.Reset()
		}
	}
	write := func(b byte, at int) {
		if literal.Len() == 0 {
			from = at
		}
		literal.WriteByte(b)
	}
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
			write(text[i], i)
			i++
		case strings.HasPrefix(rest, "$${"):
			write('$', i)
			i++ // what the brace begins is not a variable
		case rest[0] == '}':
			return nil, "} closes nothing; write }} for a brace", i
		case strings.HasPrefix(rest, "${") && !strings.HasPrefix(rest, "${{"):
			flush()
			part, size, problem := variablePart(rest)
			if problem != "" {
				return nil, problem, i
			}
			parts = append(parts, placed{part, i})
			i += size - 1
		case rest[0] == '{':
			flush()
			part, size, problem := fieldPart(rest)
			if problem != "" {
				return nil, problem, i
			}
			parts = append(parts, placed{part, i})
			i += size - 1
		default:
			write(text[i], i)
		}
	}
	flush()
	return parts, "", 0
}

// variablePart reads ${NAME} at the beginning of a text.
func variablePart(text string) (p SinkTextPart, size int, problem string) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return p, 0, "${ is not closed; a variable is ${NAME}, and ${{ is a dollar sign with a brace"
	}
	name := text[2:end]
	if !identifier.MatchString(name) || len(name) > maxNameBytes {
		return p, 0, fmt.Sprintf("${%s} is no variable: a name has letters, digits and _, begins with no digit, and has at most %d characters", shortened(name), maxNameBytes)
	}
	return SinkTextPart{Variable: name}, end + 1, ""
}

// fieldPart reads {field} at the beginning of a text.
func fieldPart(text string) (p SinkTextPart, size int, problem string) {
	end := closingBrace(text)
	if end < 0 {
		return p, 0, "{ is not closed; write {{ for a brace"
	}
	name := text[1:end]
	meta, isMeta := strings.CutPrefix(name, "$")
	switch {
	case name == "":
		return p, 0, "{} has no name; a placeholder is {field}, and {{ is a brace"
	case isMeta && slices.Contains(metas, meta):
		return SinkTextPart{Meta: meta}, end + 1, ""
	case isMeta:
		return p, 0, fmt.Sprintf("unknown placeholder {%s}%s", shortened(name), suggestion(name, metaNames("$")))
	case name == metaCount:
		return SinkTextPart{Meta: metaCount}, end + 1, ""
	}
	if p.Path, problem = fieldPath(name); problem != "" {
		return p, 0, fmt.Sprintf("{%s}: %s", shortened(name), problem)
	}
	return p, end + 1, ""
}

// closingBrace returns where the placeholder at the beginning of a text ends, -1 if it
// does not. A brace in backticks is a name's.
func closingBrace(text string) int {
	quoted := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '`':
			quoted = !quoted
		case '}':
			if !quoted {
				return i
			}
		case '{', '\n':
			if !quoted {
				return -1
			}
		}
	}
	return -1
}

// shortened returns a text as a problem repeats it.
func shortened(text string) string {
	if len(text) > maxQuoted {
		return strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

func bodySchema() obj {
	return obj{
		"if":   obj{"type": "object", "required": []any{"jq"}},
		"then": jqMappingSchema(),
		"else": obj{
			"if":   obj{"type": "object"},
			"then": obj{"additionalProperties": ref("sink-body")},
			"else": obj{"if": obj{"type": "array"}, "then": obj{"items": ref("sink-body")}, "else": ref("scalar")},
		},
	}
}

// body reads a value that a message is made of.
func (d *Decoder) body(n *yaml.Node, what string) Body {
	b := Body{Pos: positionOf(n)}
	switch {
	case n.Kind == yaml.ScalarNode:
		return d.scalarBody(n, what)
	case !d.another(n):
		return b
	case n.Kind == yaml.MappingNode && hasKey(n, "jq"):
		b.Kind, b.JQ = BodyJQ, d.jqOf(n, what)
		return b
	case inBraces(n) != "":
		name := shortened(inBraces(n))
		d.Problem(n, "%s: a placeholder is quoted: \"{%s}\"; a field that is null is {%s: null}", what, name, name)
		return b
	}
	if d.nested++; d.nested > maxFieldsDepth {
		d.Problem(n, "%s is nested more than %d deep", what, maxFieldsDepth)
	} else if n.Kind == yaml.SequenceNode {
		b.Kind, b.List = BodyList, []Body{}
		d.Items(n, what, func(item *yaml.Node) { b.List = append(b.List, d.body(item, "an element of "+what)) })
	} else {
		b.Kind = BodyObject
		d.Each(n, what, func(key, value *yaml.Node) {
			if key.Kind != yaml.ScalarNode {
				d.Problem(key, "%s: the name of a field must be a text, not %s", what, d.kindOf(key))
				return
			}
			b.Object = append(b.Object, NamedBody{Name: key.Value, Pos: positionOf(key), Body: d.body(value, key.Value)})
		})
	}
	d.nested--
	return b
}

// jsonText matches what begins like an object or a list in JSON.
var jsonText = regexp.MustCompile(`^\s*(\{\s*"|\[\s*[{"])`)

func (d *Decoder) scalarBody(n *yaml.Node, what string) Body {
	b := Body{Pos: positionOf(n), Kind: BodyLiteral, Literal: "null"}
	v, ok := d.scalar(n, what)
	switch {
	case !ok:
	case v.Kind == KindString:
		before := len(d.Problems)
		b.Kind, b.Literal, b.Text = BodyText, "", new(d.parts(n, what, true))
		if jsonText.MatchString(v.Text) && len(d.Problems) > before {
			d.Problems = d.Problems[:before]
			d.Problem(n, "%s is YAML, not a text of JSON: remove the outer quotes; in YAML, {name: \"{field}\"} and {\"name\": \"{field}\"} are the same", what)
		}
	case v.Kind != KindNull && d.another(n):
		b.Literal = v.Text
	}
	return b
}

// hasKey reports whether a mapping has a key, itself.
func hasKey(n *yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

// namedAttr returns the attr of a mapping of texts, or of {jq: …}.
func namedAttr[T any](name, about string, at func(*T) *[]NamedBody) attr {
	schema := obj{"type": "object", "minProperties": 1, "maxProperties": maxNamed, "additionalProperties": obj{"anyOf": []any{obj{"type": []any{"string", "number", "boolean"}}, jqMappingSchema()}}}
	return valueAttr(name, about, schema, at, func(d *Decoder, n *yaml.Node, what string) []NamedBody {
		if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
			d.Problem(n, "%s is empty", what)
		}
		return entriesUpTo(d, n, what, maxNamed, func(key, value *yaml.Node) NamedBody {
			nb := NamedBody{Name: key.Value, Pos: positionOf(key)}
			of := what + " " + strconv.Quote(key.Value)
			if value.Kind == yaml.SequenceNode || value.Tag == "!!null" || value.Kind == yaml.MappingNode && !hasKey(value, "jq") && inBraces(value) == "" {
				d.Problem(value, "%s must be a text, or {jq: …}, not %s", of, d.kindOf(value))
				return nb
			}
			nb.Body = d.body(value, of)
			return nb
		})
	})
}
