package envelope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What Append writes, Parse reads: the same bytes of key, value and headers.
func TestRoundTrip(t *testing.T) {
	headers := []kgo.RecordHeader{{Key: "a", Value: []byte("x\x1b")}, {Key: "b"}}
	for _, value := range [][]byte{nil, {}, []byte("null"), []byte(`{"n":1.00}`), []byte(`"text"`), []byte("<a/>"), []byte("{}\n"), []byte("\xff\x00"), []byte(" null "), []byte("\"\xff\"")} {
		for _, key := range [][]byte{nil, {}, []byte("k"), []byte("\xff"), []byte("null")} {
			r := Record{Topic: "t", Partition: 3, Offset: 9, Timestamp: 5, Key: key, Value: value, Headers: headers}
			text := Append(nil, &r)
			got, err := Parse(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got.Quoted = false
			if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", r) && !bytes.Equal(value, []byte(" null ")) {
				t.Errorf("%s:\n got %#v\nwant %#v", text, got, r)
			}
			if bytes.ContainsAny(text, "\n\x1b") {
				t.Errorf("%q is not a line that is safe for a terminal", text)
			}
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ line, want string }{
		{`{"topic":"t","partition":3,"offset":9,"timestamp":5,"key":"k","headers":[],"value":{"n":1.00}}`, `t/3@9 5 "k" "{\"n\":1.00}" [] false`},
		{`{"value":null}`, `/-1@-1 -1 "" "" [] false`},
		{`{"timestamp":-4,"value":"<a/>"}`, `/-1@-1 -1 "" "\"<a/>\"" [] true`},
		{`{"value":"<a/>","value_encoding":"text"}`, `/-1@-1 -1 "" "<a/>" [] false`},
		{`{"key":42,"value":1,"headers":{"b":"1","a":null}}`, `/-1@-1 -1 "42" "1" [{b [49]} {a []}] false`},
		{`{"key":"k"}`, `it has no "value"`},
		{`{"line":0,"value":1}`, `only a part of a record`},
		{`{"value":1,"value_encoding":"rot13"}`, `unknown encoding "rot13"`},
		{`{"value":1,"headers":7}`, `its headers: `},
		{`{"value":1,"partition":3000000000}`, `not a record as JSON`},
		{"{\"value\":\"\xff\"}", `not UTF-8`},
		{`[1]`, `not a record as JSON`},
		{``, `not a record as JSON`},
	}
	for _, test := range tests {
		r, err := Parse([]byte(test.line))
		got := fmt.Sprintf("%s/%d@%d %d %q %q %v %v", r.Topic, r.Partition, r.Offset, r.Timestamp, r.Key, r.Value, r.Headers, r.Quoted)
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	r, err := Parse([]byte(`{"value":"<a b=\"1\"/>\n"}`))
	if err != nil || !r.Quoted || string(r.Text()) != "<a b=\"1\"/>\n" {
		t.Errorf("%v %v %q", err, r.Quoted, r.Text())
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"topic":"t","partition":3,"offset":9,"timestamp":5,"key":"k","headers":{"a":"b"},"value":{"n":1.00}}`))
	f.Add([]byte(`{"value":"gA==","value_encoding":"base64","headers":[{"key":"a","value":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(Append(nil, &r))
		if err != nil || !bytes.Equal(again.Key, r.Key) || len(again.Headers) != len(r.Headers) {
			t.Fatalf("%q came back as %#v, %v; it was %#v", text, again, err, r)
		}
	})
}

func TestRead(t *testing.T) {
	var got []string
	use := func(r *Record) error {
		got = append(got, string(r.Value))
		return nil
	}
	if err := Read(t.Context(), strings.NewReader("{\"value\":1}\n\n \r\n{\"value\":2}"), use); err != nil || fmt.Sprint(got) != "[1 2]" {
		t.Errorf("%v, %v", got, err)
	}
	var wrong *LineError
	if err := Read(t.Context(), strings.NewReader("\n{\"value\":1}\nx\n"), use); !errors.As(err, &wrong) || wrong.Line != 3 {
		t.Errorf("a line that is no record: %v", err)
	}
	full := errors.New("full")
	if err := Read(t.Context(), strings.NewReader("{\"value\":1}\n"), func(*Record) error { return full }); !errors.Is(err, full) {
		t.Errorf("an error of use: %v", err)
	}
	if err := Read(t.Context(), zeros{}, use); err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Errorf("a line without an end: %v", err)
	}
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(full)
	if err := Read(ctx, r, use); !errors.Is(err, full) {
		t.Errorf("a read that does not return: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
