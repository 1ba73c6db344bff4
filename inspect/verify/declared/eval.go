package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"inv/internal/event"
	"inv/internal/jq"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/itchyny/gojq"
)

// Reasons of the dead letters of declared topologies, besides those of package event.
const (
	reasonExpression event.Reason = "expression"
	reasonMissingRow event.Reason = "missing-row"
	reasonLate       event.Reason = "late"
	reasonFuture     event.Reason = "future"
	reasonTimer      event.Reason = "timer"
	reasonState      event.Reason = "state-too-large"
	reasonNotXML     event.Reason = "not-xml"
	reasonNotCSV     event.Reason = "not-csv"
)

// Refusal is why a record or a step is dead-lettered.
type Refusal struct {
	Reason event.Reason
	// Place is FILE:LINE:COLUMN of the expression that failed, with which the message
	// begins; "" if none did.
	Place string
	// Detail is for people.
	Detail string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s %s", r.Reason, r.Place, r.Detail) }

// Topology is a topology that is ready to be evaluated. It is for one goroutine.
type Topology struct {
	*scenario.Topology
	scenario *scenario.Scenario
	names    []string // of the variables
	code     map[*scenario.JQ]*gojq.Code
	headed   bool // lines have the headers
	compares bool // an expression uses $was
	// schema returns that of a topic's values or keys, nil: it has none; nil: none has.
	schema func(alias string, key bool) *registry.Schema
}

// variables are those that every expression has; which of them are null depends on
// where it stands.
var variables = []string{"$s", "$was", "$n", "$t", "$key", "$in", "$topic", "$partition", "$offset", "$headers", "$i", "$window", "$clock"}

// Compile prepares a declared topology of a scenario. It does not check what
// `inv scenarios validate` checks.
func Compile(s *scenario.Scenario, t *scenario.Topology) *Topology {
	out := &Topology{Topology: t, scenario: s, names: slices.Clone(variables), code: map[*scenario.JQ]*gojq.Code{}}
	for _, in := range t.From {
		for _, j := range in.Join {
			if name := "$" + j.Name; !slices.Contains(out.names, name) {
				out.names = append(out.names, name)
			}
		}
	}
	out.headed = t.Keyed() && out.stateRefers("$headers")
	out.compares = t.Keyed() && out.stateRefers("$was")
	return out
}

// compile compiles an expression with the definitions before it.
func (t *Topology) compile(x *scenario.JQ) (*gojq.Code, error) {
	if code := t.code[x]; code != nil {
		return code, nil
	}
	var text strings.Builder
	for _, let := range t.Let {
		fmt.Fprintf(&text, "def %s: (%s\n); ", let.Name, let.JQ.Source)
	}
	q, err := gojq.Parse(text.String() + x.Source)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	if q, err = dialect(q); err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	code, err := gojq.Compile(q, append(jq.Functions(), gojq.WithVariables(t.names), bounded)...)
	if err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	t.code[x] = code
	return code, nil
}

// env is the values of variables; those that it lacks are null.
type env map[string]any

// eval returns all results of an expression.
func (t *Topology) eval(x *scenario.JQ, dot any, e env) (results []any, err error) {
	err = t.each(x, dot, e, func(v any) error {
		v, err := plain(v)
		results = append(results, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// each calls use with all results of an expression.
func (t *Topology) each(x *scenario.JQ, dot any, e env, use func(v any) error) error {
	code, err := t.compile(x)
	if err != nil {
		return t.failed(x, err)
	}
	values := make([]any, len(t.names))
	for i, name := range t.names {
		values[i] = e[name]
	}
	for iter := code.RunWithContext(&meter{left: maxSteps}, dot, values...); ; {
		v, ok := iter.Next()
		if !ok {
			return nil
		}
		err, failed := v.(error)
		if !failed {
			err = use(v)
		}
		if err != nil {
			return t.failed(x, err)
		}
	}
}

// plain returns a result as it is after it was written as JSON and read again, as it is
// in the log, the state and the outputs: every number is its text.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, json.Number:
		return v, nil
	case int:
		return json.Number(strconv.Itoa(v)), nil
	case float64:
		if text, err := gojq.Marshal(v); err == nil && !math.IsNaN(v) { // which is null
			return json.Number(text), nil
		}
	case string:
		if utf8.ValidString(v) {
			return v, nil
		}
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			var err error
			if out[i], err = plain(element); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			if !utf8.ValidString(name) {
				return reread(v)
			}
			var err error
			if out[name], err = plain(member); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return reread(v)
}

func reread(v any) (any, error) {
	text, err := gojq.Marshal(v)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// one returns the result of an expression, and reports whether it has one. Several are
// an error.
func (t *Topology) one(x *scenario.JQ, dot any, e env) (v any, ok bool, err error) {
	results, err := t.eval(x, dot, e)
	switch {
	case err != nil || len(results) == 0:
		return nil, false, err
	case len(results) > 1:
		return nil, false, t.failed(x, fmt.Errorf("%d results, where one is wanted", len(results)))
	}
	return results[0], true, nil
}

// holds reports whether any result of an expression is neither null nor false.
func (t *Topology) holds(x *scenario.JQ, dot any, e env) (holds bool, err error) {
	err = t.each(x, dot, e, func(v any) error {
		holds = holds || truthy(v)
		return nil
	})
	return holds && err == nil, err
}

func truthy(v any) bool { return v != nil && v != false }

// key returns the text of the key that an expression gives.
func (t *Topology) key(x *scenario.JQ, dot any, e env) (string, error) {
	v, ok, err := t.one(x, dot, e)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", t.failed(x, errors.New("no result, where a key is wanted"))
	}
	key, ok := keyText(v)
	if !ok {
		return "", t.failed(x, fmt.Errorf("%s can't be a key", gojq.TypeOf(v)))
	}
	return key, nil
}

// keyText returns the text of a key, and reports whether a value can be one.
func keyText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// failed is the refusal of a record on which an expression fails.
func (t *Topology) failed(x *scenario.JQ, err error) error {
	return &Refusal{Reason: reasonExpression, Place: fmt.Sprintf("%s:%d:%d", t.scenario.File, x.Pos.Line, x.Pos.Column), Detail: err.Error()}
}

// decode decodes one JSON document, with numbers as their text.
func decode(text []byte) (any, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON document")
	}
	return v, nil
}
