package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"testing"
)

// Any key and value come back from the cells, their encodings beside them.
func TestCSVLosesNothing(t *testing.T) {
	for _, value := range [][]byte{
		nil, {}, []byte("null"), []byte(`"null"`), []byte("a\nb"), []byte(`a\nb`), []byte("a\rb"), []byte("a\tb"), []byte("\n"), []byte(`"`), []byte(` x `),
		[]byte("base64:AAAA"), []byte("\xff"), []byte("a\x00b"), []byte("\x1b[31m"), []byte("=1+1"), []byte("+1"), []byte("-5"), []byte("@SUM(A1)"), []byte("\t=1"),
	} {
		out := render(&CSV{}, []*Record{{Topic: "t", Key: value, Value: value}})
		rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %d rows, %v", value, len(rows), err)
		}
		cells := map[string]string{}
		for i, name := range rows[0] {
			cells[name] = rows[1][i]
		}
		for _, name := range []string{"key", "value"} {
			got := []byte(cells[name])
			switch cells[name+"_encoding"] {
			case "null":
				got = nil
			case "base64":
				if got, err = base64.StdEncoding.DecodeString(cells[name]); err != nil {
					t.Error(err)
				}
			}
			if !bytes.Equal(got, value) || (got == nil) != (value == nil) {
				t.Errorf("the %s %q is %q in\n%s", name, value, got, out)
			}
		}
	}
}

// A terminal gets no control characters but newlines.
func TestCSVOnATerminal(t *testing.T) {
	out := (&CSV{Safe: true}).Append(nil, &Record{Topic: "t", Key: []byte("\x1b[2J"), Value: []byte("a\nb\x1b")})
	if want := "t,0,0,0,\\x1b[2J,,\"a\nb\\x1b\",,\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}
