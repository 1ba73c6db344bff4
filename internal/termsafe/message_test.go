package termsafe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

const hostile = "a\x1b[2J\u009b1m\x9b\n\r\a\u202e\u2066\u200f\u061cb"

const harmless = `a\x1b[2J\u009b1m\x9b\n\r\x07\u202e\u2066\u200f\u061cb`

func TestSprintf(t *testing.T) {
	type name string
	err := fmt.Errorf("reading %s: %w", hostile, errors.New(hostile))
	for _, c := range []struct{ got, want string }{
		{Sprintf("\x1b[1m%s\x1b[0m\n%v", hostile, hostile), "\x1b[1m" + harmless + "\x1b[0m\n" + harmless},
		{Sprintf("%s %s", []byte(hostile), name(hostile)), harmless + " " + harmless},
		{Sprintf("%q", "a\x1b\u202e"), `"a\x1b\u202e"`},
		{Sprintf("%v", []string{hostile}), "[" + harmless + "]"},
		{Sprintf("%s, %v", err, err), "reading " + harmless + ": " + harmless + ", reading " + harmless + ": " + harmless},
		{Sprintf("%5d|%-*s|%.1f %d%%", 7, 4, "ab", 1.25, int64(9)), "    7|ab  |1.2 9%"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	var b bytes.Buffer
	if n, err := Fprintf(&b, "%s\n", hostile); b.String() != harmless+"\n" || n != b.Len() || err != nil {
		t.Errorf("%d, %v: %q", n, err, b.String())
	}
}

func TestError(t *testing.T) {
	one, two := errors.New("one "+hostile), errors.New("two")
	joined := errors.Join(one, two)
	for _, c := range []struct {
		err  error
		want string
	}{
		{one, "one " + harmless},
		{joined, "one " + harmless + "\ntwo"},
		{fmt.Errorf("at %s: %w; see \x1b", hostile, joined), "at " + harmless + ": one " + harmless + "\ntwo" + `; see \x1b`},
		{fmt.Errorf("%w\n%s (%w)", one, hostile, two), "one " + harmless + `\n` + harmless + " (two)"},
		{fmt.Errorf("two: %s, %w", hostile, two), "two: " + harmless + ", two"},
		{hiding{two}, `not \x1bit`},
	} {
		if got := Error(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// hiding is an error whose text has nothing of the one that it wraps.
type hiding struct{ err error }

func (h hiding) Error() string { return "not \x1bit" }
func (h hiding) Unwrap() error { return h.err }

func TestAppendJSON(t *testing.T) {
	want := map[string]string{"name" + hostile[:8]: hostile + "\x7f\U000e0041", "plain": "日本 ü"}
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	safe := AppendJSON(nil, text)
	for _, r := range string(safe) {
		if r != '\n' && Hidden(r) {
			t.Errorf("%U is hidden in %q", r, safe)
		}
	}
	var had, got map[string]string
	if json.Unmarshal(text, &had) != nil || json.Unmarshal(safe, &got) != nil || fmt.Sprint(had) != fmt.Sprint(got) {
		t.Errorf("%q became %q", text, safe)
	}
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	text := "one\n" + hostile + "\n\nlast"
	n, err := NewWriter(&b).Write([]byte(text))
	if want := "one\n" + harmless[:len(`a\x1b[2J\u009b1m\x9b`)] + "\n" + harmless[len(`a\x1b[2J\u009b1m\x9b\n`):] + "\n\nlast"; b.String() != want || n != len(text) || err != nil {
		t.Errorf("%d, %v: %q, want %q", n, err, b.String(), want)
	}
}
