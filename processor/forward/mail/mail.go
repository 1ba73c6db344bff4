package mail

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"strings"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
	"inv/processor/forward/trust"
)

// Options are what the declaration of a sink doesn't say.
type Options struct {
	Vars *compose.Variables // must be set
	// Hostname is how the client introduces itself, by default the machine's name.
	Hostname string
	// At is called with "sent" when a message is sent and not answered, for tests that
	// stop the process there; may be nil.
	At func(point string)
}

// Sender sends mail. It is a [forward.Sender].
type Sender struct {
	vars *compose.Variables

	from    *netmail.Address
	to      []recipient
	toBy    map[string][]recipient
	subject text
	text    *text
	line    *text

	server *server
	pool   pool
	at     func(point string)
}

var _ forward.Sender = (*Sender)(nil)

// recipient is somebody a message is for.
type recipient struct {
	pos      scenario.Position
	address  *netmail.Address // nil: template decides
	template *compose.Template
}

// New returns the Sender of a declared sink. It reads the file of certificates, and
// connects to nothing. If variables have no value, the error may be about that: see
// [compose.Variables.Missing] first.
func New(e *scenario.EmailSink, o Options) (*Sender, error) {
	s := &Sender{vars: o.Vars, at: o.At}
	if s.at == nil {
		s.at = func(string) {}
	}
	s.pool.init()
	s.subject = newText(s.vars, &e.Subject)
	if e.Text != nil {
		t := newText(s.vars, e.Text)
		s.text = &t
	}
	if e.Line != nil {
		t := newText(s.vars, e.Line)
		s.line = &t
	}
	var first error // the other steps are for the variables that they use
	for _, step := range []func(*scenario.EmailSink) error{s.setFrom, s.setTo, s.setServer} {
		if err := step(e); first == nil {
			first = err
		}
	}
	if first != nil {
		return nil, s.vars.Error(first)
	}
	if s.server.hello = helloName(o.Hostname); o.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			name = ""
		}
		s.server.hello = helloName(name)
	}
	return s, nil
}

// helloName returns a name for EHLO (RFC 5321, section 4.1.1.1).
func helloName(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "localhost"
	}
	return name
}

func (s *Sender) setFrom(e *scenario.EmailSink) (err error) {
	text, _ := s.vars.Text(&e.From).Constant()
	if s.from, err = parseAddress(text); err != nil {
		return &compose.Error{Pos: e.From.Pos, Err: fmt.Errorf("from: %w", err)}
	}
	return nil
}

func (s *Sender) setTo(e *scenario.EmailSink) error {
	to, first := s.recipients(e.To)
	s.to = to
	if e.ToBy != nil {
		s.toBy = map[string][]recipient{}
	}
	for _, a := range e.ToBy {
		to, err := s.recipients(a.To)
		s.toBy[a.Value] = to
		if first == nil {
			first = err
		}
	}
	return first
}

func (s *Sender) recipients(list []scenario.SinkText) (to []recipient, first error) {
	for i := range list {
		r := recipient{pos: list[i].Pos, template: s.vars.Text(&list[i])}
		if text, ok := r.template.Constant(); ok {
			var err error
			if r.address, err = parseAddress(text); err != nil && first == nil {
				first = &compose.Error{Pos: r.pos, Err: fmt.Errorf("to: %w", err)}
			}
		}
		to = append(to, r)
	}
	return to, first
}

// maxAddress bounds an address with its name. RFC 5321 allows 254 bytes without it.
const maxAddress = 1000

// parseAddress reads an address, also with a name. One that has a line break or another
// control character is none.
func parseAddress(text string) (*netmail.Address, error) {
	if len(text) > maxAddress || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
		return nil, errors.New("no address such as ops@example.com, or Ops <ops@example.com>")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("no address such as ops@example.com, or Ops <ops@example.com>")
	}
	return a, nil
}

// server is where mail goes.
type server struct {
	address        string // host and port
	host           string
	hello          string
	tls            *tls.Config
	immediate      bool // TLS from the beginning
	required       bool // STARTTLS
	login          bool
	user, password string
}

func (s *Sender) setServer(e *scenario.EmailSink) error {
	text, _ := s.vars.URL(&e.Server).Constant()
	fail := func(what string) error { return &compose.Error{Pos: e.Server.Pos, Err: errors.New(what)} }
	u, err := url.Parse(text)
	switch {
	case err != nil: // it shows a part of the URL
		return fail("no URL such as smtp://USER:PASSWORD@HOST:PORT; other characters than letters and digits in the password are escaped, @ as %40")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return fail("the mail server's URL must begin with smtp:// or smtps://")
	case u.Hostname() == "":
		return fail("the mail server's URL has no host")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return fail("the mail server's URL has something behind the host")
	}
	srv := &server{host: u.Hostname(), immediate: u.Scheme == "smtps"}
	if u.User != nil {
		srv.login, srv.user = true, u.User.Username()
		if srv.password, _ = u.User.Password(); srv.user == "" || srv.password == "" {
			return fail("the mail server's URL has a login without a name or password")
		}
		s.conceal(srv.user, srv.password)
	}
	port := u.Port()
	switch {
	case port != "":
	case srv.immediate:
		port = "465"
	case srv.login:
		port = "587"
	default:
		port = "25"
	}
	srv.address = net.JoinHostPort(srv.host, port)
	srv.required = srv.login || e.CA != nil
	// Opportunistic TLS is not checked, see the package's comment.
	srv.tls = &tls.Config{ServerName: srv.host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !srv.required && !srv.immediate}
	s.server = srv
	return s.setCA(e)
}

// conceal hides the forms in which a login is sent, which a server's reply may repeat.
func (s *Sender) conceal(user, password string) {
	const shown = "***"
	for _, secret := range []string{password, "\x00" + user + "\x00" + password} {
		s.vars.Conceal(secret, shown)
		s.vars.Conceal(base64.StdEncoding.EncodeToString([]byte(secret)), shown)
	}
}

// setCA reads the certificates to trust.
func (s *Sender) setCA(e *scenario.EmailSink) (err error) {
	s.server.tls.RootCAs, err = trust.Certificates(s.vars, e.CA)
	return err
}

// Check connects to the server, checks its certificate, logs in and leaves.
func (s *Sender) Check(ctx context.Context) error {
	return s.vars.Error(s.check(ctx))
}

func (s *Sender) check(ctx context.Context) error {
	c, err := s.server.dial(ctx)
	if err != nil {
		return s.failure(err)
	}
	defer c.close()
	defer c.bind(ctx)()
	if err := c.smtp.Noop(); err != nil {
		return s.failure(&stepError{"NOOP", err})
	}
	_ = c.smtp.Quit() // an error changes no outcome
	return nil
}

// Close closes the connections that no message uses.
func (s *Sender) Close() error {
	s.pool.close()
	return nil
}
