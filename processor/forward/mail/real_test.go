package mail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/forward"
)

// real skips a test that needs the counterparts of .ci/forward.
func real(t *testing.T) {
	t.Helper()
	if os.Getenv("INV_FORWARD") != "1" {
		t.Skip("INV_FORWARD=1 runs tests with real mail servers; .ci/forward sets it")
	}
}

// start runs a server until the test ends, and waits until it listens.
func start(t *testing.T, address string, command *exec.Cmd) {
	t.Helper()
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = command.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-done
		if t.Failed() {
			t.Logf("%s: %s", command.Path, output.String())
		}
	})
	kafkatest.Eventually(t, time.Minute, command.Path+" listens", func() (bool, error) {
		select {
		case <-done:
			return false, fmt.Errorf("it has ended: %s", output.String())
		default:
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false, nil
		}
		_ = c.Close()
		return true, nil
	})
}

func splitAddress(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// startGreenMail returns the addresses of SMTP and IMAP.
func startGreenMail(t *testing.T) (smtp, imap string) {
	t.Helper()
	jar := os.Getenv("INV_GREENMAIL")
	if _, err := os.Stat(jar); err != nil {
		t.Fatalf("INV_GREENMAIL is not the jar of GreenMail: %v", err)
	}
	smtp, imap = kafkatest.FreeAddress(t), kafkatest.FreeAddress(t)
	args := []string{"-Dgreenmail.users=me:pass-word@example.com", "-Xmx128m"}
	for name, address := range map[string]string{"smtp": smtp, "imap": imap} {
		host, port := splitAddress(t, address)
		args = append(args, "-Dgreenmail."+name+".hostname="+host, "-Dgreenmail."+name+".port="+port)
	}
	start(t, imap, exec.Command("java", append(args, "-jar", jar)...))
	return smtp, imap
}

// mailbox reads all messages of a user by IMAP (RFC 9051). GreenMail makes a mailbox for
// each address that gets mail; its password is the address.
func mailbox(t *testing.T, address, user string) (all [][]byte) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	command := func(tag, text string) {
		fmt.Fprintf(c, "%s %s\r\n", tag, text)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if i := strings.LastIndexByte(line, '{'); i >= 0 && strings.HasSuffix(line, "}\r\n") {
				n, err := strconv.Atoi(line[i+1 : len(line)-3])
				if err != nil {
					t.Fatal(err)
				}
				b := make([]byte, n)
				if _, err := io.ReadFull(in, b); err != nil {
					t.Fatal(err)
				}
				all = append(all, b)
			}
			if rest, ok := strings.CutPrefix(line, tag+" "); ok {
				if !strings.HasPrefix(rest, "OK") {
					t.Fatalf("%s: %s", text, rest)
				}
				return
			}
		}
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	command("1", fmt.Sprintf("LOGIN %q %q", user, user))
	command("2", "SELECT INBOX")
	command("3", "FETCH 1:* (BODY[])")
	return all
}

// lossyProxy passes connections on, and of each fourth message it loses the reply: the
// server has the message, and the client doesn't know.
func lossyProxy(t *testing.T, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var sent atomic.Int64
	t.Cleanup(func() { _ = listener.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				return
			}
			wg.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
			wg.Go(func() {
				defer func() { _ = client.Close() }()
				in := bufio.NewReader(server)
				for data := false; ; {
					line, err := in.ReadString('\n')
					if err != nil || data && sent.Add(1)%4 == 0 {
						return
					}
					data = strings.HasPrefix(line, "354")
					if _, err := io.WriteString(client, line); err != nil {
						return
					}
				}
			})
		}
	})
	return listener.Addr().String()
}

