package cases

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"inv/internal/suggest"
	"inv/internal/when"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record that a topology wrote, or a dead letter.
type Record struct {
	Alias     string // of the topic; of a dead letter, of the dead-letter topic
	Key       []byte
	Value     []byte
	Timestamp int64 // epoch ms
	Headers   []kgo.RecordHeader
	// Reason and Message are a dead letter's. Input is then the alias of its record's
	// topic.
	Reason, Message, Input string
}

// Names of the members of an expected record that are not fields of its value.
const (
	keyName     = "$key"
	timeName    = "$t"
	headersName = "$headers"
	reasonName  = "$reason"
	messageName = "$message"
)

// Field is a field that an expected record names, and what the record has there.
type Field struct {
	Path      string
	Want, Got string // as JSON; Got is "" if the record has no such field
	Equal     bool
	Near      string // a field that the record has instead, by a similar name
}

// relative matches the time of a record, and times before and after it.
var relative = regexp.MustCompile(`^\$t(?:\s*([+-])\s*([0-9][0-9a-zµ.]*))?$`)

// relativeTime returns the distance from the record's time if the text is one.
func relativeTime(text string) (time.Duration, bool) {
	m := relative.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	if m[2] == "" {
		return 0, true
	}
	d, err := when.ParseDuration(m[2])
	if m[1] == "-" {
		d = -d
	}
	return d, err == nil
}

// matcher compares records with what a case expects.
type matcher struct {
	start int64 // epoch ms
}

// compare returns the fields that are named, in their order, and whether all are equal.
func (m matcher) compare(want *value, r *Record) (fields []Field, same bool) {
	got, err := parse(r.Value)
	if err != nil {
		got = value{kind: '"', text: string(r.Value)}
		if r.Value == nil {
			got = value{kind: 'n', text: "null"}
		}
	}
	c := comparison{m, r, nil}
	if want.kind != '{' {
		c.whole(".", want, &got)
	} else {
		c.object("", want, &got)
	}
	same = true
	for _, f := range c.fields {
		same = same && f.Equal
	}
	return c.fields, same
}

type comparison struct {
	matcher
	r      *Record
	fields []Field
}

func (c *comparison) object(path string, want, got *value) {
	for i := range want.members {
		w := &want.members[i]
		at := joined(path, w.name)
		switch {
		case path == "" && strings.HasPrefix(w.name, "$"):
			c.special(w)
		default:
			g, ok := got.member(w.name)
			switch {
			case !ok:
				c.fields = append(c.fields, Field{Path: at, Want: w.String(), Near: nearest(w.name, got, want)})
			case w.kind == '{' && len(w.members) > 0 && g.kind == '{':
				c.object(at, &w.value, g)
			default:
				c.whole(at, &w.value, g)
			}
		}
	}
}

// nearest returns a name that only the record has and that is similar.
func nearest(name string, got, want *value) string {
	var others []string
	for _, m := range got.members {
		if _, named := want.member(m.name); !named {
			others = append(others, m.name)
		}
	}
	return suggest.Nearest(name, others)
}

func joined(path, name string) string {
	if plain := strings.IndexFunc(name, func(r rune) bool { return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0; name == "" || !plain {
		name = quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func (c *comparison) whole(path string, want, got *value) {
	f := Field{Path: path, Want: want.String(), Got: got.String(), Equal: equal(want, got)}
	if d, ok := relativeTime(want.text); ok && want.kind == '"' && !f.Equal {
		at := c.r.Timestamp + d.Milliseconds()
		f.Equal = isTime(got, at)
		f.Want = want.text + " = " + strconv.FormatInt(at, 10)
	}
	c.fields = append(c.fields, f)
}

// isTime reports whether a value is a time: a number of milliseconds since the epoch, or
// the text of RFC 3339, to the second if it has no fraction.
func isTime(v *value, ms int64) bool {
	switch v.kind {
	case '0':
		return sameNumber(v.text, strconv.FormatInt(ms, 10))
	case '"':
		t, err := time.Parse(time.RFC3339Nano, v.text)
		if err == nil && !strings.Contains(v.text, ".") {
			ms -= (ms%1000 + 1000) % 1000
		}
		return err == nil && t.UnixMilli() == ms
	}
	return false
}

// special compares a member of an expected record that is not a field of its value.
func (c *comparison) special(w *member) {
	f := Field{Path: w.name, Want: w.String()}
	switch w.name {
	case keyName:
		f.Got = quoteOrNull(c.r.Key)
		f.Equal = f.Want == f.Got || w.kind == '0' && w.text == string(c.r.Key)
	case timeName:
		f.Got = since(c.r.Timestamp - c.start)
		if f.Equal = isTime(&w.value, c.r.Timestamp); w.kind == '"' && !f.Equal {
			d, err := when.ParseDuration(w.text)
			f.Want, f.Equal = w.text, err == nil && c.start+d.Milliseconds() == c.r.Timestamp
		}
	case reasonName:
		f.Got, f.Equal = quote(c.r.Reason), w.text == c.r.Reason
	case messageName: // a part of it
		f.Got, f.Equal = quote(c.r.Message), strings.Contains(c.r.Message, w.text)
	case headersName:
		c.headers(&w.value)
		return
	}
	c.fields = append(c.fields, f)
}

func (c *comparison) headers(want *value) {
	for i := range want.members {
		w := &want.members[i]
		f := Field{Path: headersName + "." + w.name, Want: w.String()}
		for _, h := range c.r.Headers { // the last counts
			if h.Key == w.name {
				f.Got = quoteOrNull(h.Value)
				f.Equal = w.text == string(h.Value)
			}
		}
		c.fields = append(c.fields, f)
	}
}

func quoteOrNull(text []byte) string {
	if text == nil {
		return "null"
	}
	return quote(string(text))
}

// since returns a time since the start as a case writes it: 40m, 1h30m.
func since(ms int64) string { return when.FormatDuration(time.Duration(ms) * time.Millisecond) }
