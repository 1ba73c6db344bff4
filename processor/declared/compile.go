package declared

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/internal/suggest"
)

// compiler collects the problems of a topology's expressions.
type compiler struct {
	file     string
	topology *scenario.Topology
	names    []string // of the state's fields
	broken   []string // definitions that are wrong; their uses need no problem of their own
	problems scenario.Problems
	compiled []*expression // all of them
}

// values are the variables whose values are set before an evaluation; those of looked
// come from the machine, so that no object is built of a state that is read by fields.
var (
	values = []string{"$i", "$key", "$t", "$in", "$topic", "$partition", "$offset", "$headers", "$n", "$window", "$clock"}
	looked = []string{"$s", "$was"}
)

// newScope returns a scope with all variables, joined rows and definitions of the
// topology. Each place has some of the variables; that the scope has the others, too, lets
// a definition refer to what only some of its uses have.
func (c *compiler) newScope() *scope {
	s := c.bareScope()
	for i := range c.topology.From {
		for k := range c.topology.From[i].Join {
			s.add(rowName(&c.topology.From[i].Join[k]))
		}
	}
	for i := range c.topology.Let {
		l := &c.topology.Let[i]
		_, err := s.Compile(l.JQ.Source, options())
		if err == nil {
			err = s.Define(l.Name, l.JQ.Source, options())
		}
		if err != nil {
			c.wrong(&l.JQ, err)
			c.broken = append(c.broken, l.Name)
		}
		if c.topology.Keyed() {
			c.checkMembers(everywhere(), &l.JQ)
		}
	}
	return s
}

// bareScope returns a scope with the variables that all topologies have.
func (c *compiler) bareScope() *scope {
	fields := jsonscan.NewFields()
	s := &scope{jq.NewScope(fields), fields, map[string]int{}, map[string]bool{}}
	for _, name := range looked {
		s.variables[name] = s.LookedUp(name)
	}
	for _, name := range values {
		s.add(name)
	}
	return s
}

func (s *scope) add(name string) {
	if _, ok := s.variables[name]; !ok {
		s.variables[name] = s.Variable(name)
	}
}

// options are those of all expressions: a comparison with an absent field of the record
// or of a row does not hold, nor does its negation; with the state it is jq's.
func options() jq.Options { return jq.Options{Absent: true, Plain: looked, Strict: true} }

// checkNames refuses joins whose row would hide a variable.
func (c *compiler) checkNames() {
	for i := range c.topology.From {
		for k := range c.topology.From[i].Join {
			j := &c.topology.From[i].Join[k]
			if name := rowName(j); slices.Contains(values, name) || slices.Contains(looked, name) {
				c.problem(j.Pos, fmt.Sprintf("a join can't be named %s: %s is a variable of all expressions", j.Name, name))
			}
		}
	}
}

// expression is a compiled expression and its place in the file.
type expression struct {
	*jq.Expr
	file string
	at   *scenario.JQ
}

// compile compiles an expression at a place; nil for no expression, or for a wrong one,
// whose problem it records.
func (c *compiler) compile(s *scope, at place, x *scenario.JQ) *expression {
	if x == nil {
		return nil
	}
	e, err := s.Compile(x.Source, options())
	if err != nil {
		c.wrong(x, err)
		return nil
	}
	for _, r := range s.References(x.Source) {
		s.used[r.Name] = true
		if _, ok := s.variables[r.Name]; !ok || r.Bound && r.Let == "" {
			continue
		}
		why := at.lacks(r.Name)
		if why == "" {
			continue
		}
		text := fmt.Sprintf("%s: %s", r.Name, why)
		if r.Let != "" {
			text = fmt.Sprintf("%s uses %s: %s", r.Let, r.Name, why)
		}
		c.mistake(x.At(max(r.Offset, 0)), text)
	}
	c.checkMembers(at, x)
	compiled := &expression{e, c.file, x}
	c.compiled = append(c.compiled, compiled)
	return compiled
}

