package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"

	gomail "github.com/wneessen/go-mail"
)

// message is a mail to one recipient.
type message struct {
	sender        *Sender
	to            *netmail.Address
	several       bool // the cut has others
	id            string
	date          time.Time
	subject, body string
	bytes         []byte // what is sent, as RFC 5322 has it
}

// Recipient returns the address, without a name, if the cut has several. A replay to the
// only one goes to whom the sink has then.
func (m *message) Recipient() string {
	if !m.several {
		return ""
	}
	return m.to.Address
}

// Show writes the message as RFC 5322 has it: the bytes that are sent, but for secrets.
func (m *message) Show(w io.Writer) error {
	hide := m.sender.vars.Hide
	b, err := m.render(hide(m.subject), hide(m.body))
	if err == nil {
		_, err = io.WriteString(w, hide(string(b)))
	}
	return err
}

// Compose makes the messages of a cut, one for each recipient. There are none if the
// group's value has none.
func (s *Sender) Compose(c *forward.Cut) ([]forward.Message, error) {
	messages, err := s.compose(c)
	return messages, s.vars.Error(err)
}

func (s *Sender) compose(c *forward.Cut) ([]forward.Message, error) {
	to, err := s.addresses(c)
	if err != nil {
		return nil, err
	}
	several := len(to) > 1
	if to, err = only(to, c.Records[0].Recipient); err != nil || len(to) == 0 {
		return nil, err
	}
	subject, err := s.subject.append(nil, c, nil, asHeader)
	if err != nil {
		return nil, err
	}
	body, err := s.body(c)
	if err != nil {
		return nil, err
	}
	var messages []forward.Message
	for _, a := range to {
		m := &message{
			sender: s, to: a, several: several, id: messageID(c.ID, a.Address, s.from.Address), date: date(c.Records[0]),
			subject: shortened(strings.Join(strings.Fields(string(subject)), " ")), body: body,
		}
		if m.bytes, err = m.render(m.subject, m.body); err != nil {
			return nil, &forward.RecordError{Reason: forward.Expression, Err: err}
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// addresses returns the recipients of a cut, each once.
func (s *Sender) addresses(c *forward.Cut) (to []*netmail.Address, err error) {
	list := s.to
	if by, ok := s.toBy[c.Group]; ok {
		list = by
	}
	for _, r := range list {
		a := r.address
		if a == nil {
			text, err := r.template.Append(nil, c, nil)
			if err != nil {
				return nil, err
			}
			if a, err = parseAddress(string(text)); err != nil {
				return nil, &forward.RecordError{Reason: forward.Expression, Err: &compose.Error{Pos: r.pos, Err: fmt.Errorf("to: %w", err)}}
			}
		}
		if !slices.ContainsFunc(to, func(other *netmail.Address) bool { return other.Address == a.Address }) {
			to = append(to, a)
		}
	}
	return to, nil
}

// only returns the recipient that a replay is for, or all.
func only(to []*netmail.Address, recipient string) ([]*netmail.Address, error) {
	if recipient == "" {
		return to, nil
	}
	to = slices.DeleteFunc(to, func(a *netmail.Address) bool { return a.Address != recipient })
	if len(to) == 0 {
		return nil, &forward.RecordError{Reason: forward.Refused, Err: errors.New("the replay is for an address that is no recipient of the sink any more")}
	}
	return to, nil
}

// body returns the text and the lines.
func (s *Sender) body(c *forward.Cut) (string, error) {
	var b []byte
	var err error
	if s.text != nil {
		if b, err = s.text.append(b, c, nil, asText); err != nil {
			return "", err
		}
		b = endLine(b)
	}
	for _, r := range c.Records {
		switch {
		case s.line != nil:
			if b, err = s.line.append(b, c, r, asLine); err != nil {
				return "", err
			}
		case s.text != nil:
			continue
		case r.JSON != nil:
			b = asLine(b, r.JSON)
		default:
			b = asLine(b, r.Value)
		}
		b = endLine(b)
	}
	return string(b), nil
}

func endLine(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == '\n' {
		return b
	}
	return append(b, '\n')
}

// text is a template of which what comes from records is kept apart, since only that is
// made harmless.
type text []textPart

type textPart struct {
	template *compose.Template
	literal  bool
}

func newText(vars *compose.Variables, t *scenario.SinkText) (parts text) {
	for _, p := range t.Parts {
		one := vars.Text(&scenario.SinkText{Pos: p.Pos, Parts: []scenario.SinkTextPart{p}})
		_, literal := one.Constant()
		parts = append(parts, textPart{one, literal})
	}
	return parts
}

// append appends the text of a record, nil is the first, with harmless making what comes
// from records so.
func (t text) append(dst []byte, c *forward.Cut, r *forward.Record, harmless func(dst, value []byte) []byte) ([]byte, error) {
	for _, p := range t {
		value, err := p.template.Append(nil, c, r)
		switch {
		case err != nil:
			return nil, err
		case p.literal:
			dst = asText(dst, value)
		default:
			dst = harmless(dst, value)
		}
	}
	return dst, nil
}

// asText appends a text whose line breaks are kept.
func asText(dst, value []byte) []byte {
	s := strings.ReplaceAll(strings.ToValidUTF8(string(value), "\uFFFD"), "\r\n", "\n")
	for _, r := range s {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// isBreak reports whether a character ends a line: also the separators of Unicode.
func isBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// asLine appends a text on one line.
func asLine(dst, value []byte) []byte {
	return asText(dst, []byte(strings.Map(func(r rune) rune {
		if isBreak(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(string(value), "\r\n", "\n"))))
}

// asHeader appends a text without any control character.
func asHeader(dst, value []byte) []byte {
	return append(dst, strings.Map(func(r rune) rune {
		if isBreak(r) || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(value), "\uFFFD"))...)
}

// maxSubject is in characters.
const maxSubject = 200

func shortened(s string) string {
	if utf8.RuneCountInString(s) <= maxSubject {
		return s
	}
	return string([]rune(s)[:maxSubject-1]) + "…"
}

// date returns when a record was written, as far as a header can have it.
func date(r *forward.Record) time.Time {
	const last = 253402300799000 // of the year 9999
	return time.UnixMilli(min(max(r.Time, 0), last)).UTC()
}

// messageID returns the id of the message of a cut to a recipient, which is the same at
// each try.
func messageID(cut, to, from string) string {
	sum := sha256.Sum256([]byte(cut + " " + to))
	domain := from[strings.LastIndexByte(from, '@')+1:]
	if strings.ContainsFunc(domain, func(r rune) bool { return r <= ' ' || r > '~' }) {
		domain = "inv.invalid"
	}
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// render returns the bytes of the message.
func (m *message) render(subject, body string) ([]byte, error) {
	g := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	g.FromMailAddress(m.sender.from)
	g.ToMailAddress(m.to)
	g.SetMessageIDWithValue(m.id)
	g.SetDateWithValue(m.date)
	g.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no one is to answer
	g.Subject(encodedWords(subject))
	g.SetBodyString(gomail.TypeTextPlain, body)
	var b bytes.Buffer
	if _, err := g.WriteTo(&b); err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	return b.Bytes(), nil
}

// encodedWords encodes an ASCII text that would be read as encoded words (RFC 2047), which
// package mime leaves as it is.
func encodedWords(s string) string {
	if !strings.Contains(s, "=?") || strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	var words []string
	for part := range slices.Chunk([]byte(s), 45) {
		words = append(words, "=?UTF-8?b?"+base64.StdEncoding.EncodeToString(part)+"?=")
	}
	return strings.Join(words, " ")
}
