package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// The YAML library's errors name what its parser expected, with the line at which the
// surrounding mapping or list began. They are looked up again for the author of the file
// in its text: the line of the mistake, and what it is.

// syntax is a text that is not YAML.
type syntax struct {
	lines []string
	line  int    // of the mistake, from 1; 0: unknown
	text  string // the library's words
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntaxProblem explains an error of the YAML library.
func syntaxProblem(file string, source []byte, err error) Problem {
	s := &syntax{lines: strings.Split(string(source), "\n"), text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		s.line, _ = strconv.Atoi(m[1])
		s.text = m[2]
		if strings.HasPrefix(s.text, "did not find expected") {
			s.line++ // the library's parser, unlike its scanner, counts lines from 0
		}
	}
	if strings.Contains(s.text, "invalid Unicode character escape code") {
		s.text = `a \u or \U escape that is no character; a surrogate such as \ud83d needs the second one of its pair`
	}
	pos, text := s.explain()
	return Problem{File: file, Pos: pos, Text: "not YAML: " + text}
}

func (s *syntax) explain() (Position, string) {
	if pos, text := s.characters(); text != "" {
		return pos, text
	}
	if name, ok := strings.CutPrefix(s.text, "unknown anchor '"); ok {
		return s.anchor(strings.TrimSuffix(name, "' referenced"))
	}
	if s.line < 1 || s.line > len(s.lines) {
		return Position{}, s.text
	}
	var first, last, depth int
	switch {
	case strings.Contains(s.text, "expected ',' or"), strings.Contains(s.text, "end of stream"), strings.Contains(s.text, "document indicator"):
		pos, text, end := s.brackets()
		if text != "" {
			return pos, text
		}
		first, last, depth = s.line, end, maxDepth // more than a line closes
	case strings.HasPrefix(s.text, "did not find expected key"), strings.HasPrefix(s.text, "did not find expected '-'"):
		s.line = s.mistake()
		first, last = s.line, s.line
	default: // the line is right, or the next one
		first, last = max(s.line-1, 1), min(s.line+1, len(s.lines))
		if pos, text := s.find(s.line, 0); text != "" {
			return pos, text
		}
	}
	for n := first; n <= last; n++ {
		if pos, text := s.find(n, depth*(n-first)); text != "" {
			return pos, text
		}
	}
	return s.at(s.line, indent(s.lines[s.line-1])), s.text
}

// find looks for mistakes in a line, which can be in brackets of an earlier one.
func (s *syntax) find(number, depth int) (Position, string) {
	line := s.lines[number-1]
	if at := strings.IndexByte(line[:indent(line)], '\t'); at >= 0 {
		return s.at(number, at), "a tab in the indentation; YAML is indented with blanks"
	}
	for _, find := range []func(string) (int, string){escape, colon, first,
		func(line string) (int, string) { return bracket(line, depth) }, func(line string) (int, string) { return after(line, depth) }} {
		if at, text := find(line); text != "" {
			return s.at(number, at), text
		}
	}
	if depth > 0 {
		return Position{}, ""
	}
	if strings.HasPrefix(s.text, "mapping values") && number > 1 && indent(s.lines[number-2]) == indent(line) {
		if at, text := colon(s.lines[number-2]); text != "" {
			return s.at(number-1, at), text
		}
	}
	at, text := s.indentation(number)
	return s.at(number, at), text
}

// at returns the position of an offset in a line.
func (s *syntax) at(number, offset int) Position {
	return Position{number, utf8.RuneCountInString(s.lines[number-1][:offset]) + 1}
}

// characters finds what no text file has.
func (s *syntax) characters() (Position, string) {
	for i, line := range s.lines {
		for at, r := range line {
			_, size := utf8.DecodeRuneInString(line[at:])
			switch {
			case r == utf8.RuneError && size == 1:
				return s.at(i+1, at), "the file is not UTF-8"
			case unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\u0085':
				return s.at(i+1, at), fmt.Sprintf("the control character %U", r)
			}
		}
	}
	return Position{}, ""
}

// anchor finds an alias.
func (s *syntax) anchor(name string) (Position, string) {
	for i, line := range s.lines {
		if at := strings.Index(line, "*"+name); at >= 0 {
			return s.at(i+1, at), fmt.Sprintf("there is no anchor &%s; a text that begins with * is quoted", name)
		}
	}
	return Position{}, s.text
}

// Bounds of the search for a mistake's line, which parses the file once a line.
const (
	maxSearchedBytes = 64 << 10
	maxSearchedLines = 200
)

// mistake returns the line after the longest beginning of the file that is YAML.
func (s *syntax) mistake() int {
	from, to := max(s.line-3, 0), min(s.line+maxSearchedLines, len(s.lines))
	right := s.line - 1
	for n := from; n <= to; n++ {
		text := strings.Join(s.lines[:n], "\n") + "\n"
		if len(text) > maxSearchedBytes {
			break
		}
		if yaml.Unmarshal([]byte(text), new(yaml.Node)) == nil {
			right = n
		}
	}
	return min(max(right+1, s.line-2, 1), len(s.lines))
}

// brackets follows the brackets and quotes from the line at which the outermost begins, to
// the line at which it ends.
func (s *syntax) brackets() (pos Position, problem string, last int) {
	type bracket struct {
		char byte
		pos  Position
	}
	var open []bracket
	closes := map[byte]byte{'}': '{', ']': '['}
	for i := s.line - 1; i < len(s.lines); i++ {
		line := s.lines[i]
		for at := 0; at < len(line); at++ {
			pos := s.at(i+1, at)
			switch c := line[at]; {
			case c == '#' && (at == 0 || line[at-1] == ' '):
				at = len(line)
			case (c == '"' || c == '\'') && startsValue(line[:at]):
				end := closing(line, at)
				if end < 0 {
					return pos, fmt.Sprintf("the quote %c is not closed on this line", c), 0
				}
				at = end
			case c == '{' || c == '[':
				open = append(open, bracket{c, pos})
			case closes[c] != 0 && len(open) == 0:
				return Position{}, "", i + 1
			case closes[c] != 0:
				last := open[len(open)-1]
				if last.char != closes[c] {
					return last.pos, fmt.Sprintf("%q is closed by %q", string(last.char), string(c)), 0
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) == 0 {
			return Position{}, "", i + 1
		}
	}
	return open[len(open)-1].pos, fmt.Sprintf("%q is not closed", string(open[len(open)-1].char)), 0
}

// startsValue reports whether a value or a key can begin after a line's beginning.
func startsValue(before string) bool {
	trimmed := strings.TrimRight(before, " ")
	return trimmed == "" || strings.HasSuffix(trimmed, "[") || strings.HasSuffix(trimmed, "{") || strings.HasSuffix(trimmed, ",") ||
		len(trimmed) < len(before) && (strings.HasSuffix(trimmed, ":") || strings.HasSuffix(trimmed, "-"))
}

// closing returns where the quote at a place of a line is closed, -1 if it is not.
func closing(line string, at int) int {
	quote := line[at]
	for i := at + 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i
		}
	}
	return -1
}

var badEscape = regexp.MustCompile(`\\[^0abt\tnvfre "/\\N_LPxuU]`)

func escape(line string) (int, string) {
	quoted := strings.IndexByte(line, '"')
	if at := badEscape.FindStringIndex(line); quoted >= 0 && at != nil && at[0] > quoted {
		return at[0], fmt.Sprintf("%s in double quotes means nothing; write \\%s, or take single quotes", line[at[0]:at[1]], line[at[0]:at[1]])
	}
	return 0, ""
}

var (
	noBlank  = regexp.MustCompile(`^\s*(?:- +)?([\w.-]+):([^\s:/].*)$`)
	twoColon = regexp.MustCompile(`^\s*(?:- +)?([\w.-]+): +([^\s"'{\[&*!|>][^"'{}\[\]]*: .*)$`)
	inFlow   = regexp.MustCompile(`[{,] *([\w.-]+): +([^\s"'{\[,}][^"',}]*: )`)
	inBlock  = regexp.MustCompile(`^\s*(?:- +)?([\w.-]+): +([^\s"'{\[&*!|>][^#,]*: )`)
)

// colon finds a colon without a blank after it, and one too many.
func colon(line string) (int, string) {
	if m := noBlank.FindStringSubmatchIndex(line); m != nil {
		return m[3], fmt.Sprintf("a blank is missing after the colon; write %s: %s", line[m[2]:m[3]], line[m[4]:m[5]])
	}
	if m := twoColon.FindStringSubmatchIndex(line); m != nil {
		return m[4], fmt.Sprintf("a text with a colon and a blank is quoted: %s: %q", line[m[2]:m[3]], line[m[4]:m[5]])
	}
	if m := inFlow.FindStringSubmatchIndex(line); m != nil {
		return m[4], fmt.Sprintf("a text with a colon and a blank is quoted, as the one after %s:", line[m[2]:m[3]])
	}
	if m := inBlock.FindStringSubmatchIndex(line); m != nil {
		return m[4], fmt.Sprintf("a text with a colon and a blank is quoted, as the one after %s:", line[m[2]:m[3]])
	}
	return 0, ""
}

var bracketed = regexp.MustCompile("(?:^|[{,]) *([\\w.-]+): +([^\\s\"'{\\[,}&*!|>%@`#][^\"',{}\\[\\]]*)([{\\[])")

// bracket finds a text with a bracket, which must be quoted within brackets: an expression
// such as .items[]. The depth is how many are open before the line.
func bracket(line string, depth int) (int, string) {
	for _, m := range bracketed.FindAllStringSubmatchIndex(line, -1) {
		before := line[:m[0]]
		if depth == 0 && !strings.ContainsAny(line[m[0]:m[2]], "{,") || strings.Count(before, "'")%2+strings.Count(before, `"`)%2 > 0 {
			continue
		}
		return m[4], fmt.Sprintf("a text with %s within brackets is quoted, as the one after %s:", line[m[6]:m[7]], line[m[2]:m[3]])
	}
	return 0, ""
}

var (
	firstChar = regexp.MustCompile("(?:^\\s*|[:,-]\\s+|[\\[{]\\s*)([@`%])")
	ampersand = regexp.MustCompile(`(?:[:,-]\s+|[\[{]\s*)([&*])(?:\s|$)`)
	block     = regexp.MustCompile(`[:-] +([|>])[^\s+\-0-9]`)
)

// first finds a character that no plain text begins with.
func first(line string) (int, string) {
	for _, form := range []*regexp.Regexp{firstChar, ampersand, block} {
		if m := form.FindStringSubmatchIndex(line); m != nil {
			return m[2], fmt.Sprintf("a text that begins with %s is quoted", line[m[2]:m[3]])
		}
	}
	return 0, ""
}

// after finds something after a closed quote or bracket, where the value has ended. The
// depth is how many brackets are open before the line.
func after(line string, depth int) (int, string) {
	for at := 0; at < len(line); at++ {
		end := -1
		switch c := line[at]; {
		case c == '#' && (at == 0 || line[at-1] == ' '):
			return 0, ""
		case (c == '"' || c == '\'') && startsValue(line[:at]):
			if end = closing(line, at); end < 0 {
				return at, fmt.Sprintf("the quote %c is not closed on this line", c)
			}
			at = end
		case (c == '{' || c == '[') && (depth > 0 || startsValue(line[:at])):
			depth++
		case (c == '}' || c == ']') && depth > 0:
			depth--
			end = at
		}
		if end < 0 {
			continue
		}
		rest := strings.TrimLeft(line[end+1:], " \r")
		place := len(line) - len(rest)
		switch next := rest + "\n"; {
		case next[0] == '\n' || next[0] == '#' || next[0] == ':' || depth > 0 && strings.IndexByte(",]}", next[0]) >= 0:
		case next[0] == '}' || next[0] == ']':
			return place, fmt.Sprintf("%q closes nothing", next[:1])
		case next[0] == ',':
			return place, "a comma at the end of the line"
		case depth > 0 && regexp.MustCompile(`^["\w{\[]`).MatchString(next) && place > end+1:
			return place, "a comma is missing before " + strconv.Quote(word(next))
		default:
			return place, fmt.Sprintf("%s after %s, where the value has ended; a text with quotes or brackets is quoted as a whole", strconv.Quote(word(next)), line[end:end+1])
		}
	}
	return 0, ""
}

// word returns the first word of a text.
func word(text string) string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`{}[],"'`, r) })
	if len(fields) == 0 || !strings.HasPrefix(text, fields[0]) {
		_, size := utf8.DecodeRuneInString(text)
		return text[:size]
	}
	return fields[0]
}

