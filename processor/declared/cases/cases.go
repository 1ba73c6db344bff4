// Package cases runs the `tests:` of a scenario: each by the code that runs in
// production, in memory, and over and over with other partitions and with rollbacks.
//
// # Time
//
// A case begins at [Start], or at its `start`. The records of `when` have the timestamp
// of their `at` after that, and before each of them, time has come to its `at` in every
// partition, so that what is due happens first. An `at` without a record means that all
// before it has been read: lines that wait for the grace are applied, timers and windows
// that are due fall due. So does the end of a case.
//
// In a value of `when` the text $t is the time of the record in milliseconds, and $t-20m
// one before it. In `then` they are times relative to that of the expected record.
//
// # Comparison
//
// A record of `then` names fields. Those must be equal, those of nested objects that are
// named, too; lists are compared whole, and numbers by value. Besides fields it can name
// $key, $t (a time since the start, or in milliseconds), $headers, and for a dead letter
// $reason and $message, a part of it. The records of a topic are expected in their order
// for each key, no more and no less; so are dead letters.
package cases

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/when"
)

// Start returns when a case begins, unless it says otherwise.
func Start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// Kind is what is wrong with a record.
type Kind string

// Kinds of failures.
const (
	Differs    Kind = "differs"    // a field is not as expected
	Disordered Kind = "disordered" // it was written, but not in the order that is expected for its key
	Missing    Kind = "missing"    // it was expected, and not written
	Unexpected Kind = "unexpected" // it was written, and not expected
	Letter     Kind = "letter"     // a dead letter that was not expected
	Broken     Kind = "broken"     // the case can't be run
)

// Failure is a record that is not as expected.
type Failure struct {
	Kind   Kind
	Pos    scenario.Position // of what is expected, or of the case
	Alias  string
	Index  int     // in the list of `then`, from 0; -1 if nothing expects it
	Want   string  // the expected record, as JSON
	Fields []Field // of one that differs
	Got    *Record // nil: there is none
	At     string  // its time since the case's start
	Text   string  // why a case can't be run
}

// judge compares what a topology wrote with what a case expects.
func judge(t *scenario.Test, begin int64, got []*Record) []Failure {
	m := matcher{begin}
	var failures []Failure
	var named []string
	for i := range t.Then {
		then := &t.Then[i]
		named = append(named, then.Alias)
		want, broken := expectations(then)
		failures = append(failures, broken...)
		if len(broken) > 0 {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(got), func(r *Record) bool { return r.Alias != then.Alias })
		for _, p := range m.pair(want, of) {
			if p.same {
				continue
			}
			failures = append(failures, failure(then, want, of, p))
		}
	}
	for _, r := range got {
		if !slices.Contains(named, r.Alias) {
			failures = append(failures, unexpected(r, t.Pos))
		}
	}
	for i := range failures {
		if r := failures[i].Got; r != nil {
			failures[i].At = since(r.Timestamp - begin)
		}
	}
	return failures
}

func failure(then *scenario.TestOutput, want []expectation, got []*Record, p pair) Failure {
	if p.want < 0 {
		return unexpected(got[p.got], then.Pos)
	}
	w := &want[p.want]
	f := Failure{Kind: Missing, Pos: then.Want[w.index].Pos, Alias: then.Alias, Index: w.index, Want: w.value.String()}
	if p.got >= 0 {
		f.Kind, f.Fields, f.Got = Disordered, p.fields, got[p.got]
		if slices.ContainsFunc(f.Fields, func(x Field) bool { return !x.Equal }) {
			f.Kind = Differs
		}
	}
	return f
}

func unexpected(r *Record, pos scenario.Position) Failure {
	f := Failure{Kind: Unexpected, Pos: pos, Alias: r.Alias, Index: -1, Got: r}
	if r.Reason != "" {
		f.Kind = Letter
	}
	return f
}

// expectations returns the records that a topic must get. What can't be compared is
// reported.
func expectations(then *scenario.TestOutput) (want []expectation, broken []Failure) {
	for i := range then.Want {
		r := &then.Want[i]
		v, err := parse(r.Value)
		text := ""
		if err != nil {
			text = err.Error()
		} else {
			text = wrong(&v)
		}
		if text != "" {
			broken = append(broken, Failure{Kind: Broken, Pos: r.Pos, Alias: then.Alias, Index: i, Text: text})
			continue
		}
		want = append(want, expectation{i, v})
	}
	return want, broken
}

// wrong returns what is wrong with an expected record's own members, or "".
func wrong(v *value) string {
	names := []string{keyName, timeName, headersName, reasonName, messageName}
	for i := range v.members {
		w := &v.members[i]
		if !strings.HasPrefix(w.name, "$") {
			continue
		}
		_, unreadable := when.ParseDuration(w.text)
		switch {
		case !slices.Contains(names, w.name):
			return fmt.Sprintf("there is no %s%s", quote(w.name), cmp.Or(suggest.DidYouMean(w.name, names), "; there are "+strings.Join(names, ", ")))
		case w.name == headersName && w.kind != '{':
			return "$headers must be a mapping of headers to their values"
		case w.name == timeName && w.kind == '"' && unreadable != nil && !isRFC3339(w.text):
			return fmt.Sprintf("$t is %s; it is a time since the case's start, such as 40m, or one in milliseconds", quote(w.text))
		case w.name == timeName && w.kind != '"' && w.kind != '0':
			return "$t is a time since the case's start, such as 40m, or one in milliseconds"
		}
	}
	return ""
}

func isRFC3339(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

// Check returns what is wrong with the tests of a scenario without running them.
func Check(sc *scenario.Scenario) (problems scenario.Problems) {
	for i := range sc.Tests {
		t := &sc.Tests[i]
		topology := sc.Topology(t.Topology)
		if topology == nil || topology.BuiltIn {
			continue // a problem of its own
		}
		_, broken := prepare(sc, topology, t)
		for k := range t.Then {
			_, more := expectations(&t.Then[k])
			broken = append(broken, more...)
		}
		for _, f := range broken {
			problems = append(problems, scenario.Problem{File: sc.File, Pos: f.Pos, Text: fmt.Sprintf("test %q: %s", t.Name, f.Text)})
		}
	}
	return problems
}
