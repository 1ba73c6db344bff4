package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
)

// text parses a text as the scenario does, but without escapes.
func text(s string) *scenario.SinkText {
	t := &scenario.SinkText{Pos: scenario.Position{Line: 5, Column: 1}}
	for s != "" {
		i := strings.IndexAny(s, "${")
		if i < 0 {
			t.Parts = append(t.Parts, scenario.SinkTextPart{Literal: s})
			break
		}
		if i > 0 {
			t.Parts = append(t.Parts, scenario.SinkTextPart{Literal: s[:i]})
		}
		end := i + strings.IndexByte(s[i:], '}')
		part := scenario.SinkTextPart{Pos: scenario.Position{Line: 7, Column: i + 1}}
		switch inner := s[i:end]; {
		case inner[0] == '$':
			part.Variable = inner[2:]
		case inner[1] == '$':
			part.Meta = inner[2:]
		default:
			part.Path = strings.Split(inner[1:], ".")
		}
		t.Parts = append(t.Parts, part)
		s = s[end+1:]
	}
	return t
}

func named(name, value string) scenario.NamedBody {
	return scenario.NamedBody{Name: name, Pos: scenario.Position{Line: 6, Column: 1}, Body: scenario.Body{Kind: scenario.BodyText, Text: text(value)}}
}

func computed(name, source string) scenario.NamedBody {
	return scenario.NamedBody{Name: name, Body: scenario.Body{Kind: scenario.BodyJQ, JQ: &scenario.JQ{Source: source}}}
}

func object(members ...scenario.NamedBody) *scenario.Body {
	return &scenario.Body{Kind: scenario.BodyObject, Object: members}
}

// variables of tests.
var environment = map[string]string{
	"TOKEN": "t0ken-of-the-test", "LOGIN": "me:hunter22", "SECRET": secretA, "SECRETS": secretA + " " + secretB,
	"SHORT": "whsec_AAAA", "EMPTY": "", "BROKEN": "a\nb",
}

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "C2FVsBQIhrscChlQIMV+b5sSYspob7oDwC2FVsBQ"
)

