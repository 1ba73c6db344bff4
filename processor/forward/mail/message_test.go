package mail

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
)

// TestGolden has the exact bytes of messages.
func TestGolden(t *testing.T) {
	long := strings.Repeat("a long name ", 30)
	tests := map[string]struct {
		change func(*scenario.EmailSink)
		values []string
	}{
		"lines": {nil, []string{`{"warehouse_id":"wh-1","product_name":"Hammer","current_stock":3}`, `{"warehouse_id":"wh-1","product_name":"Säge ≤ 5","current_stock":0}`}},
		"text": {func(e *scenario.EmailSink) {
			e.Text, e.Line = sinkText("Dear {name},\n\nfrom {$topic}.\n.\nFrom here on: \t\n"), nil
		}, []string{`{"warehouse_id":"Köln","name":"you"}`}},
		"values":  {func(e *scenario.EmailSink) { e.Line = nil }, []string{`{"warehouse_id":"wh-1","a":[1,2]}`, `{"b":null}`}},
		"hostile": {nil, []string{`{"warehouse_id":"x\r\nBcc: evil@example.com\r\n\r\nbody","product_name":"a\r\n.\r\nQUIT\u2028b\u001b[2J","current_stock":"=?utf-8?q?x?="}`}},
		"words":   {nil, []string{`{"warehouse_id":"=?utf-8?q?=0D=0ABcc:_x?=","product_name":"a","current_stock":1}`}},
		"long":    {func(e *scenario.EmailSink) { e.Line = nil }, []string{`{"warehouse_id":"` + long + `"}`}},
		"names": {func(e *scenario.EmailSink) {
			e.From, e.To = *sinkText("Lager Köln <inv@example.com>"), texts(`"a, b" <a.b@example.com>`)
		}, []string{`{"warehouse_id":"1","product_name":"a","current_stock":1}`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := declared("smtp://127.0.0.1", "Ops <ops@example.com>")
			if test.change != nil {
				test.change(e)
			}
			s := newSender(t, e, nil)
			m := messages(t, s, cut(test.values...))[0]
			got := shown(t, m)
			if got != string(m.(*message).bytes) {
				t.Errorf("shown is\n%q, and sent\n%q", got, m.(*message).bytes)
			}
			checkMessage(t, []byte(got))
			file := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the message is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// checkMessage parses a message, and returns its subject and body.
func checkMessage(t testing.TB, b []byte) (subject, body string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\r\n"), "\r\n") {
		if strings.ContainsAny(line, "\r\n") || len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) {
			t.Fatalf("a line is %q", line)
		}
	}
	m, err := netmail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v: %q", err, b)
	}
	want := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	var got []string
	for name, values := range m.Header {
		got = append(got, name)
		if len(values) != 1 {
			t.Fatalf("%s: %q", name, values)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("headers are %q, want %q", got, want)
	}
	if subject, err = (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	decoded, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return subject, strings.ReplaceAll(string(decoded), "\r\n", "\n")
}

// FuzzMessage has hostile data in all places: a message keeps its headers, and one line
// per record.
func FuzzMessage(f *testing.F) {
	e := declared("smtp://127.0.0.1", "ops@example.com")
	e.Subject, e.Line, e.Text = *sinkText("[{$key}]"), sinkText("<{$key}>"), nil
	s, err := New(e, Options{Vars: compose.NewVariables(func(string) (string, bool) { return "", false })})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"a", "\r\n.\r\n", "\n\nx", "a\rb", "=?utf-8?q?=0A?=", "ü\u2028", "\x00\x1b[0m\xff", strings.Repeat("x ", 600), "  ", "=0A", "\u0085", strings.Repeat("=?", 100)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		c := cut(`{}`, `{}`)
		for _, r := range c.Records {
			r.Key = key
		}
		list, err := s.Compose(c)
		if err != nil {
			var of *forward.RecordError
			if !errors.As(err, &of) {
				t.Fatal(err)
			}
			return
		}
		subject, body := checkMessage(t, list[0].(*message).bytes)
		if !strings.HasPrefix(subject, "[") || strings.ContainsAny(subject, "\r\n\x1b\x00") || len([]rune(subject)) > maxSubject {
			t.Fatalf("the subject is %q", subject)
		}
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if len(lines) != 2 || lines[0] != lines[1] || !strings.HasPrefix(lines[0], "<") || !strings.HasSuffix(lines[0], ">") {
			t.Fatalf("the body is %q", body)
		}
	})
}

func TestRecipients(t *testing.T) {
	e := declared("smtp://127.0.0.1", "ops@example.com")
	e.ToBy = []scenario.Addresses{{Value: "wh-1", To: texts("east@example.com", "{mail}")}, {Value: "wh-2", To: nil}}
	s := newSender(t, e, nil)
	tests := []struct {
		group, mail, only string
		want              []string
		reason            string
	}{
		{"wh-1", "a@example.com", "", []string{"east@example.com", "a@example.com"}, ""},
		{"wh-1", "East <east@example.com>", "", []string{"east@example.com"}, ""},
		{"wh-1", "a@example.com", "a@example.com", []string{"a@example.com"}, ""},
		{"wh-1", "a@example.com", "evil@example.com", nil, forward.Refused},
		{"wh-1", "a@example.com\\r\\nBcc: b@example.com", "", nil, forward.Expression},
		{"wh-1", "a@example.com, b@example.com", "", nil, forward.Expression},
		{"wh-2", "", "", nil, ""},
		{"wh-3", "", "", []string{"ops@example.com"}, ""},
	}
	for _, test := range tests {
		c := cut(`{"warehouse_id":1,"product_name":"a","current_stock":1,"mail":"` + test.mail + `"}`)
		c.Group, c.Records[0].Recipient = test.group, test.only
		list, err := s.Compose(c)
		var got []string
		for _, m := range list {
			got = append(got, m.(*message).to.Address)
			if want := len(test.want) > 1 || test.only != ""; (m.Recipient() != "") != want {
				t.Errorf("%v: the recipient is %q", test, m.Recipient())
			}
		}
		var of *forward.RecordError
		if reason := ""; errors.As(err, &of) {
			if reason = of.Reason; reason != test.reason {
				t.Errorf("%v: %v", test, err)
			}
		} else if err != nil || test.reason != "" {
			t.Errorf("%v: %v", test, err)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: messages for %q", test, got)
		}
	}
}

// TestSecrets keeps the values of variables out of what is shown.
func TestSecrets(t *testing.T) {
	e := declared("${SMTP_URL}", "${OPS}")
	e.Text = sinkText("By {warehouse_id} ${TOKEN}, =${TOKEN}")
	s := newSender(t, e, map[string]string{"SMTP_URL": "smtp://me:geheim%3Dx@127.0.0.1:1", "OPS": "ops@hidden.example", "TOKEN": "töken=secret"})
	got := shown(t, one(t, s))
	for _, secret := range []string{"geheim", "hidden", "=3Dsecret", "ken"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in\n%s", secret, got)
		}
	}
	if !strings.Contains(got, "To: <${OPS}>") || !strings.Contains(got, "By wh-1 ${TOKEN}") {
		t.Errorf("the message is\n%s", got)
	}
	if sent := string(one(t, s).(*message).bytes); !strings.Contains(sent, "To: <ops@hidden.example>") || !strings.Contains(sent, "t=C3=B6ken=3Dsecret") {
		t.Errorf("the message is\n%s", sent)
	}
}

func TestNewErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(bad, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		change func(*scenario.EmailSink)
		want   string
	}{
		{func(e *scenario.EmailSink) { e.Server = *sinkText("http://h") }, "must begin with smtp:// or smtps://"},
		{func(e *scenario.EmailSink) { e.Server = *sinkText("smtp://") }, "has no host"},
		{func(e *scenario.EmailSink) { e.Server = *sinkText("smtp://u:geh/eim@h") }, "@ as %40"},
		{func(e *scenario.EmailSink) { e.Server = *sinkText("smtp://u@h") }, "login without a name or password"},
		{func(e *scenario.EmailSink) { e.Server = *sinkText("smtp://h/x") }, "something behind the host"},
		{func(e *scenario.EmailSink) { e.From = *sinkText("inv") }, "from: no address"},
		{func(e *scenario.EmailSink) { e.To = texts("a@example.com, b@example.com") }, "to: no address"},
		{func(e *scenario.EmailSink) { e.CA = sinkText(bad) }, "has no certificate"},
		{func(e *scenario.EmailSink) { e.CA = sinkText(bad + "x") }, "no such file"},
	}
	for _, test := range tests {
		e := declared("smtp://127.0.0.1", "ops@example.com")
		test.change(e)
		_, err := New(e, Options{Vars: compose.NewVariables(func(string) (string, bool) { return "", false })})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "geh") {
			t.Errorf("the error is %v, want %q", err, test.want)
		}
	}
}

func TestPorts(t *testing.T) {
	for server, want := range map[string]string{
		"smtp://h": "h:25", "smtp://u:p@h": "h:587", "smtps://u:p@h": "h:465", "smtp://[::1]:99/": "[::1]:99",
	} {
		if got := newSender(t, declared(server, "ops@example.com"), nil).server.address; got != want {
			t.Errorf("%s is %s, want %s", server, got, want)
		}
	}
}
