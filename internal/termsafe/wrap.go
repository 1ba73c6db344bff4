package termsafe

import "strings"

// Wrap breaks a text between words into lines of at most so many columns, if its
// words allow it; 0 or less: a single line. The text must be safe already.
func Wrap(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns > 0 && Width([]byte(line))+1+Width([]byte(word)) > columns {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
