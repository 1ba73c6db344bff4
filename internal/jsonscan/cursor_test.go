package jsonscan

import (
	"slices"
	"testing"
)

func TestCursorElements(t *testing.T) {
	for text, want := range map[string][]string{
		`[]`:                          nil,
		` [ ] `:                       nil,
		`{}`:                          nil,
		`5`:                           nil,
		`null`:                        nil,
		``:                            nil,
		`[1]`:                         {"1"},
		"\ufeff[ 1 ,\n\"a,]\" , [2]]": {"1", `"a,]"`, "[2]"},
		`[{"a":[1,2]},-1.5e3,null]`:   {`{"a":[1,2]}`, "-1.5e3", "null"},
	} {
		var got []string
		for c := Open([]byte(text)); ; {
			v, ok := c.Element()
			if !ok {
				break
			}
			got = append(got, string(v))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestCursorMembers(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                                     nil,
		`{ }`:                                    nil,
		`[1,2]`:                                  nil,
		`"a"`:                                    nil,
		` { "a" : 1 , "b\"":{"c":2}, "a":[3] } `: {`"a"`, "1", `"b\""`, `{"c":2}`, `"a"`, "[3]"},
	} {
		var got []string
		for c := Open([]byte(text)); ; {
			k, v, ok := c.Member()
			if !ok {
				break
			}
			got = append(got, string(k), string(v))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestMember(t *testing.T) {
	for _, c := range []struct{ text, key, want string }{
		{`{"a":1,"b":2}`, "b", "2"},
		{`{"a":1,"a":2}`, "a", "2"},
		{`{"a":1}`, "b", ""},
		{`{"\u0061":1}`, "a", "1"},
		{`{"a\\":1}`, `a\`, "1"},
		{`{"a\n":1}`, `a\n`, ""},
		{"{\"\xff\":1}", "\ufffd", "1"},
		{`{"é":1}`, "é", "1"},
		{`{"":1}`, "", "1"},
		{`[1]`, "a", ""},
	} {
		if got := string(Member([]byte(c.text), c.key)); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.key, c.text, got, c.want)
		}
	}
}
