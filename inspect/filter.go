package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"

	"inv/internal/jsonscan"
	"inv/internal/query"
)

// Match selects the records that pass each of its parts.
type Match struct {
	Filter  string   // a jq condition on the value; "": all pass
	Grep    []string // regular expressions, one of which must match the key or the value; none: all pass
	Exclude []string // regular expressions that may match neither
}

// filter is a compiled Match, with the key and the times of the options.
type filter struct {
	key          *keyMatch // nil: any
	since, until int64     // epoch ms, [since, until)
	grep         []pattern
	exclude      []pattern
	condition    *jsonCondition // nil: none
}

// jsonCondition is a condition with the fields of the value that it needs.
type jsonCondition struct {
	fields    *jsonscan.Fields
	condition *query.Condition
	in        query.Input // kept, so that no record allocates one
}

// Mistake returns what is probably wrong with a condition that compiles, or "".
func Mistake(source string) string {
	c, err := query.Compile(source, query.JQ, jsonscan.NewFields())
	if err != nil || !c.Assigns() {
		return ""
	}
	return fmt.Sprintf("= assigns, so that %q holds for every record; == compares", source)
}

// misplaced returns what is probably wrong if the condition names a part of the record
// as a field, which the value of this record does not have: the form of JSON output
// has value, key and the like, but a condition is on the value alone.
func (j *jsonCondition) misplaced(r *Record) string {
	for _, name := range j.condition.RecordFields() {
		fields := jsonscan.NewFields()
		at := fields.Add(name)
		found := make([][]byte, fields.Len())
		if !jsonscan.IsObject(r.Value) || !fields.Scan(r.Value, found) || found[at] != nil {
			continue
		}
		if name == "value" {
			return "the condition is on the value itself, and this one has no field value: .a, not .value.a"
		}
		return fmt.Sprintf("this value has no field %s; the record's is $%s, not .%s", name, name, name)
	}
	return ""
}

// compileCondition compiles the condition of an option. The error points at the mistake.
func compileCondition(option, source string) (*jsonCondition, error) {
	if source == "" {
		return nil, nil
	}
	j := &jsonCondition{fields: jsonscan.NewFields()}
	c, err := query.Compile(source, query.JQ, j.fields)
	if err != nil {
		var q *query.Error
		if errors.As(err, &q) {
			for _, line := range q.Pointed() {
				err = errors.Join(err, errors.New(line))
			}
		}
		return nil, &UsageError{option, err}
	}
	j.condition, j.in.Fields = c, make([][]byte, j.fields.Len())
	return j, nil
}

// CompileFilter compiles a filter condition. The function is for one goroutine. The
// error is a *UsageError.
func CompileFilter(source string) (func(*Record) bool, error) {
	c, err := compileCondition("filter", source)
	if err != nil {
		return nil, err
	}
	return c.match, nil
}

func (j *jsonCondition) match(r *Record) bool {
	j.in.Record, j.in.Value = r, r.Value
	j.in.JSON = r.Value != nil && j.fields.Scan(r.Value, j.in.Fields)
	return j.condition.Match(&j.in)
}

// split returns the condition for another goroutine.
func (j *jsonCondition) split() *jsonCondition {
	if j == nil {
		return nil
	}
	return &jsonCondition{fields: j.fields, condition: j.condition, in: query.Input{Fields: make([][]byte, j.fields.Len())}}
}

// pattern is a regular expression and a literal that every match contains.
type pattern struct {
	literal []byte
	only    bool // it is the whole expression
	re      *regexp.Regexp
}

func compilePatterns(option string, sources []string) ([]pattern, error) {
	var out []pattern
	for _, s := range sources {
		re, err := regexp.Compile(s)
		if err != nil {
			return nil, optionf(option, "%v", err)
		}
		prefix, only := re.LiteralPrefix()
		out = append(out, pattern{literal: []byte(prefix), only: only, re: re})
	}
	return out, nil
}

func (p *pattern) match(b []byte) bool {
	if !bytes.Contains(b, p.literal) {
		return false
	}
	return p.only || p.re.Match(b)
}

func anyMatch(patterns []pattern, r *Record) bool {
	for i := range patterns {
		if patterns[i].match(r.Value) || patterns[i].match(r.Key) {
			return true
		}
	}
	return false
}

// compileFilter compiles the options that select records.
func compileFilter(o *Options) (*filter, error) {
	f := &filter{since: math.MinInt64, until: math.MaxInt64}
	if o.Begin != nil && !o.Begin.Time.IsZero() {
		f.since = o.Begin.Time.UnixMilli()
	}
	if !o.Until.IsZero() {
		f.until = o.Until.UnixMilli()
	}
	if f.since >= f.until {
		return nil, usagef("nothing is both since %s and until %s", o.Begin.Time.Format(timeShown), o.Until.Format(timeShown))
	}
	var err error
	if o.Key != nil {
		if f.key, err = compileKey(o.KeyForm, o.Key, o.Schemas != nil); err != nil {
			return nil, err
		}
	}
	if f.grep, err = compilePatterns("grep", o.Match.Grep); err != nil {
		return nil, err
	}
	if f.exclude, err = compilePatterns("exclude", o.Match.Exclude); err != nil {
		return nil, err
	}
	f.condition, err = compileCondition("filter", o.Match.Filter)
	return f, err
}

const timeShown = "2006-01-02 15:04:05 MST"

// selects reports whether a decoded record has the times and the key. byKey is whether
// its key matched before it was decoded.
func (f *filter) selects(r *Record, byKey bool) bool {
	return r.Timestamp >= f.since && r.Timestamp < f.until && (byKey || f.key.decoded(r.Key))
}

// match reports whether a decoded record passes, with the cheap tests first.
func (f *filter) match(r *Record, byKey bool) bool {
	switch {
	case !f.selects(r, byKey):
		return false
	case len(f.grep) > 0 && !anyMatch(f.grep, r), anyMatch(f.exclude, r):
		return false
	}
	return f.condition == nil || f.condition.match(r)
}

// split returns the filter for another goroutine.
func (f *filter) split() *filter {
	other := *f
	other.condition = f.condition.split()
	return &other
}
