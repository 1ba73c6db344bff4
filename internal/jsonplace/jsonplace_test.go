package jsonplace_test

import (
	"fmt"
	"strings"
	"testing"

	"inv/internal/jsonplace"
)

const text = "{\"a\": [1, {\"ü\": \"x\"}],\n \"b/c\" : {\"d\":\t\"y\"}, \"n\": null}\n"

func TestPlaces(t *testing.T) {
	root, err := jsonplace.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	root.Walk(func(n *jsonplace.Node) bool {
		got = append(got, fmt.Sprintf("%d:%d:%d%s", n.Kind, n.Line, n.Column, n.Text))
		return true
	})
	if want := "2:1:1 3:1:7 0:1:8 2:1:11 1:1:17x 2:2:10 1:2:16y 0:2:27"; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	for pointer, want := range map[string]int{"/a/1/ü": 17, "/b~1c/d": 16, "/a/7": 7, "/x": 1, "": 1} {
		if n := root.At(pointer); n.Column != want {
			t.Errorf("%s is at column %d, not %d", pointer, n.Column, want)
		}
	}
	if root.Get("b/c").TextOf("d") != "y" || root.TextOf("x") != "" || root.Get("a").Get("x") != nil {
		t.Error("members are not found by key")
	}
}

func TestSyntaxErrors(t *testing.T) {
	for source, want := range map[string]string{
		"":                          "1:1: not JSON: the file ends too early",
		"{\n \"ü\": x}":             "2:7: not JSON: invalid character 'x' looking for beginning of value",
		"[1] 2":                     "1:5: not JSON: invalid character '2' after top-level value",
		strings.Repeat("[", 20_000): "1:10001: not JSON: invalid character '[' exceeded max depth",
	} {
		if _, err := jsonplace.Parse(source); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", source, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text)
	f.Add("[{}, [], \"\\u0000\"]")
	f.Fuzz(func(t *testing.T, source string) {
		n, err := jsonplace.Parse(source)
		if err != nil {
			return
		}
		n.Walk(func(n *jsonplace.Node) bool {
			if n.Line < 1 || n.Column < 1 {
				t.Errorf("%+v", n)
			}
			return true
		})
	})
}
