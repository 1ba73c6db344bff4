package mail

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
)

var update = flag.Bool("update", false, "write the golden files")

// sinkText reads a text with placeholders {name}, {$meta}, {count} and ${NAME}.
func sinkText(s string) *scenario.SinkText {
	t := &scenario.SinkText{}
	add := func(p scenario.SinkTextPart) { t.Parts = append(t.Parts, p) }
	for s != "" {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			add(scenario.SinkTextPart{Literal: s})
			break
		}
		variable := i > 0 && s[i-1] == '$'
		literal := strings.TrimSuffix(s[:i], map[bool]string{true: "$"}[variable])
		if literal != "" {
			add(scenario.SinkTextPart{Literal: literal})
		}
		name, rest, _ := strings.Cut(s[i+1:], "}")
		meta, isMeta := strings.CutPrefix(name, "$")
		switch {
		case variable:
			add(scenario.SinkTextPart{Variable: name})
		case isMeta || name == "count":
			add(scenario.SinkTextPart{Meta: meta})
		default:
			add(scenario.SinkTextPart{Path: strings.Split(name, ".")})
		}
		s = rest
	}
	return t
}

func texts(list ...string) (out []scenario.SinkText) {
	for _, s := range list {
		out = append(out, *sinkText(s))
	}
	return out
}

// declared returns a sink to a server.
func declared(server string, to ...string) *scenario.EmailSink {
	return &scenario.EmailSink{
		Server: *sinkText(server), From: *sinkText("inv <inv@example.com>"), To: texts(to...),
		Subject: *sinkText("{count} critical in {warehouse_id}"),
		Line:    sinkText("{product_name}: {current_stock} left"),
	}
}