// indentation says why a line does not continue the lines above it.
func (s *syntax) indentation(number int) (int, string) {
	line := s.lines[number-1]
	own := indent(line)
	var levels []int // of the mappings and lists that are open, innermost first
	last := ""
	for _, l := range slices.Backward(s.lines[:number-1]) {
		if text := strings.TrimSpace(l); text != "" && text[0] != '#' && (levels == nil || indent(l) < levels[len(levels)-1]) {
			levels = append(levels, indent(l))
			last = cmp.Or(last, text)
		}
	}
	text := strings.TrimSpace(line)
	switch {
	case text == "", text[0] == '#', len(levels) == 0, own > levels[0] && strings.HasSuffix(last, ":"):
		return 0, ""
	case own > levels[0]:
		return own, fmt.Sprintf("indented more than the line above, which has a value already: %s, not %d", blanks(own), levels[0])
	case !slices.Contains(levels, own):
		return own, fmt.Sprintf("indented by %s, and the lines above by %s", blanks(own), orList(levels))
	case strings.HasPrefix(text, "- "):
		return own, "an element of a list, among the keys of a mapping"
	case !strings.Contains(text, ":"):
		return own, fmt.Sprintf("%q is no key: a colon is missing", word(text))
	}
	return 0, ""
}

// indent returns the number of blanks and tabs that a line begins with.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

func blanks(n int) string {
	if n == 1 {
		return "1 blank"
	}
	return strconv.Itoa(n) + " blanks"
}

// orList returns the numbers in ascending order: 0, 2 or 4.
func orList(numbers []int) string {
	numbers = slices.Sorted(slices.Values(numbers))
	text := strconv.Itoa(numbers[0])
	for i, n := range numbers[1:] {
		text += map[bool]string{true: " or ", false: ", "}[i == len(numbers)-2] + strconv.Itoa(n)
	}
	return text
}
