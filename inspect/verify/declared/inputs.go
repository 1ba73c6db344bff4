package declared

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// readInputs compares the inputs with the log, or with the outputs if there is none.
func (a *audit) readInputs(ctx context.Context) error {
	ids := make([]string, 0, len(a.outputs.written))
	for id := range a.outputs.written {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, in := range a.t.From {
		if a.trimmedTopic(a.topic(in.Alias), checkLetters); !a.t.Keyed() {
			a.trimmedTopic(a.topic(in.Alias), checkOutputs)
		}
		err := a.records.Each(ctx, a.topic(in.Alias), func(r *kgo.Record) { a.input(in.Alias, r, ids) })
		if err != nil {
			return err
		}
	}
	return a.away
}

// input checks what became of a record.
func (a *audit) input(alias string, r *kgo.Record, ids []string) {
	at := placeOf(r)
	a.counts.Inputs++
	due := a.read(at)
	if !due {
		a.counts.InputsInFlight++
	}
	a.copies(r)
	d := a.decode(r, a.t.input(alias).Format != "")
	if a.t.Keyed() {
		a.routed(alias, &d, due)
	} else {
		a.mapped(alias, &d, ids, due)
	}
}

// routed compares a record with its lines in the log.
func (a *audit) routed(alias string, r *decoded, due bool) {
	at := placeOf(r.Record)
	lines := a.log.lines[at]
	c := &chooser{audit: a, source: partitionOf(at), lines: map[int64]*logLine{}}
	for _, l := range lines {
		l.met = true
		c.lines[l.index] = l
	}
	if !due && len(lines) == 0 && !a.refused(at, a.deciding()) {
		return
	}
	a.checks[checkInputs].Checked++
	a.checks[checkLines].Checked += int64(len(lines))
	var want []*Line
	var refusal *Refusal
	agree := c.explore(func() bool {
		var err error
		if refusal = r.refusal(); refusal == nil {
			if want, err = a.t.Route(alias, r.Record, c); err != nil {
				refusal = refusalOf(err)
			}
		}
		if refusal != nil {
			want = nil
			return len(lines) == 0 && a.expects(refusal, at)
		}
		return a.agree(want, lines, due)
	})
	switch {
	case !agree && len(lines) == 0 && refusal == nil:
		size := len(r.Value)
		for _, l := range want {
			size = max(size, len(canonical(l.Object())))
		}
		if refusal = a.unforeseen(a.deciding(), at, size); refusal != nil {
			a.callLetter(a.deciding(), &Letter{Refusal: *refusal, Source: at}, at, due)
			return
		}
	case refusal != nil && len(lines) == 0:
		a.callLetter(a.deciding(), &Letter{Refusal: *refusal, Source: at, Key: string(r.Key)}, at, due)
		return
	}
	if !agree {
		a.disagree(at, want, lines, refusal, due)
		return
	}
	for _, x := range c.looked {
		if x.line != nil {
			a.found(at, x.join, x.key, x.line.rows[x.join.Name], x.line.at.String())
		}
	}
}

// agree reports whether the log has exactly the lines that are wanted; not all of them if
// the record had not been read when the snapshot was taken.
func (a *audit) agree(want []*Line, lines []*logLine, due bool) bool {
	if len(lines) > len(want) || due && len(lines) < len(want) {
		return false
	}
	for _, l := range lines {
		found := false
		for _, w := range want {
			found = found || indexOf(w) == l.index && a.log.sum(w) == l.sum
		}
		if !found {
			return false
		}
	}
	return true
}

func indexOf(l *Line) int64 {
	if l.Index == nil {
		return -1
	}
	return index(l)
}

// disagree notes how a record's lines differ from what is wanted.
func (a *audit) disagree(at event.Place, want []*Line, lines []*logLine, refusal *Refusal, due bool) {
	if refusal != nil {
		a.note(checkLines, verify.Finding{Where: lines[0].at.String(), Expected: fmt.Sprintf("no line of %s, which is refused: %v", at, refusal), Seen: "a line"})
		return
	}
	left := map[int64]*logLine{}
	for _, l := range lines {
		left[l.index] = l
	}
	for _, w := range want {
		l := left[indexOf(w)]
		delete(left, indexOf(w))
		switch {
		case l == nil && due:
			a.note(checkInputs, verify.Finding{Key: w.Key, Where: at.String(), Expected: "in the log: " + canonical(w.Object()), Seen: "no such line"})
		case l != nil && l.sum != a.log.sum(w):
			a.note(checkLines, verify.Finding{Key: w.Key, Where: l.at.String(), Expected: canonical(w.Object()), Seen: "another line of " + at.String()})
		}
	}
	for _, l := range left {
		a.note(checkLines, verify.Finding{Where: l.at.String(), Expected: "no line that " + at.String() + " does not call for", Seen: fmt.Sprintf("one of element %d", l.index)})
	}
}

// mapped compares a record with the outputs of a topology without keys.
func (a *audit) mapped(alias string, r *decoded, ids []string, due bool) {
	at := placeOf(r.Record)
	prefix := fmt.Sprintf("%s-%s-%d-%d-", a.t.Name, at.Topic, at.Partition, at.Offset)
	there := int64(0)
	for i := sort.SearchStrings(ids, prefix); i < len(ids) && strings.HasPrefix(ids[i], prefix); i++ {
		there += int64(len(a.outputs.written[ids[i]]))
	}
	if !due && there == 0 && !a.refused(at, a.deciding()) {
		return
	}
	a.checks[checkInputs].Checked++
	c := &chooser{audit: a, source: partitionOf(at)}
	var want []Output
	var refusal *Refusal
	agree := c.explore(func() bool {
		var err error
		if refusal = r.refusal(); refusal == nil {
			if want, err = a.t.Map(alias, r.Record, c); err != nil {
				refusal = refusalOf(err)
			}
		}
		if refusal != nil {
			want = nil
			return there == 0 && a.expects(refusal, at)
		}
		return a.outputsAgree(want, there)
	})
	if agree {
		for _, x := range c.looked {
			a.table(x.join.Table).last[lookup{c.source, x.key}] = x.number
		}
	}
	if !agree && refusal == nil {
		size := len(r.Value)
		for i := range want {
			size = max(size, len(want[i].Value))
		}
		refusal = a.unforeseen(a.deciding(), at, size)
	}
	if refusal != nil {
		a.callLetter(a.deciding(), &Letter{Refusal: *refusal, Source: at, Key: string(r.Key)}, at, due)
		return
	}
	for i := range want {
		a.callOutput(&want[i], at, due)
	}
}

// outputsAgree reports whether the outputs of a record are those that are wanted.
func (a *audit) outputsAgree(want []Output, there int64) bool {
	if int64(len(want)) != there {
		return false
	}
	for i := range want {
		if w := a.outputs.of(&want[i]); w == nil || a.differs(&want[i], w) != nil {
			return false
		}
	}
	return true
}

// refused reports whether there is a dead letter of a record by a stage.
func (a *audit) refused(at event.Place, stage string) bool {
	for _, d := range a.letters.of[at] {
		if d.stage == stage {
			return true
		}
	}
	return false
}

// expects reports whether there is the dead letter that a refusal calls for.
func (a *audit) expects(r *Refusal, at event.Place) bool {
	for _, d := range a.letters.of[at] {
		if d.is(a.deciding(), &Letter{Refusal: *r, Source: at}) {
			return true
		}
	}
	return false
}

// chooser gives the rows that a record's lines in the log have, and tries all that a
// table had for those without a line.
type chooser struct {
	audit  *audit
	source string
	lines  map[int64]*logLine
	looked []choice // of this attempt, in the order of the look-ups
	path   []int    // which of the possible rows to give, by look-up
	sizes  []int    // how many there are
}

// choice is a row that was given.
type choice struct {
	join   *scenario.Join
	key    string
	line   *logLine // that has it; nil: it is one of several possible
	number int      // of the version
}

// Row returns a row for an element.
func (c *chooser) Row(element int, j *scenario.Join, key string) (any, bool) {
	for _, i := range []int64{int64(element), -1} {
		if l := c.lines[i]; l != nil {
			c.looked = append(c.looked, choice{join: j, key: key, line: l})
			return l.rows[j.Name], true // else there would be no line, or it is null
		}
	}
	t := c.audit.table(j.Table)
	numbers := t.choices(c.source, key)
	at := len(c.sizes)
	if at == len(c.path) {
		c.path = append(c.path, 0)
	}
	c.sizes = append(c.sizes, len(numbers))
	n := numbers[c.path[at]]
	c.looked = append(c.looked, choice{join: j, key: key, number: n})
	v := t.version(key, n)
	return v.row, v.there
}

// maxAttempts bounds how many combinations of rows are tried for a record.
const maxAttempts = 2000

// explore tries rows until try reports true.
func (c *chooser) explore(try func() bool) bool {
	for range maxAttempts {
		c.looked, c.sizes = nil, nil
		if try() {
			return true
		}
		c.path = c.path[:len(c.sizes)]
		for len(c.path) > 0 && c.path[len(c.path)-1]+1 == c.sizes[len(c.path)-1] {
			c.path = c.path[:len(c.path)-1]
		}
		if len(c.path) == 0 {
			return false
		}
		c.path[len(c.path)-1]++
	}
	return false
}