// checkMembers refuses fields that the state, or the window, never has.
func (c *compiler) checkMembers(at place, x *scenario.JQ) {
	for _, m := range jq.Members(x.Source) {
		if at.lacks(m.Variable) != "" {
			continue
		}
		var names []string
		what := "no keep or set gives it"
		switch m.Variable {
		case "$s", "$was":
			names = c.names
		case "$window":
			names, what = []string{"start", "end"}, "a window has start and end"
		default:
			continue
		}
		if !slices.Contains(names, m.Key) {
			c.mistake(x.At(max(m.Offset, 0)), fmt.Sprintf("%s.%s: %s%s", m.Variable, m.Key, what, suggest.DidYouMean(m.Key, names)))
		}
	}
}

// wrong records a mistake in an expression at its own place.
func (c *compiler) wrong(x *scenario.JQ, err error) {
	at, text := x.Pos, err.Error()
	var mistake *jq.Error
	if errors.As(err, &mistake) {
		text = mistake.Err.Error()
		if mistake.Offset >= 0 {
			at = x.At(mistake.Offset)
		}
	}
	for _, name := range c.broken {
		if strings.Contains(text, ": "+name+"/0 ") && strings.HasSuffix(text, " (a field is ."+name+")") {
			return
		}
	}
	if word, ok := strings.CutSuffix(text, ")"); ok && strings.Contains(word, "/0") { // an unknown word
		_, name, _ := strings.Cut(word, " (a field is .")
		text = fmt.Sprintf("%s, a text '%q')", word, name)
	}
	c.mistake(at, text)
}

// mistake records a problem of an expression.
func (c *compiler) mistake(at scenario.Position, text string) {
	c.problems = append(c.problems, scenario.Problem{File: c.file, Pos: at, Text: text, Expression: true})
}

func (c *compiler) problem(at scenario.Position, text string) {
	c.problems = append(c.problems, scenario.Problem{File: c.file, Pos: at, Text: text})
}

// sorted returns the problems in the file's order. A definition is compiled in each
// scope, and its problem reported once.
func (c *compiler) sorted() scenario.Problems {
	c.problems.Sort()
	return slices.Compact(c.problems)
}

// ExpressionError is an expression that failed. Its text begins with the expression's
// place, FILE:LINE:COLUMN.
type ExpressionError struct {
	File string
	Pos  scenario.Position
	Err  error
}

func (e *ExpressionError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Pos.Line, e.Pos.Column, e.Err)
}

func (e *ExpressionError) Unwrap() error { return e.Err }

// fails returns an error of the expression at its place.
func (x *expression) fails(err error) error {
	var failed *jq.EvalError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return &ExpressionError{x.file, x.at.Pos, err}
}

// matches reports whether a result of the expression is neither false nor null. The error
// is an *ExpressionError.
func (x *expression) matches(e *jq.Evaluator) (bool, error) {
	if holds, sure := x.Matches(e); sure {
		return holds, nil
	}
	results, err := x.Eval(e)
	if err != nil {
		return false, x.fails(err)
	}
	return slices.ContainsFunc(results, jq.Value.Truthy), nil
}

// one evaluates an expression that may have a result. It reports false if it has none;
// several are an error. The value is valid until the next evaluation. The error is an
// *ExpressionError.
func (x *expression) one(e *jq.Evaluator) (jq.Value, bool, error) {
	results, err := x.Eval(e)
	switch {
	case err != nil:
		return jq.Value{}, false, x.fails(err)
	case len(results) == 0:
		return jq.Value{}, false, nil
	case len(results) > 1:
		return jq.Value{}, false, x.fails(fmt.Errorf("%d results; there must be one", len(results)))
	}
	return results[0], true, nil
}

// appendKey appends the key that an expression gives: a string as it is, a number as its
// text, true or false. The error is an *ExpressionError.
func (x *expression) appendKey(dst []byte, e *jq.Evaluator) ([]byte, error) {
	v, ok, err := x.one(e)
	switch {
	case err != nil:
		return dst, err
	case !ok:
		return dst, x.fails(errors.New("no result; a key must have one"))
	}
	out, ok := v.AppendText(dst)
	if !ok {
		return dst, x.fails(fmt.Errorf("the key is %s; it must be a string, a number, true or false", article(v.Type())))
	}
	return out, nil
}

func article(name string) string {
	switch {
	case name == "null":
		return name
	case strings.ContainsRune("aeiou", rune(name[0])):
		return "an " + name
	}
	return "a " + name
}
