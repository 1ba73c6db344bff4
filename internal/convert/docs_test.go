package convert

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// block is a code block of a page: its language, what follows that, and its text.
var block = regexp.MustCompile("(?s)```([a-z]+)([^\n]*)\n(.*?)\n```")

// Each example of the page is followed by what becomes of it.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	var format, value string
	checked := 0
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		if m[1] != "json" {
			format, value = m[1], m[3]
			continue
		}
		option, text, _ := strings.Cut(strings.TrimSpace(m[2]), "=")
		var names []string
		if text != "" {
			names = strings.Split(text, ",")
		}
		var got string
		switch {
		case format == "xml" && (option == "" || option == "lists"):
			got, err = xmlJSON(t, value, names...)
		case format == "csv" && (option == "" || option == "columns"):
			got, err = csvJSON(t, value, names...)
		default:
			t.Fatalf("%s after %s", m[0], format)
		}
		if err != nil || got != m[3] {
			t.Errorf("%s:\n%s, %v; the page has\n%s", value, got, err, m[3])
		}
		checked++
	}
	if checked < 6 {
		t.Errorf("the page has %d examples", checked)
	}
}