// newSender returns a Sender to a URL, which is the variable URL.
func newSender(t *testing.T, url string, h scenario.HTTPSink) *Sender {
	t.Helper()
	s, err := tryNew(url, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func tryNew(url string, h scenario.HTTPSink) (*Sender, error) {
	if h.Method == "" {
		h.Method = "POST"
	}
	if h.URL.Parts == nil {
		h.URL = *text("${URL}")
	}
	vars := compose.NewVariables(func(name string) (string, bool) {
		if name == "URL" {
			return url, true
		}
		if value, ok := environment[name]; ok {
			return value, true
		}
		return os.LookupEnv(name)
	})
	return New(&h, Options{Vars: vars, Version: "1.2.3", Now: func() time.Time { return time.Unix(1700000000, 0) }})
}

func cutOf(values ...string) *forward.Cut {
	c := &forward.Cut{ID: "0123456789abcdef0123456789abcdef"}
	for i, v := range values {
		r := &forward.Record{Topic: "orders", Partition: 1, Offset: int64(10 + i), Key: []byte("k"), Value: []byte(v)}
		if isJSON(r.Value) {
			r.JSON = r.Value
		}
		c.Records = append(c.Records, r)
	}
	return c
}

// compose returns the only message of a cut.
func composed(t *testing.T, s *Sender, c *forward.Cut) forward.Message {
	t.Helper()
	m, err := s.Compose(c)
	if err != nil || len(m) != 1 {
		t.Fatalf("%d messages, %v", len(m), err)
	}
	return m[0]
}

// received is a request as a test server got it.
type received struct {
	method, uri, body string
	header            http.Header
}

// receiver starts a server that answers with a handler, and returns what it gets.
func receiver(t *testing.T, handle http.HandlerFunc) (*httptest.Server, <-chan received) {
	got := make(chan received, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- received{r.Method, r.RequestURI, string(body), r.Header}
		if handle != nil {
			handle(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, got
}

const value = `{"id":"po-1","n":12.50,"who":"ü & ö","o":{"b":true}}`

func TestRequests(t *testing.T) {
	jq := func(s string) *scenario.Body {
		return &scenario.Body{Kind: scenario.BodyJQ, JQ: &scenario.JQ{Source: s}}
	}
	for name, c := range map[string]struct {
		sink      scenario.HTTPSink
		values    []string
		uri, body string
		header    map[string]string
	}{
		"a body": {
			scenario.HTTPSink{Body: object(named("reference", "{id}"), named("n", "{n}"), computed("rush", ".n > 12"))}, []string{value},
			"/", `{"reference":"po-1","n":12.50,"rush":true}`, map[string]string{"Content-Type": "application/json", "User-Agent": "inv/1.2.3"},
		},
		"a form": {
			scenario.HTTPSink{Form: []scenario.NamedBody{named("To", "{who}"), named("a b", "{n}"), computed("none", ".missing"), computed("j", ".o")}}, []string{value},
			"/", "To=%C3%BC+%26+%C3%B6&a+b=12.50&j=%7B%22b%22%3Atrue%7D", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		},
		"a JSON value": {scenario.HTTPSink{}, []string{value}, "/", value, map[string]string{"Content-Type": "application/json"}},
		"other bytes":  {scenario.HTTPSink{}, []string{"\x00\x01"}, "/", "\x00\x01", map[string]string{"Content-Type": "application/octet-stream"}},
		"no bytes":     {scenario.HTTPSink{}, []string{""}, "/", "", map[string]string{"Content-Length": "0"}},
		"a URL of the record": {
			scenario.HTTPSink{Method: "PUT", URL: *text("${URL}/orders/{who}?id={id}#part")}, []string{value},
			"/orders/%C3%BC%20%26%20%C3%B6?id=po-1", value, nil,
		},
		"headers": {
			scenario.HTTPSink{Headers: []scenario.NamedBody{named("X-Who", "{who}"), named("content-type", "text/plain"), computed("X-None", "null"), computed("X-N", ".n + 1"), named("User-Agent", "other")}}, []string{value},
			"/", value, map[string]string{"X-Who": "ü & ö", "Content-Type": "text/plain", "X-None": "", "X-N": "13.5", "User-Agent": "other"},
		},
		"basic":       {scenario.HTTPSink{Basic: text("${LOGIN}")}, []string{value}, "/", value, map[string]string{"Authorization": "Basic bWU6aHVudGVyMjI="}},
		"bearer":      {scenario.HTTPSink{Bearer: text("${TOKEN}")}, []string{value}, "/", value, map[string]string{"Authorization": "Bearer t0ken-of-the-test"}},
		"idempotency": {scenario.HTTPSink{IdempotencyKey: &scenario.Selector{Path: []string{"id"}}}, []string{value}, "/", value, map[string]string{"Idempotency-Key": "po-1", "Webhook-Id": ""}},
		"a signature": {
			scenario.HTTPSink{Sign: text("${SECRETS}"), Body: jq(".id")}, []string{value}, "/", `"po-1"`,
			map[string]string{"Webhook-Id": "0123456789abcdef0123456789abcdef", "Webhook-Timestamp": "1700000000"},
		},
		"a signature by key": {
			scenario.HTTPSink{Sign: text("${SECRET}"), IdempotencyKey: &scenario.Selector{Path: []string{"id"}}}, []string{value}, "/", value,
			map[string]string{"Webhook-Id": "po-1", "Idempotency-Key": "po-1"},
		},
		"an id that would end early": {
			scenario.HTTPSink{Sign: text("${SECRET}"), IdempotencyKey: &scenario.Selector{Path: []string{"n"}}}, []string{value}, "/", value,
			map[string]string{"Webhook-Id": "0123456789abcdef0123456789abcdef", "Idempotency-Key": "12.50"},
		},
		"a group": {scenario.HTTPSink{Body: jq("[$count, $records[].id]")}, []string{`{"id":1}`, `{"id":2}`}, "/", "[2,1,2]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			server, got := receiver(t, nil)
			s := newSender(t, server.URL, c.sink)
			m := composed(t, s, cutOf(c.values...))
			for range 2 { // each try is the same
				if err := s.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				r := <-got
				if r.uri != c.uri || r.body != c.body || r.method != s.method {
					t.Errorf("%s %s %q", r.method, r.uri, r.body)
				}
				for name, want := range c.header {
					if have := r.header.Get(name); have != want {
						t.Errorf("%s: %q, want %q", name, have, want)
					}
				}
			}
		})
	}
}

func TestALoginInTheURL(t *testing.T) {
	server, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	s := newSender(t, strings.Replace(server.URL, "://", "://me:hunter22@", 1), scenario.HTTPSink{})
	err := s.Send(t.Context(), composed(t, s, cutOf(value)))
	if r := <-got; r.header.Get("Authorization") != "Basic bWU6aHVudGVyMjI=" {
		t.Error(r.header)
	}
	if strings.Contains(fmt.Sprint(err), "hunter22") {
		t.Error(err)
	}
}

func TestTombstonesAreNoMessage(t *testing.T) {
	s := newSender(t, "http://127.0.0.1:1", scenario.HTTPSink{})
	c := &forward.Cut{Records: []*forward.Record{{Topic: "a"}}}
	if m, err := s.Compose(c); len(m) != 0 || err != nil {
		t.Error(m, err)
	}
	s = newSender(t, "http://127.0.0.1:1", scenario.HTTPSink{Body: object(named("key", "{$partition}"))})
	composed(t, s, c)
}

func TestRecordsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		sink          scenario.HTTPSink
		value, reason string
	}{
		"a header with a line break":   {scenario.HTTPSink{Headers: []scenario.NamedBody{named("X", "{a}")}}, `{"a":"b\r\nEvil: yes"}`, forward.Expression},
		"a header with a NUL":          {scenario.HTTPSink{Headers: []scenario.NamedBody{named("X", "{a}")}}, `{"a":"\u0000"}`, forward.Expression},
		"a header that would shrink":   {scenario.HTTPSink{Headers: []scenario.NamedBody{named("X", "{a}")}}, `{"a":" b"}`, forward.Expression},
		"a computed header":            {scenario.HTTPSink{Headers: []scenario.NamedBody{computed("X", ".a")}}, `{"a":"b\n"}`, forward.Expression},
		"a key with a line break":      {scenario.HTTPSink{IdempotencyKey: &scenario.Selector{Path: []string{"a"}}}, `{"a":"b\nc"}`, forward.Expression},
		"no key":                       {scenario.HTTPSink{IdempotencyKey: &scenario.Selector{Path: []string{"a"}}}, `{}`, forward.Expression},
		"an empty key":                 {scenario.HTTPSink{IdempotencyKey: &scenario.Selector{Path: []string{"a"}}}, `{"a":""}`, forward.Expression},
		"a field that is missing":      {scenario.HTTPSink{Form: []scenario.NamedBody{named("X", "{a}")}}, `{}`, forward.Expression},
		"a body of what is not JSON":   {scenario.HTTPSink{Body: object(named("X", "{a}"))}, `x`, forward.NotJSON},
		"a URL that is another folder": {scenario.HTTPSink{URL: *text("${URL}/{a}")}, `{"a":".."}`, forward.Expression},
	} {
		s := newSender(t, "http://127.0.0.1:1", c.sink)
		_, err := s.Compose(cutOf(c.value))
		var refused *forward.RecordError
		if !errors.As(err, &refused) || refused.Reason != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongDeclarations(t *testing.T) {
	for name, c := range map[string]struct {
		url  string
		sink scenario.HTTPSink
		want string
	}{
		"another scheme":           {"ftp://h", scenario.HTTPSink{}, "must begin with http"},
		"no scheme":                {"h/x", scenario.HTTPSink{}, "must begin with http"},
		"no host":                  {"http:///x", scenario.HTTPSink{}, "no host"},
		"no URL":                   {"http://h:secret-port/", scenario.HTTPSink{}, "no URL"},
		"a host of the record":     {"http://h", scenario.HTTPSink{URL: *text("${URL}{a}/")}, "can't decide the host"},
		"a login of the record":    {"http://h", scenario.HTTPSink{URL: *text("${URL}:{a}@x/")}, "can't decide the host"},
		"a login without colon":    {"http://h", scenario.HTTPSink{Basic: text("${TOKEN}")}, "USER:PASSWORD"},
		"an empty token":           {"http://h", scenario.HTTPSink{Bearer: text("${EMPTY}")}, "empty"},
		"a token of two lines":     {"http://h", scenario.HTTPSink{Bearer: text("${BROKEN}")}, "token"},
		"no secret":                {"http://h", scenario.HTTPSink{Sign: text("${EMPTY}")}, "no secret"},
		"a short secret":           {"http://h", scenario.HTTPSink{Sign: text("${SECRET} ${SHORT}")}, "secret 2 has 3 bytes"},
		"a secret that isn't":      {"http://h", scenario.HTTPSink{Sign: text("${LOGIN}")}, "secret 1 is not base64"},
		"a private key":            {"http://h", scenario.HTTPSink{Sign: text("whsk_AAAA")}, "ed25519"},
		"a constant header":        {"http://h", scenario.HTTPSink{Headers: []scenario.NamedBody{named("X", "${BROKEN}")}}, "header X"},
		"certificates of nowhere":  {"https://h", scenario.HTTPSink{CA: text("/none/ca.pem")}, "/none/ca.pem"},
		"certificates without end": {"https://h", scenario.HTTPSink{CA: text("/dev/zero")}, "more than"},
		"no certificates":          {"https://h", scenario.HTTPSink{CA: text("/dev/null")}, "no certificate in PEM"},
		"an expression":            {"http://h", scenario.HTTPSink{Body: object(computed("a", "nope"))}, "nope"},
	} {
		_, err := tryNew(c.url, c.sink)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, secret := range []string{"secret-port", "t0ken", "hunter22", "MfKQ9r8G"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v has a secret", name, err)
			}
		}
	}
}

func TestStatuses(t *testing.T) {
	held := "held"
	for status, want := range map[int]string{
		200: "", 201: "", 202: "", 204: "", 207: "",
		400: forward.Refused, 415: forward.Refused, 422: forward.Refused, 409: forward.Refused, 425: forward.Refused, 413: forward.TooLarge,
		410: "stop", 301: held, 302: held, 304: held, 307: held, 308: held,
		401: held, 403: held, 404: held, 405: held, 408: held, 429: held, 500: held, 501: held, 502: held, 503: held, 504: held, 599: held,
	} {
		server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		keyed := scenario.HTTPSink{IdempotencyKey: &scenario.Selector{Path: []string{"id"}}}
		for _, sink := range []scenario.HTTPSink{{}, keyed} {
			want := want
			if sink.IdempotencyKey != nil && (status == 409 || status == 425) {
				want = held
			}
			s := newSender(t, server.URL, sink)
			err := s.Send(t.Context(), composed(t, s, cutOf(value)))
			if got := kindOf(err); got != want {
				t.Errorf("%d: %s, %v, want %s", status, got, err, want)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprint(status)) {
				t.Errorf("%d: %v", status, err)
			}
			if redirect := status >= 300 && status < 400; err != nil && redirect != strings.Contains(err.Error(), "redirects are not followed: /elsewhere") {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
}

// kindOf says what becomes of a message after an error.
func kindOf(err error) string {
	var refused *forward.RecordError
	var stop *forward.StopError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Reason
	case errors.As(err, &stop):
		return "stop"
	}
	return "held"
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": -1, "soon": -1, "-1": -1, "1.5": -1, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "3601": time.Hour,
		"99999999999999999999999": time.Hour, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0, "Sat, 02 Jan 2027 03:00:00 GMT": time.Hour,
	} {
		got, ok := retryAfter(text, now)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(429)
	})
	s := newSender(t, server.URL, scenario.HTTPSink{})
	var retry *forward.RetryError
	if err := s.Send(t.Context(), composed(t, s, cutOf(value))); !errors.As(err, &retry) || retry.After != 30*time.Second {
		t.Error(err)
	}
}

func TestErrorsShowTheBeginningOfAResponse(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"short":           {"  no such\nproduct ", "422 Unprocessable Entity: no such product"},
		"empty":           {"", "422 Unprocessable Entity"},
		"hostile":         {"\x1b[31mred\u202e\xff", `422 Unprocessable Entity: \x1b[31mred\u202e\xff`},
		"huge":            {strings.Repeat("x", 1<<20), "422 Unprocessable Entity: " + strings.Repeat("x", 200) + "…"},
		"cut in a letter": {strings.Repeat("x", 199) + "üü", "422 Unprocessable Entity: " + strings.Repeat("x", 199) + "…"},
		"a secret":        {"bad token t0ken-of-the-test", "422 Unprocessable Entity: bad token ${TOKEN}"},
		"a secret's half": {strings.Repeat("x", 195) + "t0ken-of-the-test", "422 Unprocessable Entity: " + strings.Repeat("x", 195) + "${TOK…"},
	} {
		server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			_, _ = io.WriteString(w, c.body)
		})
		s := newSender(t, server.URL, scenario.HTTPSink{Bearer: text("${TOKEN}")})
		err := s.Send(t.Context(), composed(t, s, cutOf(value)))
		if got := fmt.Sprint(err); got != "refused: "+c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	s := newSender(t, "http://me:hunter22@127.0.0.1:1/path", scenario.HTTPSink{})
	err := s.Send(t.Context(), composed(t, s, cutOf(value)))
	if got := fmt.Sprint(err); kindOf(err) != "held" || strings.Contains(got, "hunter22") || !strings.Contains(got, "refused") {
		t.Error(err)
	}
	stop := make(chan struct{})
	server, got := receiver(t, func(http.ResponseWriter, *http.Request) { <-stop })
	defer close(stop) // before the server closes
	s = newSender(t, server.URL, scenario.HTTPSink{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	if err := s.Send(ctx, composed(t, s, cutOf(value))); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), server.URL) {
		t.Error(err)
	}
	ctx, cancel = context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	if err := s.Send(ctx, composed(t, s, cutOf(value))); !errors.Is(err, context.DeadlineExceeded) || kindOf(err) != "held" || !strings.Contains(err.Error(), "POST ${URL}: no answer in time") {
		t.Error(err)
	}
}

func TestABodyWithoutEndIsDelivered(t *testing.T) {
	server, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begins")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := newSender(t, server.URL, scenario.HTTPSink{})
	s.drain = time.Millisecond
	if err := s.Send(t.Context(), composed(t, s, cutOf(value))); err != nil {
		t.Error(err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections sync.Map
	server, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		connections.Store(r.RemoteAddr, true)
		_, _ = io.WriteString(w, strings.Repeat("x", 10000))
	})
	s := newSender(t, server.URL, scenario.HTTPSink{})
	for range 5 {
		if err := s.Send(t.Context(), composed(t, s, cutOf(value))); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	connections.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestHeadsOfResponsesAreBounded(t *testing.T) {
	server, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
	})
	s := newSender(t, server.URL, scenario.HTTPSink{})
	if err := s.Send(t.Context(), composed(t, s, cutOf(value))); kindOf(err) != "held" {
		t.Error(err)
	}
}
