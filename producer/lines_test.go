package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
)

func orNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

func TestLinesAreRecords(t *testing.T) {
	now := func() time.Time { return time.UnixMilli(77) }
	plain, keyed, envelope := Lines{Now: now}, Lines{Now: now, KeySeparator: "::"}, Lines{Now: now, Envelope: true}
	for _, c := range []struct {
		o          Lines
		line, want string // key, value, headers, time, or the error
	}{
		{plain, `{"a":1}`, `null "{\"a\":1}" [] 77`},
		{plain, "", `null "" [] 77`},
		{plain, "a\r", `null "a\r" [] 77`},
		{keyed, "k::v::w", `"k" "v::w" [] 77`},
		{keyed, "::", `"" "" [] 77`},
		{keyed, "k:v", `no key separator "::"`},
		{envelope, `{"topic":"t","partition":3,"offset":9,"timestamp":5,"key":"k","headers":[],"value":{"n":1.00}}`, `"k" "{\"n\":1.00}" [] 5`},
		{envelope, `{"key":null,"value":null}`, `null null [] 77`},
		{envelope, `{"key":"","value":"","value_encoding":"text"}`, `"" "" [] 77`},
		{envelope, `{"value":"x"}`, `null "\"x\"" [] 77`},
		{envelope, `{"value":"x\ny","value_encoding":"text"}`, `null "x\ny" [] 77`},
		{envelope, `{"value":null,"value_encoding":"json"}`, `null "null" [] 77`},
		{envelope, `{"key":"/wA=","key_encoding":"base64","value":"gA==","value_encoding":"base64"}`, `"\xff\x00" "\x80" [] 77`},
		{envelope, `{"key":42,"value":1}`, `"42" "1" [] 77`},
		{envelope, `{"value":1,"headers":[{"key":"a","value":"1"},{"key":"a","value":null},{"key":"b","value":"/w==","encoding":"base64"}]}`, `null "1" [a="1" a=null b="\xff"] 77`},
		{envelope, `{"value":1,"headers":{"b":"1","a":"2"}}`, `null "1" [b="1" a="2"] 77`},
		{envelope, `{"key":"k"}`, `it has no "value"`},
		{envelope, `{"line":0,"value":1}`, `only a part of a record`},
		{envelope, `{"value":1,"value_encoding":"rot13"}`, `unknown encoding "rot13"`},
		{envelope, `{"value":"?","value_encoding":"base64"}`, `its value: illegal base64`},
		{envelope, "{\"value\":1,\"headers\":[{\"key\":\"\\u001b[2J\",\"value\":1,\"encoding\":\"\\u001b\"}]}", `its headers: "\x1b[2J": unknown encoding "\x1b"`},
		{envelope, `[1]`, `not a record as JSON`},
		{envelope, "{\"value\":\"\xff\"}", `not UTF-8`},
	} {
		r, err := c.o.record([]byte(c.line))
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %s", c.line, err, c.want)
			}
			continue
		}
		var headers []string
		for _, h := range r.Headers {
			headers = append(headers, h.Key+"="+orNull(h.Value))
		}
		if got := fmt.Sprintf("%s %s %v %d", orNull(r.Key), orNull(r.Value), headers, r.At); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

// endless is an input of one line without an end.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return copy(b, bytes.Repeat([]byte{'x'}, len(b))), nil
}

func TestLinesAreBounded(t *testing.T) {
	var sum LinesSummary
	input := &endless{}
	o := Lines{Now: time.Now}
	err := o.send(t.Context(), &KafkaSink{}, 1, input, &sum)
	if line := new(LineError); !errors.As(err, &line) || line.Line != 1 || !strings.Contains(err.Error(), "longer than 16 MiB") || input.read > 3*MaxLine {
		t.Errorf("%v after %d bytes", err, input.read)
	}
}

// A line that is no record ends the input; those before it are acknowledged. So they
// are if the context ends while the input is open.
func TestLinesBeforeAnErrorAreSent(t *testing.T) {
	config := kafka.Config{Brokers: kafkatest.Embedded(t)}
	client, err := kafka.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: "lines", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	o := Lines{Topic: "lines", KeySeparator: ":", Now: time.Now}
	sum, err := SendLines(t.Context(), config, o, strings.NewReader("a:1\nb:2\nc\nd:4\n"))
	if line := new(LineError); !errors.As(err, &line) || line.Line != 3 || sum.Acknowledged != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	sum, err = SendLines(ctx, config, o, &stuck{text: strings.NewReader("a:1\nb:2\n"), then: func() { cancel(stop) }, done: t.Context().Done()})
	if !errors.Is(err, stop) || sum.Acknowledged != sum.Sent {
		t.Errorf("%+v, %v", sum, err)
	}
}

// stuck is an input that blocks after its text.
type stuck struct {
	text *strings.Reader
	then func()
	done <-chan struct{}
}

func (s *stuck) Read(b []byte) (int, error) {
	if s.text.Len() > 0 {
		return s.text.Read(b)
	}
	s.then()
	<-s.done
	return 0, context.Canceled
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"timestamp":5,"key":"k","headers":[{"key":"a","value":null}],"value":{"n":1}}`))
	f.Add([]byte(`{"value":"gA==","value_encoding":"base64","headers":{"a":1}}`))
	o := Lines{Envelope: true, Now: func() time.Time { return time.UnixMilli(1) }}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := o.record(line)
		if err == nil && (r.At < 0 || r.Bytes() > 4*len(line)) {
			t.Errorf("%d bytes at %d of %d", r.Bytes(), r.At, len(line))
		}
	})
}
