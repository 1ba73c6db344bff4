package scenario

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expr is a parsed expression: a number, a text, a path to a field, or an operator
// with its operands. The operators are + - * / of numbers, < <= > >= == != of numbers
// or texts, and, or, not.
type Expr struct {
	Op          string // "" for a leaf
	Left, Right *Expr  // Right is nil for not and the unary -
	Path        string
	Number      *Number
	Text        *string
}

// maxExprDepth bounds nesting, maxExprLength the source.
const (
	maxExprDepth  = 50
	maxExprLength = 1000
)

// ParseExpr parses an expression.
func ParseExpr(source string) (*Expr, error) {
	if len(source) > maxExprLength {
		return nil, fmt.Errorf("an expression has at most %d characters", maxExprLength)
	}
	p := &exprParser{source: source}
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.level(0, 0)
	if err != nil {
		return nil, err
	}
	if p.token == "(" && e.Path != "" {
		return nil, fmt.Errorf("there is no function %q; an expression has fields, numbers, texts and operators", e.Path)
	}
	if p.token != "" {
		return nil, p.unexpected("the end or an operator")
	}
	return e, nil
}

// Paths calls f for each path in the expression.
func (e *Expr) Paths(f func(path string)) {
	if e == nil {
		return
	}
	if e.Path != "" {
		f(e.Path)
	}
	e.Left.Paths(f)
	e.Right.Paths(f)
}

// levels are the binary operators by increasing precedence.
var levels = [][]string{{"or"}, {"and"}, {"<", "<=", ">", ">=", "==", "!="}, {"+", "-"}, {"*", "/"}}

type exprParser struct {
	source string
	at     int
	token  string // "" at the end
	start  int
}

func (p *exprParser) unexpected(wanted string) error {
	if p.token == "" {
		return fmt.Errorf("the expression ends where %s is expected", wanted)
	}
	return fmt.Errorf("%q at character %d, where %s is expected", p.token, p.character(p.start), wanted)
}

// character returns which character, from 1, begins at an offset.
func (p *exprParser) character(offset int) int {
	return utf8.RuneCountInString(p.source[:offset]) + 1
}

func (p *exprParser) level(level, depth int) (*Expr, error) {
	if depth > maxExprDepth {
		return nil, fmt.Errorf("the expression is nested more than %d deep", maxExprDepth)
	}
	if level == len(levels) {
		return p.operand(depth)
	}
	left, err := p.level(level+1, depth)
	if err != nil {
		return nil, err
	}
	for slices.Contains(levels[level], p.token) {
		op := p.token
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := p.level(level+1, depth)
		if err != nil {
			return nil, err
		}
		left = &Expr{Op: op, Left: left, Right: right}
	}
	return left, nil
}

func (p *exprParser) operand(depth int) (*Expr, error) {
	token := p.token
	switch {
	case token == "(":
		return p.parenthesis(depth)
	case token == "-" || token == "not":
		if err := p.next(); err != nil {
			return nil, err
		}
		if depth++; depth > maxExprDepth {
			return nil, fmt.Errorf("the expression is nested more than %d deep", maxExprDepth)
		}
		of, err := p.operand(depth)
		return &Expr{Op: token, Left: of}, err
	case token == "" || token == "and" || token == "or":
		return nil, p.unexpected("a field, a number or (")
	case token[0] == '\'':
		text := token[1 : len(token)-1]
		return &Expr{Text: &text}, p.next()
	case isDigit(token[0]):
		n, ok := ParseNumber(token)
		if !ok {
			return nil, fmt.Errorf("%q at character %d is not a number", token, p.character(p.start))
		}
		return &Expr{Number: &n}, p.next()
	case token[0] == '`' || nameLetter(token) > 0:
		return &Expr{Path: token}, p.next()
	}
	return nil, p.unexpected("a field, a number or (")
}