// TestRealGreenMail has mailboxes: after each message was tried until it was delivered, by a
// connection that breaks, they have the expected messages and nothing else, if those with
// the same id count once. Each is byte for byte what was shown.
func TestRealGreenMail(t *testing.T) {
	real(t)
	smtp, imap := startGreenMail(t)
	s := newSender(t, declared("smtp://"+lossyProxy(t, smtp), "ops@example.com", "Bee <bee@example.com>"), nil)
	if err := s.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"ops@example.com": {}, "bee@example.com": {}}
	tries := 0
	for i := range 30 {
		c := cut(fmt.Sprintf(`{"warehouse_id":"wh-%d","product_name":"Säge\n.\n%d","current_stock":%d}`, i, i, i), `{"product_name":"Hammer","current_stock":1}`)
		c.ID = fmt.Sprintf("%032x", i)
		for _, m := range messages(t, s, c) {
			want[m.Recipient()][m.(*message).id] = shown(t, m)
			for err := errors.New("not tried"); err != nil; tries++ {
				if tries > 1000 {
					t.Fatal(err)
				}
				err = s.Send(context.Background(), m)
			}
		}
	}
	for user, expected := range want {
		got := map[string]string{}
		all := mailbox(t, imap, user)
		for _, b := range all {
			m, err := netmail.ReadMessage(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			id := strings.Trim(m.Header.Get("Message-ID"), "<>")
			// The server puts its own headers before ours.
			ours := b[bytes.Index(b, []byte("Auto-Submitted:")):]
			if before, ok := got[id]; ok && before != string(ours) {
				t.Errorf("%s has two messages with the id %s:\n%s\n%s", user, id, before, ours)
			}
			got[id] = string(ours)
		}
		if len(all) <= len(got) {
			t.Errorf("%s has %d messages and no duplicate, so nothing was tested", user, len(all))
		}
		for id, text := range expected {
			if strings.TrimSuffix(got[id], "\r\n") != strings.TrimSuffix(text, "\r\n") {
				t.Errorf("%s has\n%q\nwant\n%q", user, got[id], text)
			}
			delete(got, id)
		}
		if len(got) > 0 {
			t.Errorf("%s has other messages: %q", user, got)
		}
	}
}

// startSink runs smtp-sink, of Postfix.
func startSink(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("smtp-sink")
	if err != nil {
		path = "/usr/sbin/smtp-sink"
	}
	if me, err := user.Current(); err == nil && me.Uid == "0" {
		args = append(args, "-u", "nobody")
	}
	address := kafkatest.FreeAddress(t)
	start(t, address, exec.Command(path, append(args, address, "100")...))
	return address
}

// TestRealSink has a server that misbehaves in the ways of smtp-sink.
func TestRealSink(t *testing.T) {
	real(t)
	const hold = "hold"
	tests := []struct {
		args []string
		want string // reason; hold; "": delivered
	}{
		{nil, ""},
		{[]string{"-e"}, ""}, // no ESMTP
		{[]string{"-8", "-p"}, ""},
		{[]string{"-r", "RCPT"}, hold},
		{[]string{"-r", "MAIL"}, hold},
		{[]string{"-r", "DATA"}, hold},
		{[]string{"-r", "."}, hold},
		{[]string{"-f", "RCPT"}, forward.Refused},
		{[]string{"-f", "DATA"}, forward.Refused},
		{[]string{"-f", "."}, forward.Refused},
		{[]string{"-f", "MAIL"}, hold},
		{[]string{"-f", "CONNECT"}, hold},
		{[]string{"-f", ".", "-B", "552 5.3.4 Message too big"}, forward.TooLarge},
		{[]string{"-q", "CONNECT"}, hold},
		{[]string{"-q", "RCPT"}, hold},
		{[]string{"-q", "DATA"}, hold},
		{[]string{"-q", "."}, hold},
		{[]string{"-Q", "MAIL"}, hold},
		{[]string{"-Q", "."}, hold},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			address := startSink(t, test.args...)
			s := newSender(t, declared("smtp://"+address, "ops@example.com", "bee@example.com"), nil)
			for _, m := range messages(t, s, cut(`{"warehouse_id":"wh-1","product_name":"a","current_stock":1}`)) {
				err := s.Send(context.Background(), m)
				got := ""
				var of *forward.RecordError
				switch {
				case errors.As(err, &of):
					got = of.Reason
				case err != nil:
					got = hold
				}
				if got != test.want {
					t.Errorf("the outcome is %q, want %q: %v", got, test.want, err)
				}
			}
		})
	}
}

// TestRealSinkLoad sends many messages at once, and counts those that the server wrote
// down.
func TestRealSinkLoad(t *testing.T) {
	real(t)
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(folder); parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil { // smtp-sink runs as nobody
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "mail")
	s := newSender(t, declared("smtp://"+startSink(t, "-D", file), "ops@example.com"), nil)
	const count = 2000
	var wg sync.WaitGroup
	for lane := range 64 {
		wg.Go(func() {
			for i := lane; i < count; i += 64 {
				c := cut(`{"warehouse_id":"wh-1","product_name":"a","current_stock":1}`)
				c.ID = fmt.Sprintf("%032x", i)
				list, err := s.Compose(c)
				if err == nil {
					err = s.Send(context.Background(), list[0])
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for line := range strings.SplitSeq(string(b), "\n") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "Message-ID:"); ok {
			ids[id] = true
		}
	}
	if got := bytes.Count(b, []byte("Message-ID:")); got != count || len(ids) != count {
		t.Errorf("%d messages arrived, with %d ids, want %d", got, len(ids), count)
	}
}
