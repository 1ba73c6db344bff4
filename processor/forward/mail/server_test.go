package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// smtpServer is a mail server that replies as a test says.
type smtpServer struct {
	listener net.Listener
	tls      *tls.Config // nil: no STARTTLS
	extended []string    // besides STARTTLS
	password string      // "": no login

	mu       sync.Mutex
	replies  map[string][]string // by command, in turn; hang and hangUp are no replies
	received []delivery
	commands []string
	open     int // connections
	opened   int
	conns    []net.Conn
	wg       sync.WaitGroup
}

const (
	hang   = "hang"
	hangUp = "hang up"
)

type delivery struct {
	from, to, data string
	encrypted      bool
	user           string
}

// newServer starts a server; implicit: with TLS from the beginning.
func newServer(t *testing.T, s *smtpServer, implicit bool) *smtpServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if implicit {
		listener = tls.NewListener(listener, s.tls)
		s.tls = nil
	}
	s.listener = listener
	s.wg.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open++
			s.opened++
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				s.serve(&session{server: s, conn: c, encrypted: implicit})
				_ = c.Close()
				s.mu.Lock()
				s.open--
				s.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func (s *smtpServer) address() string { return s.listener.Addr().String() }

func (s *smtpServer) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

func (s *smtpServer) connections() (open, opened int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.opened
}

// script returns the reply to a command that a test wants, "" for the usual one.
func (s *smtpServer) script(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, command)
	list := s.replies[command]
	if len(list) == 0 {
		return ""
	}
	s.replies[command] = list[1:]
	return list[0]
}

type session struct {
	server    *smtpServer
	conn      net.Conn
	encrypted bool
	in        *bufio.Reader
	delivery  delivery
}

func (c *session) say(text string) bool {
	_, err := fmt.Fprintf(c.conn, "%s\r\n", text)
	return err == nil
}

// next reads a line, and says what the script has for it. done: the session is over;
// said: the line was answered.
func (c *session) reply(command string) (said, done bool) {
	switch text := c.server.script(command); text {
	case "":
		return false, false
	case hang:
		_, _ = c.in.ReadByte() // until the client leaves
		return true, true
	case hangUp:
		return true, true
	default:
		return true, !c.say(text) || strings.HasPrefix(text, "421")
	}
}

func (s *smtpServer) serve(c *session) {
	c.in = bufio.NewReader(c.conn)
	if said, done := c.reply("CONNECT"); done || !said && !c.say("220 test") {
		return
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		command, rest, _ := strings.Cut(line, " ")
		said, done := c.reply(command)
		if done || command == "QUIT" {
			if !done {
				c.say("221 bye")
			}
			return
		}
		if !said && !s.handle(c, command, rest) {
			return
		}
	}
}

func (s *smtpServer) handle(c *session, command, rest string) bool {
	switch command {
	case "EHLO":
		lines := append([]string{"test"}, s.extended...)
		if s.tls != nil && !c.encrypted {
			lines = append(lines, "STARTTLS")
		}
		for i, l := range lines {
			lines[i] = "250-" + l
		}
		lines[len(lines)-1] = strings.Replace(lines[len(lines)-1], "-", " ", 1)
		return c.say(strings.Join(lines, "\r\n"))
	case "STARTTLS":
		c.say("220 go on")
		encrypted := tls.Server(c.conn, s.tls)
		if encrypted.Handshake() != nil {
			return false
		}
		c.conn, c.in, c.encrypted = encrypted, bufio.NewReader(encrypted), true
		return true
	case "AUTH":
		return c.authenticate(rest)
	case "MAIL":
		c.delivery = delivery{from: rest, encrypted: c.encrypted, user: c.delivery.user}
	case "RCPT":
		c.delivery.to = rest
	case "DATA":
		return c.data()
	}
	return c.say("250 ok")
}

func (c *session) authenticate(rest string) bool {
	mechanism, initial, _ := strings.Cut(rest, " ")
	ask := func() string {
		c.say("334 ")
		line, _ := c.in.ReadString('\n')
		return strings.TrimSpace(line)
	}
	decode := func(text string) string {
		b, _ := base64.StdEncoding.DecodeString(text)
		return string(b)
	}
	var user, password string
	if mechanism == "LOGIN" {
		user, password = decode(ask()), decode(ask())
	} else {
		parts := append(strings.Split(decode(initial), "\x00"), "", "")
		user, password = parts[1], parts[2]
	}
	if password != c.server.password {
		// A server that repeats what it was sent.
		return c.say("535 5.7.8 Error: authentication failed: " + initial + " " + password)
	}
	c.delivery.user = user
	return c.say("235 ok")
}

func (c *session) data() bool {
	c.say("354 go on")
	b, err := textproto.NewReader(c.in).ReadDotBytes()
	if err != nil {
		return false
	}
	if said, done := c.reply("."); said || done {
		return !done
	}
	c.delivery.data = string(b)
	c.server.mu.Lock()
	c.server.received = append(c.server.received, c.delivery)
	c.server.mu.Unlock()
	return c.say("250 ok")
}

// certificates returns a server's configuration for 127.0.0.1, and a file with the
// authority that signed it.
func certificates(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}