func (p *exprParser) parenthesis(depth int) (*Expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.level(0, depth+1)
	if err != nil {
		return nil, err
	}
	if p.token != ")" {
		return nil, p.unexpected(")")
	}
	return e, p.next()
}

// next reads the next token.
func (p *exprParser) next() error {
	s := p.source
	for p.at < len(s) && (s[p.at] == ' ' || s[p.at] == '\t' || s[p.at] == '\n') {
		p.at++
	}
	p.start = p.at
	if p.at == len(s) {
		p.token = ""
		return nil
	}
	c := s[p.at]
	end := p.at + 1
	while := func(more func(c byte) bool) {
		for end < len(s) && more(s[end]) {
			end++
		}
	}
	switch {
	case c == '`' || nameLetter(s[p.at:]) > 0:
		var err error
		if end, err = p.path(); err != nil {
			return err
		}
	case isDigit(c):
		while(func(c byte) bool { return isDigit(c) || c == '.' })
	case strings.IndexByte(`"&|%{}^`, c) >= 0:
		return otherSyntax(c, s[p.at+1:])
	case c == '\'':
		if while(func(c byte) bool { return c != '\'' }); end == len(s) {
			return fmt.Errorf("the text at character %d is not closed with '", p.character(p.at))
		}
		end++
	case strings.IndexByte("<>=!", c) >= 0:
		if end < len(s) && s[end] == '=' {
			end++
		} else if c == '=' || c == '!' {
			return fmt.Errorf("%q at character %d is not an operator; did you mean %q?", string(c), p.character(p.at), string(c)+"=")
		}
	case strings.IndexByte("+-*/()", c) < 0:
		r, _ := utf8.DecodeRuneInString(s[p.at:])
		return fmt.Errorf("%q at character %d is not valid in an expression", r, p.character(p.at))
	}
	p.token, p.at = s[p.start:end], end
	return nil
}

// otherSyntax returns the problem of a character that has a meaning in other languages.
func otherSyntax(c byte, rest string) error {
	switch c {
	case '"':
		text, _, _ := strings.Cut(rest, `"`)
		return fmt.Errorf("a text in an expression has single quotes: write '%s', not %q", text, text)
	case '&':
		return fmt.Errorf("%q is not an operator; did you mean \"and\"?", "&"+rest[:min(1, len(rest))])
	case '|':
		return fmt.Errorf("%q is not an operator; did you mean \"or\"?", "|"+rest[:min(1, len(rest))])
	case '{', '}':
		field, _, _ := strings.Cut(rest, "}")
		return fmt.Errorf("a field in an expression has no braces: write %s, not {%s}", field, field)
	}
	return fmt.Errorf("%q is not an operator; there are + - * / for numbers, < <= > >= == != for comparisons, and, or, not", string(c))
}

// path returns where the path ends that begins here.
func (p *exprParser) path() (end int, err error) {
	s := p.source
	for end = p.at; end < len(s); {
		size := 1
		switch {
		case s[end] == '`':
			closing := strings.IndexByte(s[end+1:], '`')
			if closing <= 0 {
				return end, fmt.Errorf("the name at character %d is empty or not closed with a backtick", p.character(end))
			}
			size = closing + 2
		case !isDigit(s[end]) && s[end] != '.':
			if size = nameLetter(s[end:]); size == 0 {
				return end, nil
			}
		}
		end += size
	}
	return end, nil
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// nameLetter returns the size of the letter, besides digits, of a field's name that a
// text begins with; 0: it begins with another character. Names can be of any script, so
// beyond ASCII everything is a letter but blanks, punctuation and operators such as ×.
func nameLetter(text string) int {
	if text[0] < utf8.RuneSelf {
		if isLetter(text[0]) {
			return 1
		}
		return 0
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError || !unicode.IsOneOf([]*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.So, unicode.Sk, unicode.Sc, unicode.Cf}, r) {
		return 0
	}
	return size
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
