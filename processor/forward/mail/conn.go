package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	maxConnections = 4
	maxMessages    = 100 // of a connection
	idleTime       = 30 * time.Second
	quitTime       = 2 * time.Second
	// tryTime is the deadline of what has none.
	tryTime = 30 * time.Second
	// maxReplies bounds what a server says about one message.
	maxReplies = 256 << 10
)

// conn is a connection that is logged in.
type conn struct {
	net      *boundedConn
	smtp     *smtp.Client
	messages int
	timer    *time.Timer // closes it while it is idle
}

// boundedConn is a connection from which only so much is read.
type boundedConn struct {
	net.Conn
	left int // bytes
}

var errReplies = fmt.Errorf("the server's replies have more than %d bytes", maxReplies)

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errReplies
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// stepError says at which step a connection failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }

func (e *stepError) Unwrap() error { return e.err }

// dial connects, and logs in.
func (s *server) dial(ctx context.Context) (_ *conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, &stepError{"connecting to " + s.address, err}
	}
	c := &conn{net: &boundedConn{Conn: raw, left: maxReplies}}
	defer c.bind(ctx)()
	defer func() {
		if err != nil {
			_ = raw.Close()
		}
	}()
	var stream net.Conn = c.net
	if s.immediate {
		encrypted := tls.Client(c.net, s.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, &stepError{"TLS with " + s.address, err}
		}
		stream = encrypted
	}
	if c.smtp, err = smtp.NewClient(stream, s.host); err != nil {
		return nil, &stepError{"the greeting of " + s.address, err}
	}
	if err := c.smtp.Hello(s.hello); err != nil {
		return nil, &stepError{"EHLO", err}
	}
	if !s.immediate {
		if err := s.startTLS(c.smtp); err != nil {
			return nil, err
		}
	}
	if s.login {
		if err := s.authenticate(c.smtp); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (s *server) startTLS(c *smtp.Client) error {
	if offered, _ := c.Extension("STARTTLS"); !offered {
		if !s.required {
			return nil
		}
		why := "its certificate is to be checked"
		if s.login {
			why = "a login is never sent unencrypted"
		}
		return fmt.Errorf("%s offers no STARTTLS, and %s; smtps:// is encrypted from the beginning", s.address, why)
	}
	if err := c.StartTLS(s.tls); err != nil {
		return &stepError{"STARTTLS with " + s.address, err}
	}
	return nil
}

// errLogin is what a loginError is.
var errLogin = errors.New("login refused")

// loginError is a server's refusal of a login.
type loginError struct{ err error }

func (e *loginError) Error() string { return e.err.Error() }

func (e *loginError) Unwrap() []error { return []error{e.err, errLogin} }

// authenticate logs in. The simple mechanisms come first, since the connection is encrypted
// and what is behind the others is set up rarely, and wrongly more often.
func (s *server) authenticate(c *smtp.Client) error {
	_, offered := c.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	known := []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", s.user, s.password, s.host, false)},
		{"LOGIN", smtp.LoginAuth(s.user, s.password, s.host, false)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.user, s.password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(s.user, s.password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.user, s.password)},
	}
	for _, m := range known {
		if !slices.Contains(mechanisms, m.name) {
			continue
		}
		err := c.Auth(m.auth)
		var reply *textproto.Error
		if errors.As(err, &reply) && reply.Code/100 == 5 {
			return &loginError{err}
		}
		if err != nil {
			return &stepError{"login", err}
		}
		return nil
	}
	return fmt.Errorf("%s offers no login that is known: %q", s.address, mechanisms)
}

// bind ends what the connection does when ctx ends, until the function that it returns is
// called.
func (c *conn) bind(ctx context.Context) (release func()) {
	c.net.left = maxReplies
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(tryTime)
	}
	_ = c.net.SetDeadline(deadline) // fails only when it is closed
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			_ = c.net.SetDeadline(time.Time{})
		}
	}
}

// close closes the connection without a word.
func (c *conn) close() { _ = c.net.Close() }

// quit says good-bye and closes the connection.
func (c *conn) quit() {
	_ = c.net.SetDeadline(time.Now().Add(quitTime))
	_ = c.smtp.Quit()
	c.close()
}

// pool has the connections that no message uses. A connection in it is closed when it was
// there for some time.
type pool struct {
	slots    chan struct{}
	idleTime time.Duration

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func (p *pool) init() {
	p.slots, p.idleTime = make(chan struct{}, maxConnections), idleTime
}

// enter waits until there may be one more connection in use; leave is called after it.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("all %d connections are in use: %w", maxConnections, context.Cause(ctx))
	}
}

func (p *pool) leave() { <-p.slots }

// get returns the connection that was used last, nil if there is none.
func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.timer.Stop()
	return c
}

// put keeps a connection for the next message.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	if p.closed || c.messages >= maxMessages {
		p.mu.Unlock()
		c.quit()
		return
	}
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
	c.timer = time.AfterFunc(p.idleTime, func() { p.expire(c) })
}

func (p *pool) expire(c *conn) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.quit()
	}
}

// close closes the idle connections now, and others when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.timer.Stop()
		c.quit()
	}
}
