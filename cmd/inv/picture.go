package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"inv/internal/scenario"
	"inv/internal/termsafe"
)

// invalidScenario is the error of a scenario file with problems. Those in expressions are
// shown with their line and a caret.
type invalidScenario struct {
	problems scenario.Problems
	shown    []error
}

func newInvalidScenario(source []byte, problems scenario.Problems, secrets []string) *invalidScenario {
	e := &invalidScenario{problems: problems}
	lines := strings.Split(masked(string(source), secrets), "\n")
	for _, p := range problems {
		e.shown = append(e.shown, pictured(lines, p))
	}
	return e
}

// minMasked is the shortest secret that is masked, since a shorter one is part of many
// words.
const minMasked = 3

// masked returns a text with asterisks in the place of secrets.
func masked(text string, secrets []string) string {
	for _, secret := range secrets {
		if n := utf8.RuneCountInString(secret); n >= minMasked {
			text = strings.ReplaceAll(text, secret, strings.Repeat("*", n))
		}
	}
	return text
}

func (e *invalidScenario) Error() string { return errors.Join(e.shown...).Error() }

// Unwrap returns the problems as they are shown.
func (e *invalidScenario) Unwrap() []error { return e.shown }

// As makes the error one of [scenario.Problems].
func (e *invalidScenario) As(target any) bool {
	problems, ok := target.(*scenario.Problems)
	if ok {
		*problems = e.problems
	}
	return ok
}

// pictured returns a problem, joined with the line of its expression and a line with a
// caret below the mistake.
func pictured(lines []string, p scenario.Problem) error {
	if !p.Expression || p.Pos.Line < 1 || p.Pos.Line > len(lines) {
		return p
	}
	line, at := excerpt(strings.TrimRight(lines[p.Pos.Line-1], "\r"), p.Pos.Column)
	gutter := fmt.Sprintf("%6d | ", p.Pos.Line)
	below := strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", at) + "^"
	return errors.Join(p, errors.New(gutter+line), errors.New(below))
}

// Bounds of an excerpt, in characters.
const (
	excerptBefore = 70 // the mistake
	excerptAfter  = 30
)

// excerpt returns a line around one of its characters, counted from 1, and how many
// columns of a terminal there are before that one.
func excerpt(line string, column int) (text string, at int) {
	characters := []rune(strings.ReplaceAll(line, "\t", " "))
	column = min(max(column-1, 0), len(characters))
	before, after := characters[:column], characters[column:]
	head, tail := "", ""
	if len(before) > excerptBefore {
		head, before = "…", before[len(before)-excerptBefore:]
	}
	if len(after) > excerptAfter {
		after, tail = after[:excerptAfter], "…"
	}
	shown := head + termsafe.String(string(before))
	return shown + termsafe.String(string(after)) + tail, termsafe.Width([]byte(shown))
}
