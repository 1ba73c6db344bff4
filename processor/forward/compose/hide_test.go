package compose

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/processor/forward"
)

// used returns variables that a text uses all of.
func used(pairs ...string) *Variables {
	v := variablesOf(pairs...)
	for i := 0; i < len(pairs); i += 2 {
		v.Text(text("${" + pairs[i] + "}"))
	}
	return v
}

func TestHide(t *testing.T) {
	for _, c := range []struct {
		name, value, text, want string
	}{
		{"TOKEN", "s3cr3t", "with s3cr3t and s3cr3t", "with ${TOKEN} and ${TOKEN}"},
		{"SHORT", "abc", "abc", "abc"},
		{"EMPTY", "", "text", "text"},
		{"ODD", "a b/c&d", "q=a+b%2Fc%26d p=a%20b%2Fc&d r=a%20b%2Fc%26d", "q=${ODD} p=${ODD} r=${ODD}"},
		{"QUOTED", "pa\"ss\\w", `{"x":"pa\"ss\\w"}`, `{"x":"${QUOTED}"}`},
		{"CONTROL", "to\x1bken", `to\x1bken, to\u001bken`, "${CONTROL}, ${CONTROL}"},
		{"LOGIN", "user:hunter22", "Basic dXNlcjpodW50ZXIyMg==", "Basic ${LOGIN}"},
		{"PG_URL", "postgres://u:hunter22@h/d", "postgres://u:hunter22@h/d: password hunter22", "${PG_URL}: password ${PG_URL}"},
		{"PG_URL", "postgres://u:p%40ss22@h/d", "p%40ss22, p@ss22", "${PG_URL}, ${PG_URL}"},
		{"PG_URL", "host=h password='hunter22'", "hunter22", "${PG_URL}"},
		{"KEYS", "whsec_AAAAAAAA whsec_BBBBBBBB", "whsec_BBBBBBBB AAAAAAAA", "${KEYS} ${KEYS}"},
		{"X", "none", "dial smtp://me:pass@host:25/x", "dial smtp://me:***@host:25/x"},
		{"X", "none", `parse "http://u:p@ss@h": bad, http://h:80/a@b`, `parse "http://u:***@h": bad, http://h:80/a@b`},
	} {
		if got := used(c.name, c.value).Hide(c.text); got != c.want {
			t.Errorf("%s=%s: %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

func TestHideTheLongest(t *testing.T) {
	v := used("HOST", "example", "URL", "https://example.com/secret", "USER", "user", "LOGIN", "user:word")
	if got := v.Hide("https://example.com/secret?a https://example.com user:word"); got != "${URL}?a https://${HOST}.com ${LOGIN}" {
		t.Error(got)
	}
	v = used("PASSWORD", "hunter22")
	v.Text(text("smtp://me:${PASSWORD}@host"))
	if got := v.Hide("smtp://me:hunter22@host"); got != "smtp://me:${PASSWORD}@host" {
		t.Error(got)
	}
}

func TestUnusedVariablesAreNotHidden(t *testing.T) {
	if got := variablesOf("TOKEN", "s3cr3t").Hide("s3cr3t"); got != "s3cr3t" {
		t.Error(got)
	}
}

func TestLiteralSecrets(t *testing.T) {
	v := variablesOf("P", "fromenv1")
	if got := v.Secret(text("whsec_literal1 ${P}")); got != "whsec_literal1 fromenv1" {
		t.Error(got)
	}
	if user, password, ok := v.Login(text("me:literal2")); user != "me" || password != "literal2" || !ok {
		t.Error(user, password, ok)
	}
	if _, _, ok := v.Login(text("me:${P}")); !ok {
		t.Error("a login of two parts is none")
	}
	if _, _, ok := v.Login(text("${P}")); ok {
		t.Error("a login without colon")
	}
	v.URL(text("http://u:literal3@h/{a}"))
	v.Conceal("made-of-it", "${P}")
	for hidden, want := range map[string]string{
		"literal1": "***", "whsec_literal1": "***", "fromenv1": "${P}", "literal2": "***", "bWU6bGl0ZXJhbDI=": "me:***",
		"bWU6ZnJvbWVudjE=": "me:${P}", "literal3": "***", "made-of-it": "${P}",
	} {
		if got := v.Hide(hidden); got != want {
			t.Errorf("%s: %s, want %s", hidden, got, want)
		}
	}
}

func TestMissing(t *testing.T) {
	asked := map[string]int{}
	v := NewVariables(func(name string) (string, bool) { asked[name]++; return "", name == "EMPTY" })
	v.Text(text("${B}${A}${EMPTY}"))
	body := object("a", bodyText("${B} {x}"), "c", bodyText("${C}"))
	if _, err := v.Body(&body); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.Missing(), " "); got != "B A C" {
		t.Error(got)
	}
	for name, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", name, n)
		}
	}
}

func TestError(t *testing.T) {
	v := used("TOKEN", "s3cr3t")
	if v.Error(nil) != nil {
		t.Error("nil is an error")
	}
	if err := io.EOF; v.Error(err) != err {
		t.Error("an error without secrets is another")
	}
	refused := &forward.RecordError{Reason: forward.Refused, Record: &forward.Record{Offset: 7}, Err: fmt.Errorf("no s3cr3t: %w", io.EOF)}
	for _, err := range []error{
		v.Error(refused), v.Error(fmt.Errorf("with s3cr3t: %w", refused)),
		v.Error(&forward.RetryError{After: time.Second, Err: refused}), v.Error(&forward.StopError{Err: refused}),
		v.Error(&Error{Pos: scenario.Position{Line: 1}, Err: refused}), v.Error(errors.Join(refused, io.ErrClosedPipe)),
	} {
		var as *forward.RecordError
		if !errors.Is(err, io.EOF) || !errors.As(err, &as) || as.Record.Offset != 7 || as.Reason != forward.Refused {
			t.Errorf("%v has lost what it was", err)
		}
		for _, shown := range []string{err.Error(), as.Error(), as.Err.Error(), termsafe.Error(err)} {
			if strings.Contains(shown, "s3cr3t") || !strings.Contains(shown, "${TOKEN}") {
				t.Errorf("%q", shown)
			}
		}
	}
	var retry *forward.RetryError
	if err := v.Error(fmt.Errorf("s3cr3t: %w", &forward.RetryError{After: time.Second, Err: errors.New("s3cr3t")})); !errors.As(err, &retry) || retry.After != time.Second || strings.Contains(retry.Error(), "s3") {
		t.Error(err, retry)
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	v := variablesOf()
	v.InFile("sinks.yaml")
	err := v.Error(&forward.RecordError{Reason: forward.Expression, Err: &Error{Pos: scenario.Position{Line: 3, Column: 4}, Err: io.EOF}})
	if err.Error() != "expression: sinks.yaml:3:4: EOF" || !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// FuzzHide checks that no secret is left in a text, in any form in which it may be written.
func FuzzHide(f *testing.F) {
	f.Add("s3cr3t", "with ", " and more")
	f.Add("a b/ü&\"\n", "://u:", "@h")
	f.Add("ssss", "s", "sss")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < minSecret || strings.Contains(secret, "*") {
			return
		}
		v := variablesOf()
		v.Conceal(secret, "***")
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), termsafe.String(secret)} {
			if strings.Contains(form, "*") {
				continue
			}
			if got := v.Hide(before + form + after); strings.Contains(got, form) {
				t.Errorf("%q is left in %q", form, got)
			}
		}
	})
}
