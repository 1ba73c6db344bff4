package webhook

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
	"inv/processor/forward/trust"
)

// Options are what the declaration of a sink doesn't say.
type Options struct {
	Vars    *compose.Variables // must be set
	Lanes   int                // requests under way at most, default 64
	Version string             // of inv, for User-Agent; may be ""
	Now     func() time.Time   // default time.Now
}

// Sender sends requests. It is a [forward.Sender].
type Sender struct {
	vars   *compose.Variables
	now    func() time.Time
	method string

	constant *url.URL // nil: url has placeholders
	url      *compose.Template
	auth     string // value of Authorization

	headers []field
	key     *compose.Selector // of Idempotency-Key
	keyPos  scenario.Position
	signer  signer
	fixed   http.Header // the headers that all requests have

	body *compose.Body
	form []field      // nil: a body, or the value
	size atomic.Int64 // of bodies, so that one is allocated at once

	transport *http.Transport
	tls       *tls.Config
	place     *url.URL      // of the receiver, without what records decide
	drain     time.Duration // for the rest of a response after its status
}

// field is a header or a field of a form.
type field struct {
	name string
	pos  scenario.Position
	text *compose.Template
	body *compose.Body // in place of text
}

var _ forward.Sender = (*Sender)(nil)

// New returns the Sender of a declared sink. It reads the file of certificates, and
// connects to nothing. If variables have no value, the error may be about that: see
// [compose.Variables.Missing] first.
func New(h *scenario.HTTPSink, o Options) (*Sender, error) {
	s := &Sender{vars: o.Vars, now: o.Now, method: h.Method, fixed: http.Header{}, drain: drainTime}
	if s.now == nil {
		s.now = time.Now
	}
	s.fixed.Set("User-Agent", "inv")
	if o.Version != "" {
		s.fixed.Set("User-Agent", "inv/"+o.Version)
	}
	var first error // the other steps are for the variables that they use
	for _, step := range []func(*scenario.HTTPSink) error{s.setContent, s.setHeaders, s.setURL, s.setCredentials, s.setTLS} {
		if err := step(h); first == nil {
			first = err
		}
	}
	if first != nil {
		return nil, s.vars.Error(first)
	}
	if s.auth != "" {
		s.fixed.Set("Authorization", s.auth)
	}
	s.connect(o.Lanes)
	return s, nil
}

// setContent compiles the body or the form.
func (s *Sender) setContent(h *scenario.HTTPSink) (err error) {
	switch {
	case h.Form != nil:
		s.fixed[contentType] = typeForm
		s.form, err = s.fields(h.Form)
	case h.Body != nil:
		s.fixed[contentType] = typeJSON
		s.body, err = s.vars.Body(h.Body)
	}
	return err
}

// setHeaders compiles the headers of the declaration, which may replace our own.
func (s *Sender) setHeaders(h *scenario.HTTPSink) (err error) {
	if s.headers, err = s.fields(h.Headers); err != nil {
		return err
	}
	for i := range s.headers {
		f := &s.headers[i]
		if f.name = http.CanonicalHeaderKey(f.name); f.text == nil {
			continue
		}
		if text, ok := f.text.Constant(); ok && !validHeader(text) {
			return &compose.Error{Pos: f.pos, Err: fmt.Errorf("header %s: %w", f.name, errHeader)}
		}
	}
	if h.IdempotencyKey == nil {
		return nil
	}
	s.keyPos = h.IdempotencyKey.Pos
	s.key, err = compose.NewSelector(h.IdempotencyKey)
	return err
}

