package compose

import (
	"fmt"
	"strconv"
	"sync"
	"unicode/utf8"

	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/processor/forward"
)

// program is what the parts of a text, a body or a list of selectors have in common: the
// fields that they need, found in one pass, and the scope of their expressions. It is
// immutable after compilation.
type program struct {
	fields *jsonscan.Fields
	scope  *jq.Scope
	states sync.Pool
}

// variables are those of expressions, in the order of their numbers, which begin at 1.
// The last two are known only in the bodies of messages.
var variables = [...]string{"$key", "$topic", "$partition", "$offset", "$time", "$headers", "$count", "$records"}

const (
	keyVariable = iota + 1
	topicVariable
	partitionVariable
	offsetVariable
	timeVariable
	headersVariable
	countVariable
	recordsVariable
)

// newProgram returns a program without fields. ofCut: expressions know the cut.
func newProgram(ofCut bool) *program {
	p := &program{fields: jsonscan.NewFields()}
	p.scope = jq.NewScope(p.fields)
	names := variables[:headersVariable]
	if ofCut {
		names = variables[:]
	}
	for _, name := range names {
		p.scope.LookedUp(name)
	}
	p.states.New = func() any {
		s := &state{found: make([][]byte, p.fields.Len())}
		s.eval.Source = s
		return s
	}
	return p
}

// compile compiles an expression. The error is an *Error.
func (p *program) compile(x *scenario.JQ) (*jq.Expr, error) {
	e, err := p.scope.Compile(x.Source, jq.Options{Absent: true, Strict: true})
	if err != nil {
		return nil, misreads(x, err)
	}
	return e, nil
}

// state is one evaluation of a program.
type state struct {
	cut     *forward.Cut // may be nil
	record  *forward.Record
	found   [][]byte
	flags   jsonscan.Flags
	notJSON bool
	// unreadable is a record of $records, which an expression used, that is not JSON.
	unreadable *forward.Record

	eval    jq.Evaluator
	text    []byte // scratch of a text
	made    []byte // scratch of a variable
	headers []byte
	records []byte
}

// begin returns a state with the record; nil is the cut's first. The caller ends it.
func (p *program) begin(cut *forward.Cut, r *forward.Record) *state {
	if r == nil {
		r = cut.Records[0]
	}
	s := p.states.Get().(*state)
	s.cut, s.record, s.unreadable = cut, r, nil
	s.headers, s.records = s.headers[:0], s.records[:0]
	s.notJSON = r.Value != nil && r.JSON == nil
	switch {
	case s.notJSON:
		s.eval.SetRecord(jq.Unknown(), nil)
		return s
	case r.JSON == nil: // a tombstone
		clear(s.found)
		s.eval.SetRecord(jq.Value{}, nil)
		return s
	}
	if p.fields.Len() > 0 {
		var ok bool
		if s.flags, ok = p.fields.Find(r.JSON, s.found); !ok {
			s.notJSON = true
			s.eval.SetRecord(jq.Unknown(), nil)
			return s
		}
	}
	s.eval.SetRecord(jq.JSON(r.JSON), s.found)
	return s
}

func (p *program) end(s *state) {
	s.cut, s.record = nil, nil
	clear(s.found)
	s.eval.SetRecord(jq.Value{}, nil)
	p.states.Put(s)
}

// field returns the text of a field, nil if it is missing or null.
func (s *state) field(i int, pos scenario.Position) ([]byte, error) {
	if s.notJSON {
		return nil, fails(s.record, forward.NotJSON, pos, errNotJSON)
	}
	if raw := s.found[i]; raw != nil && raw[0] != 'n' {
		return raw, nil
	}
	return nil, nil
}

// appendText appends a JSON value as it is in a text: a string without quotes, and
// anything else as JSON.
func appendText(dst, raw []byte, flags jsonscan.Flags) []byte {
	if raw[0] == '"' {
		return append(dst, jsonscan.Unquote(raw)...)
	}
	return jsonscan.AppendSafe(dst, raw, flags)
}

