package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
)

// message is a request. All of it is the same at each try, but for the timestamp and the
// signature.
type message struct {
	sender *Sender
	url    *url.URL
	header http.Header
	id     string // webhook-id, if the sink signs
	body   []byte
}

// Recipient returns "": a cut has one message.
func (m *message) Recipient() string { return "" }

// Compose makes the request of a cut. A tombstone whose value would be sent is nothing to
// send.
func (s *Sender) Compose(c *forward.Cut) ([]forward.Message, error) {
	if s.body == nil && s.form == nil && c.Records[0].Value == nil {
		return nil, nil
	}
	// The values of the fixed headers are shared: nothing changes them.
	m := &message{sender: s, url: s.constant, header: maps.Clone(s.fixed), id: c.ID}
	for _, step := range []func(*message, *forward.Cut) error{s.composeURL, s.composeBody, s.composeHeaders} {
		if err := step(m, c); err != nil {
			return nil, s.vars.Error(err)
		}
	}
	return []forward.Message{m}, nil
}

func (s *Sender) composeURL(m *message, c *forward.Cut) error {
	if m.url != nil {
		return nil
	}
	text, err := s.url.Append(nil, c, nil)
	if err != nil {
		return err
	}
	u, err := url.Parse(string(text))
	if err != nil {
		return &forward.RecordError{Reason: forward.Expression, Err: fmt.Errorf("no URL: %w", err)}
	}
	m.url = s.target(u)
	return nil
}

// maxSize bounds the room that a body gets at once, in bytes.
const maxSize = 4 << 10

func (s *Sender) composeBody(m *message, c *forward.Cut) (err error) {
	switch {
	case s.body != nil:
		m.body, err = s.body.AppendJSON(make([]byte, 0, s.size.Load()), c)
		if n := int64(len(m.body)); n > s.size.Load() {
			s.size.Store(min(n+n/8, maxSize))
		}
		return err
	case s.form != nil:
		return s.composeForm(m, c)
	}
	r := c.Records[0]
	m.body = r.Value
	m.header[contentType] = typeBytes
	if r.JSON != nil {
		m.body = r.JSON
	}
	if r.JSON != nil || isJSON(r.Value) {
		m.header[contentType] = typeJSON
	}
	return nil
}

const contentType = "Content-Type"

// Values of Content-Type, which many requests share.
var (
	typeJSON  = []string{"application/json"}
	typeForm  = []string{"application/x-www-form-urlencoded"}
	typeBytes = []string{"application/octet-stream"}
)

func isJSON(value []byte) bool {
	_, ok := jsonscan.Valid(value)
	return ok
}

// composeForm makes the fields of a form, in the order of the declaration. One that is null
// is left out.
func (s *Sender) composeForm(m *message, c *forward.Cut) error {
	var b strings.Builder
	for i := range s.form {
		f := &s.form[i]
		text, there, err := f.value(c)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(string(text)))
	}
	m.body = []byte(b.String())
	return nil
}

// value returns the value of a field, and false if it has none.
func (f *field) value(c *forward.Cut) ([]byte, bool, error) {
	if f.body != nil {
		return f.body.AppendText(nil, c)
	}
	text, err := f.text.Append(nil, c, nil)
	return text, true, err
}

// composeHeaders sets the headers of the declaration, and the ids.
func (s *Sender) composeHeaders(m *message, c *forward.Cut) error {
	for i := range s.headers {
		f := &s.headers[i]
		text, there, err := f.value(c)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := checkHeader(f.name, text, f.pos); err != nil {
			return err
		}
		m.header[f.name] = []string{string(text)}
	}
	if s.key != nil {
		var room [64]byte
		text, there, err := s.key.Text(room[:0], c.Records[0])
		if err == nil && (!there || len(text) == 0) {
			err = refuse(s.keyPos, errors.New("the idempotency key is missing, null or empty"))
		}
		if err == nil {
			err = checkHeader("Idempotency-Key", text, s.keyPos)
		}
		if err != nil {
			return err
		}
		m.header["Idempotency-Key"] = []string{string(text)}
		// A full stop ends the id in what is signed, so an id with one would let a
		// signature stand for another message.
		if !bytes.ContainsRune(text, '.') {
			m.id = string(text)
		}
	}
	if s.signer != nil {
		m.header[idHeader] = []string{m.id}
	}
	return nil
}

var errHeader = errors.New("a header's value can't have line breaks or other control characters, or white space at its ends")

// checkHeader refuses values that would be other headers, or that would not arrive as they
// are.
func checkHeader(name string, text []byte, pos scenario.Position) error {
	if validHeader(string(text)) {
		return nil
	}
	return refuse(pos, fmt.Errorf("header %s: %w", name, errHeader))
}

// validHeader reports whether a text can be the value of a header (RFC 9110, section 5.5).
func validHeader(text string) bool {
	return strings.Trim(text, " \t") == text && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// refuse returns the error of a record from which there can be no request.
func refuse(pos scenario.Position, err error) error {
	return &forward.RecordError{Reason: forward.Expression, Err: &compose.Error{Pos: pos, Err: err}}
}

// request returns the request as it is sent now.
func (m *message) request(ctx context.Context) *http.Request {
	header := m.header
	if s := m.sender.signer; s != nil {
		timestamp, signatures := s.sign(m.id, m.sender.now(), m.body)
		header = maps.Clone(header)
		header[timestampHeader], header[signatureHeader] = []string{timestamp}, []string{signatures}
	}
	return (&http.Request{
		Method: m.sender.method, URL: m.url, Host: m.url.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(m.body)), Body: m.reader(),
		// A connection that the receiver has closed meanwhile is replaced, and the body
		// read again.
		GetBody: func() (io.ReadCloser, error) { return m.reader(), nil },
	}).WithContext(ctx)
}

// reader returns the body, of a type by which net/http knows that it is empty, or in memory:
// then head and body are one packet.
func (m *message) reader() io.ReadCloser {
	if len(m.body) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(m.body))
}

// Show writes the request as HTTP/1.1 has it, with line breaks for its line ends, and with
// the names of variables in place of their values. A signature is that of the time of the
// call. The body may have any bytes.
func (m *message) Show(w io.Writer) error {
	var b bytes.Buffer
	if err := m.request(context.Background()).Write(&b); err != nil {
		return m.sender.vars.Error(err)
	}
	head, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	text := m.sender.vars.Hide(strings.ReplaceAll(head, "\r\n", "\n")) + "\n\n" + m.sender.vars.Hide(body)
	_, err := io.WriteString(w, text)
	return err
}
