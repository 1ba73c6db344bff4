package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// JSON is YAML but for two escapes, which JSON writers use: a character beyond U+FFFF is
// two surrogates, \ud83d\ude00, and a slash may be \/. Only a double-quoted text has
// escapes, and only the YAML parser knows where one is, so they are replaced by YAML's
// everywhere before it reads the file, and put back outside such texts.

// anyEscape matches an escape. It takes all of them, so that the backslash of a match is
// never an escaped one.
var anyEscape = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)

// jsonEscapes are the escapes that were replaced.
type jsonEscapes struct {
	written map[string]string // the escape in the file, by its replacement
	columns map[int][]shift   // by line
}

// shift is a place from which the columns of a line are too high by this number.
type shift struct{ column, by int }

// yamlEscape returns the YAML escape for one of JSON's; "" if it is YAML, too.
func yamlEscape(escape string) string {
	switch {
	case escape == `\/`:
		return `\u002F`
	case len(escape) == len(`\ud83d\ude00`):
		high, _ := strconv.ParseUint(escape[2:6], 16, 16)
		low, _ := strconv.ParseUint(escape[8:12], 16, 16)
		return fmt.Sprintf(`\U%08X`, utf16.DecodeRune(rune(high), rune(low)))
	}
	return ""
}

// replaceJSONEscapes returns the file with YAML's escapes.
func replaceJSONEscapes(source []byte) ([]byte, *jsonEscapes) {
	e := &jsonEscapes{map[string]string{}, map[int][]shift{}}
	lines := strings.SplitAfter(string(source), "\n")
	for i, line := range lines {
		var out strings.Builder
		from := 0
		for _, at := range anyEscape.FindAllStringIndex(line, -1) {
			escape := line[at[0]:at[1]]
			replacement := yamlEscape(escape)
			if replacement == "" {
				continue
			}
			out.WriteString(line[from:at[0]])
			e.written[replacement] = escape
			e.columns[i+1] = append(e.columns[i+1], shift{utf8.RuneCountInString(out.String()) + 1, len(replacement) - len(escape)})
			out.WriteString(replacement)
			from = at[1]
		}
		out.WriteString(line[from:])
		lines[i] = out.String()
	}
	if len(e.written) == 0 {
		return source, e
	}
	return []byte(strings.Join(lines, "")), e
}

// restore puts back the escapes that are in no double-quoted text, and corrects the
// columns.
func (e *jsonEscapes) restore(n *yaml.Node) {
	if len(e.written) == 0 {
		return
	}
	column := n.Column
	for _, s := range e.columns[n.Line] {
		if s.column < column {
			n.Column -= s.by
		}
	}
	if n.Kind == yaml.ScalarNode && n.Style&yaml.DoubleQuotedStyle == 0 {
		for replacement, escape := range e.written {
			n.Value = strings.ReplaceAll(n.Value, replacement, escape)
		}
	}
	for _, child := range n.Content {
		e.restore(child)
	}
}