// one evaluates an expression that has at most one result; without it the value is null
// and reported as false. The value is valid until the next evaluation.
func (s *state) one(x *jq.Expr, pos scenario.Position) (jq.Value, bool, error) {
	if s.notJSON {
		if _, sure := x.Matches(&s.eval); !sure { // it looked at the value
			return jq.Value{}, false, fails(s.record, forward.NotJSON, pos, errNotJSON)
		}
	}
	results, err := x.Eval(&s.eval)
	switch {
	case s.unreadable != nil:
		return jq.Value{}, false, fails(s.unreadable, forward.NotJSON, pos, errNotJSON)
	case err != nil:
		return jq.Value{}, false, fails(s.record, forward.Expression, pos, err)
	case len(results) == 0:
		return jq.Value{}, false, nil
	case len(results) > 1:
		return jq.Value{}, false, fails(s.record, forward.Expression, pos, fmt.Errorf("%d results; there must be one", len(results)))
	}
	return results[0], true, nil
}

// appendMeta appends a property of the record or the cut as text. It reports false for a
// record without key.
func (s *state) appendMeta(dst []byte, meta string, pos scenario.Position) ([]byte, bool, error) {
	switch meta {
	case "key":
		switch key := s.record.Key; {
		case key == nil:
			return dst, false, nil
		case !utf8.Valid(key):
			return dst, false, fails(s.record, forward.NotUnicode, pos, errNotUnicode)
		default:
			return append(dst, key...), true, nil
		}
	case "topic":
		return append(dst, s.record.Topic...), true, nil
	}
	return strconv.AppendInt(dst, s.number(meta), 10), true, nil
}

// number returns a property that is a number.
func (s *state) number(meta string) int64 {
	switch meta {
	case "partition":
		return int64(s.record.Partition)
	case "offset":
		return s.record.Offset
	case "time":
		return s.record.Time
	}
	return s.count()
}

func (s *state) count() int64 {
	if s.cut == nil {
		return 1
	}
	return int64(len(s.cut.Records))
}

// Variable implements [jq.Source].
func (s *state) Variable(i int) jq.Value {
	switch i {
	case keyVariable:
		return jq.Text(s.record.Key)
	case topicVariable:
		s.made = append(s.made[:0], s.record.Topic...)
		return jq.Text(s.made)
	case partitionVariable:
		return jq.Int(int64(s.record.Partition))
	case offsetVariable:
		return jq.Int(s.record.Offset)
	case timeVariable:
		return jq.Int(s.record.Time)
	case countVariable:
		return jq.Int(s.count())
	case headersVariable:
		if len(s.headers) == 0 {
			s.headers = appendHeaders(s.headers, s.record)
		}
		return jq.JSON(s.headers)
	}
	if len(s.records) == 0 && !s.collect() {
		return jq.Unknown()
	}
	return jq.JSON(s.records)
}

// Member implements [jq.Source].
func (s *state) Member(i int, key string) jq.Value {
	if i != headersVariable {
		return jq.Unknown() // it isn't an object, so gojq has the message
	}
	for k := len(s.record.Headers) - 1; k >= 0; k-- {
		if h := &s.record.Headers[k]; h.Key == key {
			return jq.Text(h.Value)
		}
	}
	return jq.Value{}
}

// Native implements [jq.Source].
func (s *state) Native(i int) any { return s.Variable(i).Native() }

// appendHeaders appends the headers as an object, with the last one of each name.
func appendHeaders(dst []byte, r *forward.Record) []byte {
	last := make(map[string]int, len(r.Headers))
	for i, h := range r.Headers {
		last[h.Key] = i
	}
	start := len(dst)
	for i, h := range r.Headers {
		if last[h.Key] != i {
			continue
		}
		dst = jsonscan.AppendString(append(dst, ','), []byte(h.Key))
		dst = jq.Text(h.Value).AppendJSON(append(dst, ':'))
	}
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// collect makes the list of the values of the cut's records, and reports whether all are
// JSON. A tombstone is null.
func (s *state) collect() bool {
	dst := append(s.records[:0], '[')
	for i, r := range s.cut.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case r.JSON != nil:
			flags, _ := jsonscan.Valid(r.JSON)
			dst = jsonscan.AppendSafe(dst, r.JSON, flags)
		case r.Value == nil:
			dst = append(dst, "null"...)
		default:
			s.unreadable = r
			return false
		}
	}
	s.records = append(dst, ']')
	return true
}
