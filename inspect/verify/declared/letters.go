package declared

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/jq"

	"github.com/twmb/franz-go/pkg/kgo"
)

// letters are the topology's dead letters.
type letters struct {
	of    map[event.Place][]*deadLetter // by the record
	timer []*deadLetter                 // of timers and windows' ends
	lost  []lostLetter
}

// deadLetter is a letter that is on its topic.
type deadLetter struct {
	at, from   event.Place
	stage      string
	reason     event.Reason
	message    string
	key, value []byte
	headers    []kgo.RecordHeader // the record's own
	cut        bool
	called     bool
}

// lostLetter is one that is called for, and not there.
type lostLetter struct {
	*Letter
	stage string
	cause event.Place
}

func newLetters() *letters { return &letters{of: map[event.Place][]*deadLetter{}} }

// readLetters reads the dead letters of the topology's inputs.
func (a *audit) readLetters(ctx context.Context) error {
	for _, in := range a.t.From {
		topic := a.topic(in.Alias) + ".dlq"
		a.trimmedTopic(topic, checkLetters)
		if err := a.records.Each(ctx, topic, a.deadLetter); err != nil {
			return err
		}
	}
	return nil
}

// letterHeaders are those that a letter has of itself, before the record's own.
var letterHeaders = []string{event.HeaderDLQTopic, event.HeaderDLQPartition, event.HeaderDLQOffset, event.HeaderDLQTimestamp,
	event.HeaderDLQStage, event.HeaderDLQReason, event.HeaderDLQMessage, event.HeaderDLQTruncated}