func (s *Sender) fields(list []scenario.NamedBody) ([]field, error) {
	fields := make([]field, len(list))
	for i := range list {
		f := &list[i]
		fields[i] = field{name: f.Name, pos: f.Pos}
		if f.Body.Kind == scenario.BodyText {
			fields[i].text = s.vars.Text(f.Body.Text)
			continue
		}
		var err error
		if fields[i].body, err = s.vars.Body(&f.Body); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// setURL compiles the URL. What records decide comes behind the host, and a login in it
// becomes basic authentication.
func (s *Sender) setURL(h *scenario.HTTPSink) error {
	s.url = s.vars.URL(&h.URL)
	text, constant := s.url.Constant()
	if !constant {
		text = s.url.Prefix()
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return &compose.Error{Pos: h.URL.Pos, Err: errors.New("no URL")} // err shows a part of it
	case u.Scheme != "http" && u.Scheme != "https":
		return &compose.Error{Pos: h.URL.Pos, Err: errors.New("the URL must begin with http:// or https://")}
	case u.Hostname() == "":
		return &compose.Error{Pos: h.URL.Pos, Err: errors.New("the URL has no host")}
	case !constant && !strings.ContainsAny(text[len(u.Scheme)+len("://"):], "/?"):
		return &compose.Error{Pos: h.URL.Pos, Err: errors.New("a record can't decide the host; write / or ? before the first placeholder")}
	}
	s.place = &url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.User != nil {
		password, _ := u.User.Password()
		s.auth = basic(u.User.Username(), password)
	}
	if constant {
		s.constant = s.target(u)
	}
	return nil
}

// target returns a URL without what is not sent in a request line.
func (s *Sender) target(u *url.URL) *url.URL {
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u
}

// setCredentials sets the login, the token and the secrets of signatures.
func (s *Sender) setCredentials(h *scenario.HTTPSink) (err error) {
	switch {
	case h.Basic != nil:
		user, password, ok := s.vars.Login(h.Basic)
		if !ok {
			return &compose.Error{Pos: h.Basic.Pos, Err: errors.New("basic must be USER:PASSWORD")}
		}
		s.auth = basic(user, password)
	case h.Bearer != nil:
		token := s.vars.Secret(h.Bearer)
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &compose.Error{Pos: h.Bearer.Pos, Err: errors.New("the bearer token is empty, or has blanks or other characters that no token has")}
		}
		s.auth = "Bearer " + token
	}
	if h.Sign != nil {
		if s.signer, err = newSigner(s.vars.Secret(h.Sign)); err != nil {
			return &compose.Error{Pos: h.Sign.Pos, Err: err}
		}
	}
	return nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// setTLS reads the certificates to trust.
func (s *Sender) setTLS(h *scenario.HTTPSink) (err error) {
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	s.tls.RootCAs, err = trust.Certificates(s.vars, h.CA)
	return err
}

// What a receiver may make us hold of a response's head, and how long a connection waits
// for the next request.
const (
	maxResponseHead = 64 << 10
	idleTime        = 90 * time.Second
	dialTime        = 15 * time.Second
)

// connect makes the transport, which keeps a connection for each lane.
func (s *Sender) connect(lanes int) {
	if lanes <= 0 {
		lanes = forward.DefaultLanes
	}
	s.transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            s.dialer().DialContext,
		TLSClientConfig:        s.tls.Clone(),
		TLSHandshakeTimeout:    dialTime,
		MaxIdleConns:           lanes,
		MaxIdleConnsPerHost:    lanes,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: maxResponseHead,
		DisableCompression:     true, // a response is not worth it, and its bytes are shown
		ForceAttemptHTTP2:      true,
	}
}

func (s *Sender) dialer() *net.Dialer { return &net.Dialer{Timeout: dialTime} }

// Check connects to the receiver, or to the proxy on the way to it, checks its certificate,
// and sends no request. Whether the receiver accepts the credentials is known only when a
// message is sent.
func (s *Sender) Check(ctx context.Context) error {
	return s.vars.Error(s.check(ctx))
}

func (s *Sender) check(ctx context.Context) error {
	to, proxied := s.place, false
	if proxy, err := s.transport.Proxy(&http.Request{URL: s.place}); err != nil {
		return fmt.Errorf("the proxy: %w", err)
	} else if proxy != nil {
		to, proxied = proxy, true
	}
	port := to.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[to.Scheme]
	}
	if port == "" {
		port = "80"
	}
	address := net.JoinHostPort(to.Hostname(), port)
	var conn net.Conn
	var err error
	if to.Scheme == "https" && !proxied {
		config := s.tls.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		conn, err = (&tls.Dialer{NetDialer: s.dialer(), Config: config}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = s.dialer().DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", address, err)
	}
	return conn.Close()
}

// Unchecked says what [Sender.Check] can't find out, "" if that is nothing.
func (s *Sender) Unchecked() string {
	if s.auth == "" && s.signer == nil {
		return ""
	}
	return "whether the credentials are accepted is known only when something is sent"
}

// Close closes the connections that no request uses.
func (s *Sender) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
