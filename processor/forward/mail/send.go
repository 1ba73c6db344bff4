package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"inv/internal/termsafe"
	"inv/processor/forward"

	"github.com/wneessen/go-mail/smtp"
)

// Send sends a message once. Its errors are those that docs/dev/forward.md names, without
// secrets.
func (s *Sender) Send(ctx context.Context, m forward.Message) error {
	own, ok := m.(*message)
	if !ok {
		return fmt.Errorf("a message of another sink: %T", m)
	}
	return s.vars.Error(s.send(ctx, own))
}

func (s *Sender) send(ctx context.Context, m *message) error {
	if err := s.pool.enter(ctx); err != nil {
		return err
	}
	defer s.pool.leave()
	c, err := s.connection(ctx)
	if err != nil {
		return s.failure(err)
	}
	release := c.bind(ctx)
	err = transfer(c, m)
	release()
	c.messages++
	if err == nil || usable(err) {
		s.pool.put(c)
	} else {
		c.close()
	}
	return s.outcome(err)
}

// connection returns a connection that works.
func (s *Sender) connection(ctx context.Context) (*conn, error) {
	for c := s.pool.get(); c != nil; c = s.pool.get() {
		release := c.bind(ctx)
		err := c.smtp.Reset()
		release()
		if err == nil {
			return c, nil
		}
		c.close() // the server has closed it, as servers do
	}
	return s.server.dial(ctx)
}

// Errors of messages before they are sent.
var (
	errSize  = errors.New("the message is larger than the server takes")
	errASCII = errors.New("the server doesn't take addresses with other characters than ASCII (SMTPUTF8)")
)

// transfer sends a message.
func transfer(c *conn, m *message) error {
	if _, size := c.smtp.Extension("SIZE"); size != "" {
		if most, err := strconv.ParseInt(size, 10, 64); err == nil && most > 0 && int64(len(m.bytes)) > most {
			return fmt.Errorf("%w: %d bytes of %d", errSize, len(m.bytes), most)
		}
	}
	from, to := envelope(m.sender.from.Address), envelope(m.to.Address)
	international := !isASCII(from) || !isASCII(to)
	if international {
		if offered, _ := c.smtp.Extension("SMTPUTF8"); !offered {
			return errASCII
		}
	}
	c.smtp.SkipSMTPUTF8(!international)
	if err := c.smtp.Mail(from); err != nil {
		return &stepError{"MAIL FROM", err}
	}
	if err := c.smtp.Rcpt(to); err != nil {
		return &stepError{stepRecipient, err}
	}
	w, err := c.smtp.Data()
	if err != nil {
		return &stepError{stepData, err}
	}
	if closer, ok := w.(*smtp.DataCloser); ok {
		w = closer.WriteCloser // its own Close also waits for the reply
	}
	if _, err := w.Write(m.bytes); err != nil {
		return &stepError{"sending the message", err}
	}
	if err := w.Close(); err != nil {
		return &stepError{"sending the message", err}
	}
	m.sender.at("sent")
	if _, _, err := c.smtp.Text.ReadResponse(250); err != nil {
		return &stepError{stepData, err}
	}
	return nil
}

// Steps whose refusal concerns one message.
const (
	stepRecipient = "RCPT TO"
	stepData      = "DATA"
)

// envelope returns an address as commands have it, quoted where it must be.
func envelope(address string) string { return (&netmail.Address{Address: address}).String() }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// usable reports whether the connection of a failed message can be used for others: the
// server has replied, and not that it closes it.
func usable(err error) bool {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code != 421
	}
	return errors.Is(err, errSize) || errors.Is(err, errASCII)
}

// outcome returns what the error of a message means.
func (s *Sender) outcome(err error) error {
	var reply *textproto.Error
	var at *stepError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errSize):
		return &forward.RecordError{Reason: forward.TooLarge, Err: err}
	case errors.Is(err, errASCII) && isASCII(s.from.Address):
		return &forward.RecordError{Reason: forward.Refused, Err: err}
	case !errors.As(err, &reply) || !errors.As(err, &at) || reply.Code/100 != 5 || at.step != stepRecipient && at.step != stepData:
		return s.failure(err)
	case concernsAll(reply):
		return s.failure(err)
	case isTooLarge(reply):
		return &forward.RecordError{Reason: forward.TooLarge, Err: s.failure(err)}
	}
	return &forward.RecordError{Reason: forward.Refused, Err: s.failure(err)}
}

// enhancedCode is that of RFC 3463, at the beginning of a reply's text.
var enhancedCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// noRelay is what servers say that don't know this client. Its codes, 550 and 554 with
// 5.7.1, also stand for one message.
var noRelay = regexp.MustCompile(`(?i)\b(relay access denied|relaying denied|unable to relay|relay not permitted|relaying not permitted)\b`)

// concernsAll reports whether a refusal is not about one message: no login, or no relaying.
func concernsAll(reply *textproto.Error) bool {
	switch reply.Code {
	case 503, 530, 534, 535, 538:
		return true
	}
	return noRelay.MatchString(reply.Msg)
}

func isTooLarge(reply *textproto.Error) bool {
	switch enhancedCode.FindString(reply.Msg) {
	case "5.2.3", "5.3.4":
		return true
	case "5.2.2": // the mailbox is full, whatever the size
		return false
	}
	return reply.Code == 552
}

// maxShown bounds what an error has of what a server says, in bytes.
const maxShown = 300

// failure returns an error whose text is on one line and safe to show, also where it is a
// server's. What is secret is hidden before anything is cut, so that no part of it is left.
func (s *Sender) failure(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var reply *textproto.Error
	if errors.As(err, &reply) { // its own text is quoted
		text = fmt.Sprintf("%d %s", reply.Code, reply.Msg)
		var at *stepError
		if errors.As(err, &at) {
			text = at.step + ": " + text
		}
	}
	text = termsafe.String(strings.Join(strings.Fields(s.vars.Hide(text)), " "))
	if len(text) > maxShown {
		end := maxShown
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	if errors.Is(err, errLogin) {
		text += ": " + errLogin.Error()
	}
	return &shownError{text, err}
}

// shownError is an error with a text that may be shown.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }

func (e *shownError) Unwrap() error { return e.err }
