package protofile

import (
	"strings"
	"testing"
)

func TestDepth(t *testing.T) {
	for text, want := range map[string]int{
		"":                                    0,
		"message A { message B { } }":         2,
		"}}}} { {":                            2,
		"// { {\n{":                           1,
		"/* { */ { /* } */ {":                 2,
		`option x = "{{{"; {`:                 1,
		`option x = "\"{"; {`:                 1,
		"option x = '{\n{":                    1,
		"map<string, X> a = 1 [(b) = {c: 1}]": 2,
		"{ / {":                               2,
		"/* {":                                0,
	} {
		if got := depth(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	hidden := strings.Repeat("message A { // }\n", maxDepth+1)
	if CheckDepth(map[string]string{"a.proto": hidden}) == nil || CheckDepth(map[string]string{"a.proto": "message A {}"}) != nil {
		t.Error("the limit does not hold")
	}
}
