package compose

import (
	"errors"

	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/processor/forward"
)

// Body is a compiled body. It is safe for concurrent use.
type Body struct {
	program *program
	root    value
}

// value is a part of a body: constant JSON, an object or a list, an expression, one
// placeholder, or a text.
type value struct {
	json    []byte
	open    byte // '{' or '['
	members []member
	expr    *jq.Expr
	single  *textPart
	text    []textPart
	pos     scenario.Position
}

type member struct {
	name []byte // `"name":`, empty in a list
	value
}

// Body compiles a body. The error is an *[Error].
func (v *Variables) Body(b *scenario.Body) (*Body, error) {
	out := &Body{program: newProgram(true)}
	var err error
	out.root, err = v.bodyValue(out.program, b)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (v *Variables) bodyValue(p *program, b *scenario.Body) (value, error) {
	out := value{pos: b.Pos}
	var err error
	switch b.Kind {
	case scenario.BodyText:
		out = v.textValue(p, b.Text)
	case scenario.BodyJQ:
		out.pos = b.JQ.Pos
		out.expr, err = p.compile(b.JQ)
	case scenario.BodyLiteral:
		out.json = []byte(b.Literal)
	case scenario.BodyObject:
		out.open = '{'
		for i := range b.Object {
			m := &b.Object[i]
			if err = v.addMember(p, &out, append(jsonscan.AppendString(nil, []byte(m.Name)), ':'), &m.Body); err != nil {
				break
			}
		}
	case scenario.BodyList:
		out.open = '['
		for i := range b.List {
			if err = v.addMember(p, &out, nil, &b.List[i]); err != nil {
				break
			}
		}
	}
	return out, err
}

func (v *Variables) addMember(p *program, to *value, name []byte, b *scenario.Body) error {
	m, err := v.bodyValue(p, b)
	to.members = append(to.members, member{name, m})
	return err
}

// textValue compiles a text. One that is nothing but a placeholder keeps its JSON type.
func (v *Variables) textValue(p *program, t *scenario.SinkText) value {
	parts := v.parts(p, t)
	out := value{pos: t.Pos}
	switch {
	case len(parts) == 0:
		out.json = []byte(`""`)
	case len(parts) == 1 && parts[0].constant():
		out.json = jsonscan.AppendString(nil, []byte(parts[0].literal))
	case len(parts) == 1 && len(t.Parts) == 1:
		out.single = &parts[0]
	default:
		out.text = parts
	}
	return out
}

var errNoResult = errors.New("no result; the body must have one")

// AppendJSON appends the body of a cut: one JSON value, valid UTF-8, on one line. A member
// or an element whose expression has no result is left out. After an error, which is a
// [forward.RecordError], dst is unchanged.
func (b *Body) AppendJSON(dst []byte, cut *forward.Cut) ([]byte, error) {
	s := b.program.begin(cut, nil)
	defer b.program.end(s)
	out, there, err := b.root.append(dst, s)
	if err == nil && !there {
		err = fails(s.record, forward.Expression, b.root.pos, errNoResult)
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// AppendText appends the body as text: a string without quotes, and anything else as JSON.
// It reports false, and appends nothing, if it is null or has no result. The error is a
// [forward.RecordError].
func (b *Body) AppendText(dst []byte, cut *forward.Cut) ([]byte, bool, error) {
	s := b.program.begin(cut, nil)
	defer b.program.end(s)
	raw, there, err := b.root.append(nil, s)
	if err != nil || !there || string(raw) == "null" {
		return dst, false, err
	}
	return appendText(dst, raw, 0), true, nil
}

// append appends the value, and reports false if there is none.
func (v *value) append(dst []byte, s *state) ([]byte, bool, error) {
	var err error
	switch {
	case v.json != nil:
		return append(dst, v.json...), true, nil
	case v.open != 0:
		dst, err = v.appendMembers(dst, s)
		return dst, true, err
	case v.expr != nil:
		result, ok, err := s.one(v.expr, v.pos)
		if err != nil || !ok {
			return dst, false, err
		}
		return result.AppendJSON(dst), true, nil
	case v.single != nil:
		dst, err = s.appendSingle(dst, v.single)
		return dst, true, err
	}
	if s.text, err = s.appendParts(s.text[:0], v.text, false); err != nil {
		return dst, false, err
	}
	return jsonscan.AppendString(dst, s.text), true, nil
}

func (v *value) appendMembers(dst []byte, s *state) ([]byte, error) {
	dst = append(dst, v.open)
	empty := true
	for i := range v.members {
		m := &v.members[i]
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		out, there, err := m.append(append(dst, m.name...), s)
		if err != nil {
			return dst, err
		}
		if dst = out; !there {
			dst = out[:before]
			continue
		}
		empty = false
	}
	return append(dst, v.open+2), nil // '}' and ']' are two behind '{' and '['
}

// appendSingle appends the value of a placeholder with its JSON type, null if it is
// missing.
func (s *state) appendSingle(dst []byte, p *textPart) ([]byte, error) {
	if p.path != nil {
		raw, err := s.field(p.field, p.pos)
		switch {
		case err != nil:
			return dst, err
		case raw == nil:
			return append(dst, "null"...), nil
		}
		return jsonscan.AppendSafe(dst, raw, s.flags), nil
	}
	text, there, err := s.appendMeta(s.text[:0], p.meta, p.pos)
	s.text = text
	switch {
	case err != nil:
		return dst, err
	case !there:
		return append(dst, "null"...), nil
	case p.meta == "key" || p.meta == "topic":
		return jsonscan.AppendString(dst, text), nil
	}
	return append(dst, text...), nil
}