// deadLetter keeps a letter of one of the topology's stages.
func (a *audit) deadLetter(r *kgo.Record) {
	header := func(name string) string {
		value, _ := event.FirstHeader(r.Headers, name)
		return string(value)
	}
	l := &deadLetter{at: placeOf(r), stage: header(event.HeaderDLQStage), reason: event.Reason(header(event.HeaderDLQReason)), message: header(event.HeaderDLQMessage),
		key: bytes.Clone(r.Key), value: bytes.Clone(r.Value)}
	if l.stage != a.deciding() && l.stage != a.applying() {
		return
	}
	a.counts.DeadLetters++
	own := 0
	for own < len(r.Headers) && slices.Contains(letterHeaders, r.Headers[own].Key) {
		l.cut = l.cut || r.Headers[own].Key == event.HeaderDLQTruncated
		own++
	}
	for _, h := range r.Headers[own:] {
		l.headers = append(l.headers, kgo.RecordHeader{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	if l.reason == reasonTimer {
		a.letters.timer = append(a.letters.timer, l)
		return
	}
	from := header(event.HeaderDLQTopic) + "/" + header(event.HeaderDLQPartition) + "@" + header(event.HeaderDLQOffset)
	var err error
	if l.from, err = event.ParsePlace(from); err != nil || l.from.Topic+".dlq" != r.Topic {
		a.note(checkLetters, verify.Finding{Where: l.at.String(), Expected: "dlq-topic, dlq-partition and dlq-offset of a record of " + strings.TrimSuffix(r.Topic, ".dlq"), Seen: from})
		return
	}
	a.letters.of[l.from] = append(a.letters.of[l.from], l)
}

// is reports whether a letter is the one that a stage should have written.
func (d *deadLetter) is(stage string, l *Letter) bool {
	switch {
	case d.called || d.stage != stage || d.reason != l.Reason:
		return false
	case l.Place != "" && !strings.HasPrefix(d.message, l.Place+": "):
		return false
	case l.Source.Topic == "":
		return sameJSON(d.value, l.Value)
	}
	return true
}

// callLetter takes a letter that is called for; due if it must be there.
func (a *audit) callLetter(stage string, l *Letter, cause event.Place, due bool) {
	a.checks[checkLetters].Checked++
	for _, d := range a.letters.candidates(l) {
		if d.is(stage, l) {
			d.called = true
			return
		}
	}
	if due {
		a.letters.lost = append(a.letters.lost, lostLetter{l, stage, cause})
	}
}

func (s *letters) candidates(l *Letter) []*deadLetter {
	if l.Source.Topic == "" {
		return s.timer
	}
	return s.of[l.Source]
}

// checkLetters looks at what is missing, and at what nothing calls for.
func (a *audit) checkLetters() {
	for _, l := range a.letters.lost {
		what := l.Source.String()
		if l.Source.Topic == "" {
			what = string(l.Value)
		}
		a.note(checkLetters, verify.Finding{Key: l.Key, Where: l.cause.String(),
			Expected: fmt.Sprintf("a dead letter of %s by %s: %s %s %s", what, l.stage, l.Reason, l.Place, l.Detail), Seen: "no such letter"})
	}
	for _, all := range a.letters.of {
		for _, d := range all {
			a.uncalled(d)
		}
	}
	for _, d := range a.letters.timer {
		a.uncalled(d)
	}
}

func (a *audit) uncalled(d *deadLetter) {
	if !d.called {
		a.note(checkLetters, verify.Finding{Where: d.at.String(), Expected: "no letter that nothing calls for", Seen: fmt.Sprintf("%s by %s of %s: %s", d.reason, d.stage, d.from, d.message)})
	}
}

// copies checks that the letters of a record are copies of it.
func (a *audit) copies(r *kgo.Record) {
	for _, d := range a.letters.of[placeOf(r)] {
		bare := d.cut && d.key == nil && d.value == nil
		switch {
		case bare:
		case d.cut && !bytes.HasPrefix(r.Value, d.value) || !d.cut && !bytes.Equal(r.Value, d.value):
			a.note(checkLetters, verify.Finding{Where: d.at.String(), Expected: "the value of " + d.from.String(), Seen: fmt.Sprintf("%.100q", d.value)})
		case !bytes.Equal(r.Key, d.key):
			a.note(checkLetters, verify.Finding{Where: d.at.String(), Expected: fmt.Sprintf("the key of %s, %.100q", d.from, r.Key), Seen: fmt.Sprintf("%.100q", d.key)})
		case !slices.EqualFunc(r.Headers, d.headers, func(x, y kgo.RecordHeader) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) }):
			a.note(checkLetters, verify.Finding{Where: d.at.String(), Expected: "the headers of " + d.from.String(), Seen: "others"})
		}
	}
}

// likelySize is the size, in bytes of JSON, from which on a line or a state may be refused
// as too large: how the processor writes it can't be known here.
const likelySize = 16 << 10

// unforeseen returns the refusal of a stage that can't be foreseen here, because it
// depends on a topic's limits, on the size of something as it is written, or on the
// number of an evaluation's steps. It must be plausible.
func (a *audit) unforeseen(stage string, of event.Place, size int) *Refusal {
	for _, d := range a.letters.of[of] {
		budget := d.reason == reasonExpression && strings.Contains(d.message, jq.ErrBudget.Error())
		large := (d.reason == event.TooLarge || d.reason == reasonState) && size >= likelySize
		if !d.called && d.stage == stage && (budget || large) {
			return &Refusal{Reason: d.reason}
		}
	}
	return nil
}

// refusedThere is unforeseen for a step with these outputs and the state after it.
func (a *audit) refusedThere(l *Line, after *state, out []Output) *Refusal {
	if len(a.letters.of[l.Source]) == 0 {
		return nil
	}
	size := len(canonical(after.fields))
	for _, k := range after.keeps {
		size += 4 * len(k.all)
		for _, v := range k.all {
			size += len(v.text)
		}
		for text := range k.distinctText {
			size += len(text)
		}
	}
	for i := range out {
		size = max(size, len(out[i].Value))
	}
	return a.unforeseen(a.applying(), l.Source, size)
}