func newSender(t *testing.T, e *scenario.EmailSink, variables map[string]string) *Sender {
	t.Helper()
	s, err := New(e, Options{Hostname: "client.example.com", Vars: compose.NewVariables(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func cut(values ...string) *forward.Cut {
	c := &forward.Cut{ID: "0123456789abcdef0123456789abcdef", Group: "wh-1", Grouped: true}
	for i, v := range values {
		c.Records = append(c.Records, &forward.Record{
			Topic: "alerts", Offset: int64(i), Time: 1_800_000_000_000 + int64(i)*1000, Value: []byte(v), JSON: []byte(v),
		})
	}
	return c
}

func messages(t *testing.T, s *Sender, c *forward.Cut) []forward.Message {
	t.Helper()
	m, err := s.Compose(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func one(t *testing.T, s *Sender) forward.Message {
	t.Helper()
	return messages(t, s, cut(`{"warehouse_id":"wh-1","product_name":"Hammer","current_stock":3}`))[0]
}

func shown(t *testing.T, m forward.Message) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Show(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSend delivers to a server, and has the same bytes at each try.
func TestSend(t *testing.T) {
	server := newServer(t, &smtpServer{}, false)
	s := newSender(t, declared("smtp://"+server.address(), "ops@example.com", "Bee <b@example.com>", "ops@example.com"), nil)
	list := messages(t, s, cut(`{"warehouse_id":"wh-1","product_name":".","current_stock":3}`))
	if len(list) != 2 || list[0].Recipient() != "ops@example.com" || list[1].Recipient() != "b@example.com" {
		t.Fatalf("the messages are %v", list)
	}
	for _, m := range append(list, list[0]) {
		if err := s.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := server.deliveries()
	if len(got) != 3 || got[0] != got[2] || got[0].data == got[1].data {
		t.Fatalf("received is %v", got)
	}
	if got[1].to != "TO:<b@example.com>" || got[1].from != "FROM:<inv@example.com>" {
		t.Errorf("from %s to %s", got[1].from, got[1].to)
	}
	for i, m := range list {
		if want := strings.ReplaceAll(shown(t, m), "\r\n", "\n"); got[i].data != want {
			t.Errorf("sent is %q, shown %q", got[i].data, want)
		}
	}
	if _, opened := server.connections(); opened != 1 {
		t.Errorf("there were %d connections", opened)
	}
	// Another process makes the same messages.
	again := messages(t, newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil), cut(`{"warehouse_id":"wh-1","product_name":".","current_stock":3}`))
	if shown(t, again[0]) != shown(t, list[0]) {
		t.Error("a message changes from one process to the next")
	}
}

// TestOutcomes has what a server replies to a command, and what follows.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		command, reply string
		want           string // reason, or "hold"
		text           string
	}{
		{"RCPT", "550 5.1.1 no such user", forward.Refused, "RCPT TO: 550 5.1.1 no such user"},
		{"RCPT", "500 5.3.0 Error: command failed", forward.Refused, ""},
		{"RCPT", "552 5.2.2 mailbox full", forward.Refused, ""},
		{"RCPT", "450 4.2.0 greylisted", "hold", "RCPT TO: 450 4.2.0 greylisted"},
		{"RCPT", "554 5.7.1 <a@b>: Relay access denied", "hold", ""},
		{"RCPT", "550 5.1.1 User unknown in relay recipient table", forward.Refused, ""},
		{"RCPT", "530 5.7.0 Authentication required", "hold", ""},
		{"RCPT", "421 4.3.2 shutting down", "hold", ""},
		{"RCPT", hangUp, "hold", "RCPT TO: EOF"},
		{"MAIL", "550 5.7.1 sender refused", "hold", ""},
		{"MAIL", "451 later", "hold", ""},
		{"DATA", "554 no", forward.Refused, ""},
		{"DATA", "452 4.3.1 disk full", "hold", ""},
		{".", "554 5.7.1 spam", forward.Refused, "DATA: 554 5.7.1 spam"},
		{".", "552 too large", forward.TooLarge, ""},
		{".", "550 5.3.4 too large", forward.TooLarge, ""},
		{".", "451 4.0.0 later", "hold", ""},
		{".", hangUp, "hold", ""},
		{"CONNECT", "554 no", "hold", ""},
		{"CONNECT", hangUp, "hold", ""},
		{"RCPT", "550 \x1b[2J evil", forward.Refused, `RCPT TO: 550 \x1b[2J evil`},
		{"RCPT", "what?" + strings.Repeat("x", 2000), "hold", ""},
	}
	for _, test := range tests {
		t.Run(test.command+" "+shortened(test.reply), func(t *testing.T) {
			server := newServer(t, &smtpServer{replies: map[string][]string{test.command: {test.reply}}}, false)
			s := newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil)
			m := one(t, s)
			err := s.Send(context.Background(), m)
			got := "hold"
			var of *forward.RecordError
			if errors.As(err, &of) {
				got = of.Reason
			}
			if err == nil || got != test.want {
				t.Errorf("the outcome is %s, want %s: %v", got, test.want, err)
			}
			if err != nil && (len(err.Error()) > 2*maxShown || test.text != "" && !strings.Contains(err.Error(), test.text)) {
				t.Errorf("the error is %q, want %q", err, test.text)
			}
			if err := s.Send(context.Background(), m); err != nil {
				t.Errorf("the next message: %v", err)
			}
			if len(server.deliveries()) != 1 {
				t.Errorf("%d messages were delivered", len(server.deliveries()))
			}
		})
	}
}

func TestSizeAndCharacters(t *testing.T) {
	small := newServer(t, &smtpServer{extended: []string{"SIZE 100"}}, false)
	s := newSender(t, declared("smtp://"+small.address(), "ops@example.com"), nil)
	var of *forward.RecordError
	if err := s.Send(context.Background(), one(t, s)); !errors.As(err, &of) || of.Reason != forward.TooLarge {
		t.Errorf("too large is %v", err)
	}
	s = newSender(t, declared("smtp://"+small.address(), "öps@example.com"), nil)
	small.extended = nil
	if err := s.Send(context.Background(), one(t, s)); !errors.As(err, &of) || of.Reason != forward.Refused {
		t.Errorf("an address that is not ASCII is %v", err)
	}
	international := newServer(t, &smtpServer{extended: []string{"SMTPUTF8"}}, false)
	s = newSender(t, declared("smtp://"+international.address(), "öps@example.com", "ops@example.com"), nil)
	for _, m := range messages(t, s, cut(`{"warehouse_id":1,"product_name":"a","current_stock":1}`)) {
		if err := s.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	var from []string
	for _, d := range international.deliveries() {
		from = append(from, d.from)
	}
	if want := []string{"FROM:<inv@example.com> SMTPUTF8", "FROM:<inv@example.com>"}; !slices.Equal(from, want) {
		t.Errorf("MAIL is %q, want %q", from, want)
	}
}

// TestHang has a server that doesn't answer: the deadline and a cancelled context end it.
func TestHang(t *testing.T) {
	for _, command := range []string{"CONNECT", "EHLO", "MAIL", "DATA", ".", "NOOP"} {
		t.Run(command, func(t *testing.T) {
			server := newServer(t, &smtpServer{replies: map[string][]string{command: {hang, hang}}}, false)
			s := newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil)
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 1)
			go func() {
				if command == "NOOP" {
					result <- s.Check(ctx)
				} else {
					result <- s.Send(ctx, one(t, s))
				}
			}()
			kafkatest.Eventually(t, 10*time.Second, "the server is asked", func() (bool, error) {
				server.mu.Lock()
				defer server.mu.Unlock()
				return slices.Contains(server.commands, command), nil
			})
			cancel()
			var of *forward.RecordError
			if err := <-result; err == nil || errors.As(err, &of) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestTLS has servers and sinks with and without encryption, login and a certificate to
// trust.
func TestTLS(t *testing.T) {
	config, file := certificates(t)
	tests := []struct {
		name      string
		scheme    string
		offered   bool // STARTTLS
		login     string
		ca        bool
		want      string // part of the error; "": delivered
		encrypted bool
	}{
		{"plain", "smtp", false, "", false, "", false},
		{"opportunistic, not checked", "smtp", true, "", false, "", true},
		{"checked", "smtp", true, "", true, "", true},
		{"checked, not offered", "smtp", false, "", true, "offers no STARTTLS", false},
		{"login, not trusted", "smtp", true, "me:pass-word@", false, "certificate", false},
		{"login", "smtp", true, "me:pass-word@", true, "", true},
		{"login, not offered", "smtp", false, "me:pass-word@", false, "offers no STARTTLS", false},
		{"wrong login", "smtp", true, "me:pass-wrong@", true, "535 5.7.8 Error: authentication failed: ***", false},
		{"from the beginning", "smtps", false, "me:pass-word@", true, "", true},
		{"from the beginning, not trusted", "smtps", false, "", false, "certificate", false},
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN PLAIN", "LOGIN"} {
		for _, test := range tests {
			t.Run(mechanism+" "+test.name, func(t *testing.T) {
				o := &smtpServer{password: "pass-word", extended: []string{"AUTH " + mechanism}}
				if test.offered || test.scheme == "smtps" {
					o.tls = config
				}
				server := newServer(t, o, test.scheme == "smtps")
				e := declared(test.scheme+"://"+test.login+server.address(), "ops@example.com")
				if test.ca {
					e.CA = sinkText(file)
				}
				s := newSender(t, e, nil)
				for what, err := range map[string]error{"Check": s.Check(context.Background()), "Send": s.Send(context.Background(), one(t, s))} {
					if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.HasPrefix(test.want, "535") && !strings.HasSuffix(err.Error(), "***: login refused")) {
						t.Errorf("%s: %v, want %q", what, err, test.want)
					}
					if err != nil && (strings.Contains(err.Error(), "pass-w") || strings.Contains(err.Error(), "bWUAcGFzc")) {
						t.Errorf("%s: the error has the password: %v", what, err)
					}
				}
				got := server.deliveries()
				if test.want != "" {
					if len(got) > 0 {
						t.Errorf("delivered is %v", got)
					}
					return
				}
				if len(got) != 1 || got[0].encrypted != test.encrypted || (got[0].user == "me") != (test.login != "") {
					t.Errorf("delivered is %v", got)
				}
			})
		}
	}
}

func TestUnknownLogin(t *testing.T) {
	config, file := certificates(t)
	server := newServer(t, &smtpServer{tls: config, extended: []string{"AUTH GSSAPI"}}, false)
	e := declared("smtp://me:pass-word@"+server.address(), "ops@example.com")
	e.CA = sinkText(file)
	if err := newSender(t, e, nil).Check(context.Background()); err == nil || !strings.Contains(err.Error(), `offers no login that is known: ["GSSAPI"]`) {
		t.Error(err)
	}
}

// TestPool uses few connections for many messages, and closes those that are idle.
func TestPool(t *testing.T) {
	server := newServer(t, &smtpServer{}, false)
	s := newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil)
	s.pool.idleTime = time.Hour
	m := one(t, s)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if err := s.Send(context.Background(), m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	open, opened := server.connections()
	if opened > maxConnections || len(server.deliveries()) != 40 {
		t.Errorf("%d messages by %d connections", len(server.deliveries()), opened)
	}
	// The server closes them all, as after a restart.
	server.mu.Lock()
	for _, c := range server.conns {
		_ = c.Close()
	}
	server.mu.Unlock()
	if err := s.Send(context.Background(), m); err != nil {
		t.Errorf("with %d closed connections: %v", open, err)
	}
	s.pool.idleTime = time.Millisecond
	if err := s.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, 10*time.Second, "the idle connection is closed", func() (bool, error) {
		open, _ := server.connections()
		return open == 0, nil
	})
	s.pool.idleTime = time.Hour
	if err := s.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, 10*time.Second, "Close closes the connection", func() (bool, error) {
		open, _ := server.connections()
		return open == 0, nil
	})
}

// TestManyMessages takes another connection after some messages.
func TestManyMessages(t *testing.T) {
	server := newServer(t, &smtpServer{}, false)
	s := newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil)
	m := one(t, s)
	for range maxMessages + 1 {
		if err := s.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	if _, opened := server.connections(); opened != 2 {
		t.Errorf("there were %d connections", opened)
	}
}

func TestCheckSendsNothing(t *testing.T) {
	server := newServer(t, &smtpServer{}, false)
	s := newSender(t, declared("smtp://"+server.address(), "ops@example.com"), nil)
	if err := s.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := "[CONNECT EHLO NOOP QUIT]"; fmt.Sprint(server.commands) != want {
		t.Errorf("the commands are %v, want %s", server.commands, want)
	}
}
