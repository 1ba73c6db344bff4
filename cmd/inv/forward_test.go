package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/forward"
	"inv/processor/forward/sinks"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Values of variables, and passwords in the file, are shown nowhere: neither by a dry run,
// a check, a log, a summary or an error, nor in a dead letter, whatever the receiver
// answers or the value is wrong in.
func TestNoSecretOfASinkIsShown(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers)
	topic := kafkatest.Topic(t, brokers, "events", 1)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(`{"n":1}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2-s3cret"
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		user, password, _ := q.BasicAuth()
		w.WriteHeader(http.StatusUnprocessableEntity) // and tells all that it knows
		fmt.Fprintln(w, q.URL, q.Header, user, password)
	}))
	defer mirror.Close()
	host := strings.TrimPrefix(mirror.URL, "http://")
	file := filepath.Join(t.TempDir(), "s.yaml")
	source := `
scenario: t
topics: {events: {topic: ` + topic + `, partitions: 1}}
sinks:
  token: {from: events, timeout: 1s, http: {post: "http://` + host + `/${S}", bearer: "${S}", headers: {X-Key: "key-${S}"}}}
  login: {from: events, timeout: 1s, http: {post: "http://` + host + `/x", basic: "user:${S}"}}
  literal: {from: events, timeout: 1s, http: {post: "http://` + host + `/x", basic: "user:` + secret + `"}}
  signed: {from: events, timeout: 1s, http: {post: "http://` + host + `/x", sign: "${S}"}}
  away: {from: events, timeout: 1s, http: {post: "http://127.0.0.1:1/${S}"}}
  wrong: {from: events, timeout: 1s, http: {post: "${S}"}}
  mail: {from: events, timeout: 1s, email: {server: "smtp://user:${S}@127.0.0.1:1", from: a@example.com, to: b@example.com, subject: s}}
  db: {from: events, timeout: 1s, postgres: {url: "postgres://user:${S}@127.0.0.1:1/x", tables: {else: {append: t}}}}
  dburl: {from: events, timeout: 1s, postgres: {url: "${S}", tables: {else: {append: t}}}}
  folder: {from: events, timeout: 1s, files: {folder: "/dev/null/${S}", format: jsonl}}
`
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sink := range []string{"token", "login", "literal", "signed", "away", "wrong", "mail", "db", "dburl", "folder"} {
		for _, mode := range []string{"--dry-run", "--check", "--drain"} {
			got := forwardFor(t, 2*time.Second, secret, "forward", sink, "--scenario", file, "--brokers", brokers[0], mode)
			if text := got.stdout + got.stderr; strings.Contains(text, secret) {
				t.Errorf("%s %s shows it:\n%s", sink, mode, text)
			}
		}
	}
	for _, args := range [][]string{{"dlq", "list", "-o", "json"}, {"scenarios", "explain", file}, {"groups", "lag"}, {"topics", "list"}} {
		got := invoke(t, []string{"S=" + secret}, append(args, "--scenario", file, "--brokers", brokers[0])...)
		if strings.Contains(got.stdout+got.stderr, secret) {
			t.Errorf("%s shows it:\n%s%s", args, got.stdout, got.stderr)
		}
		if args[0] == "dlq" && !strings.Contains(got.stdout, "422") {
			t.Errorf("nothing was refused: %s%s", got.stdout, got.stderr)
		}
	}
	for _, sink := range []string{"token", "login", "literal"} {
		spans, err := kafka.Spans(t.Context(), client, forward.DeadLetterTopic("inv", sink))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		err = kafka.Read(t.Context(), kafka.Config{Brokers: brokers}, spans, func(_ int, r *kgo.Record) bool {
			found++
			if text := fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers); strings.Contains(text, secret) {
				t.Errorf("the dead letter of %s has it: %s", sink, text)
			}
			return false
		})
		if err != nil || found == 0 {
			t.Errorf("%s has %d dead letters, %v", sink, found, err)
		}
	}
}

// forwardFor runs a command with a variable S, which it stops after a while: a sink that is
// held does not end by itself.
func forwardFor(t *testing.T, long time.Duration, variable string, args ...string) invocation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var out, stderr bytes.Buffer
	err := execute(ctx, args, &streams{in: strings.NewReader(""), out: &out, err: &stderr, getenv: func(name string) string {
		return map[string]string{"S": variable}[name]
	}, now: time.Now, width: func() int { return 0 }})
	return invocation{out.String(), stderr.String(), exitCode(ctx, err, &stderr)}
}

func TestForwardLine(t *testing.T) {
	began := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s := &streams{now: func() time.Time { return began }, width: func() int { return 0 }}
	list := []*sinks.Sink{{Name: "lake"}, {Name: "hooks"}, {Name: "mail"}, {Name: "db"}}
	line := newForwardLine(s, list, false)
	line.over(3)
	now := began.Add(90 * time.Second)
	got := line.status([]forward.Summary{
		{Assigned: 6, Ready: 6, Delivered: 1234, DeadLetters: map[string]int64{"refused": 2}},
		{Assigned: 6, Ready: 6, Held: forward.Held{Since: began.Add(time.Minute), Reason: "401\x1b[2J Unauthorized"}},
		{},
		{},
	}, now)
	want := `lake 1,234 (2 dead-lettered), hooks is held for 30s: 401\x1b[2J Unauthorized, mail waits for partitions, db has ended; Ctrl-C ends it`
	if got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
	if got := newForwardLine(s, nil, true).status(nil, now); got != "; 1m30s" {
		t.Errorf("a drain shows %q", got)
	}
}

// Metrics, health and readiness are served beside a sink.
func TestForwardServesMetrics(t *testing.T) {
	m := &metricsFlags{address: "nowhere"}
	if err := m.check(); !errors.As(err, new(usageError)) {
		t.Errorf("%v", err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "events", 1)
	file := filepath.Join(t.TempDir(), "s.yaml")
	source := "scenario: t\ntopics: {events: {topic: " + topic + ", partitions: 1}}\nsinks: {lake: {from: events, files: {folder: " + t.TempDir() + ", format: csv}}}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, nil, "forward", "--scenario", file, "--brokers", brokers[0], "--drain", "--metrics", busy.Addr().String())
	if got.code != exitFailed || !strings.Contains(got.stderr, "--metrics 127.0.0.1:0 takes a free one") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}
