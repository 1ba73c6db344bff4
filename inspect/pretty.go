package inspect

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"
	"inv/internal/query"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Record is one record of a topic.
type Record = fetch.Record

// PrettyOptions are the options of a Pretty.
type PrettyOptions struct {
	Theme    *theme.Theme
	Location *time.Location // of the times shown
	Times    TimeForm
	Clock    func() time.Time // for Relative times only
	Now      time.Time        // times of other days are shown with their date
	Width    int              // columns that lines are cut to; 0: lines are not cut
	Cut      string           // added to the size of a value that is cut, such as ", whole with -o raw"
	// Views are by topic name; records of a topic without one are shown with their key
	// and value.
	Views map[string]*View
	// Labels are short names by topic, shown if there is more than one. If there
	// are any, lines have a severity only if a view of these topics has one.
	Labels     map[string]string
	Headers    bool // show the records' headers
	RawControl bool // don't make hostile characters visible
	TextKeys   bool // keys are text, even with zero bytes
}

// Pretty renders records as aligned lines for people. Columns grow with wider values.
// It is for one goroutine.
type Pretty struct {
	options    PrettyOptions
	theme      *theme.Theme
	clock      clock
	severities bool // a view has conditions, so lines have a severity
	labelWidth int
	sources    map[string]string // the colours of the topics that have a view
	layouts    map[string]*layout
	last       *layout // of the previous record, which mostly has the same topic
	counts     [severities]int
	cells      []cell
	text       []byte // of the cells
	tail       []byte // the position of the record
	notes      []byte
}

// layout is the layout of a topic's lines.
type layout struct {
	topic  string
	view   *View
	label  []byte // with colour and padding
	widths []int
	in     query.Input // kept, so that no record allocates one
	each   [][]byte
}

// cell is one column's text in Pretty.text, and its width on the screen.
type cell struct {
	start, end, width int
	right             bool // it begins with a number, so it is aligned on the right
}

// NewPretty returns a renderer.
func NewPretty(o PrettyOptions) *Pretty {
	o.Location, o.Theme = cmp.Or(o.Location, time.Local), cmp.Or(o.Theme, &theme.Theme{})
	p := &Pretty{options: o, theme: o.Theme, clock: newClock(o.Location, o.Now), layouts: map[string]*layout{}}
	p.clock.form, p.clock.now = o.Times, o.Clock
	p.sources = o.Theme.SourcesOf(slices.Collect(maps.Keys(o.Views)))
	for topic, v := range o.Views {
		if _, selected := o.Labels[topic]; selected || len(o.Labels) == 0 {
			p.severities = p.severities || v != nil && v.conditions != [3]*query.Condition{}
		}
	}
	return p
}

// SetWidth sets the width of the terminal from now on.
func (p *Pretty) SetWidth(columns int) { p.options.Width = columns }

// Count returns how many lines of a severity have been rendered.
func (p *Pretty) Count(s Severity) int { return p.counts[s] }

// Append appends the record's line, or a line for each document if the topic's view
// has several in a value.
func (p *Pretty) Append(dst []byte, r *Record) []byte {
	l := p.layout(r.Topic)
	if l.view == nil || !l.view.lines || r.Value == nil {
		return p.appendLine(dst, l, r, r.Value, -1)
	}
	n := 0
	for line := range bytes.SplitSeq(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n")) {
		dst = p.appendLine(dst, l, r, line, n)
		n++
	}
	return dst
}

// Measure makes the columns wide enough for records that will be appended, so that
// the first lines are aligned with later ones.
func (p *Pretty) Measure(records []*Record) {
	counts, line := p.counts, []byte(nil)
	for _, r := range records {
		line = p.Append(line[:0], r)
	}
	p.counts = counts
}

func (p *Pretty) layout(topic string) *layout {
	if p.last != nil && p.last.topic == topic {
		return p.last
	}
	l := p.layouts[topic]
	if l == nil {
		l = &layout{topic: topic, view: p.options.Views[topic], label: p.label(topic)}
		if l.view != nil {
			l.widths = make([]int, len(l.view.columns))
			l.in.Fields, l.in.JSON = make([][]byte, l.view.fields.Len()), true
		}
		p.layouts[topic] = l
	}
	p.last = l
	return l
}

func (p *Pretty) label(topic string) []byte {
	if len(p.options.Labels) < 2 {
		return nil
	}
	for _, l := range p.options.Labels { // as Run has corrected them
		p.labelWidth = max(p.labelWidth, termsafe.Width(termsafe.Append(nil, []byte(l))))
	}
	text := termsafe.Append(nil, []byte(cmp.Or(p.options.Labels[topic], topic))) // it may be newer than the labels
	return pad(paint(nil, text, cmp.Or(p.sources[topic], p.theme.Source(topic)), p.theme), p.labelWidth-termsafe.Width(text)+1)
}

func pad(dst []byte, n int) []byte { return append(dst, strings.Repeat(" ", max(n, 0))...) }

// appendLine appends the line of a document; number is its index in the record, -1 if
// it is the whole value.
func (p *Pretty) appendLine(dst []byte, l *layout, r *Record, value []byte, number int) []byte {
	severity, ms, viewed := Plain, r.Timestamp, false
	if l.view != nil && value != nil && l.view.fields.Scan(value, l.in.Fields) && jsonscan.IsObject(value) {
		viewed = true
		severity = l.severity(r, value)
		ms = l.eventTime(ms)
	}
	p.counts[severity]++
	start := len(dst)
	dst = append(dst, p.theme.Dim...)
	dst = p.clock.appendTime(dst, ms)
	used := len(dst) - start - len(p.theme.Dim) + 1
	dst = append(append(dst, p.theme.Reset...), ' ')
	if p.severities {
		if severity == Plain {
			dst = append(dst, severityWords[Plain]...)
		} else {
			dst = paint(dst, severityWords[severity], severity.Color(p.theme), p.theme)
		}
		dst = append(dst, ' ')
		used += 9
	}
	dst = append(dst, l.label...)
	if p.labelWidth > 0 {
		used += p.labelWidth + 1
	}
	p.setTail(r, number)
	if viewed {
		dst = p.appendViewed(dst, l, r, severity, used)
	} else {
		dst = p.appendPlain(dst, l, r, value, used)
	}
	return p.finish(dst, start, r)
}

// setTail sets p.tail to partition and offset, p2@1841, and #3 for a document within
// the record.
func (p *Pretty) setTail(r *Record, number int) {
	p.tail = append(p.tail[:0], 'p')
	p.tail = strconv.AppendInt(p.tail, int64(r.Partition), 10)
	p.tail = append(p.tail, '@')
	p.tail = strconv.AppendInt(p.tail, r.Offset, 10)
	if number >= 0 {
		p.tail = append(p.tail, '#')
		p.tail = strconv.AppendInt(p.tail, int64(number), 10)
	}
}

func (l *layout) severity(r *Record, value []byte) Severity {
	l.in.Record, l.in.Value = r, value
	for s, c := range l.view.conditions {
		if c != nil && c.Match(&l.in) {
			return Severity(s)
		}
	}
	return Plain
}

// eventTime returns the time in the view's field, epoch ms or RFC 3339, or else the
// record's.
func (l *layout) eventTime(ms int64) int64 {
	if l.view.time < 0 {
		return ms
	}
	raw := l.in.Fields[l.view.time]
	if len(raw) > 2 && raw[0] == '"' { // as a schema's timestamps are decoded
		if t, err := time.Parse(time.RFC3339, string(raw[1:len(raw)-1])); err == nil {
			return t.UnixMilli()
		}
		return ms
	}
	if len(raw) == 0 || len(raw) > 15 {
		return ms
	}
	var t int64
	digits := bytes.TrimPrefix(raw, []byte("-"))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return ms
		}
		t = t*10 + int64(c-'0')
	}
	if len(digits) < len(raw) {
		return -t
	}
	return t
}

// maxAligned is the width up to which a column's value moves those that follow for good.
const maxAligned = 40

// appendViewed appends the view's columns and the position.
func (p *Pretty) appendViewed(dst []byte, l *layout, r *Record, severity Severity, used int) []byte {
	p.text, p.cells = p.text[:0], p.cells[:0]
	for i := range l.view.columns {
		start := len(p.text)
		p.column(l, &l.view.columns[i])
		width := termsafe.Width(p.text[start:])
		number := l.view.columns[i].number
		right := i > 0 && number >= 0 && isNumber(l.in.Fields[number])
		p.cells = append(p.cells, cell{start, len(p.text), width, right})
		if width > l.widths[i] && width <= maxAligned {
			l.widths[i] = width
		}
	}
	room := 0
	if p.options.Width > 0 {
		room = max(p.options.Width-used-len(p.tail)-2, 1)
	}
	gap := 0 // blanks before the next text
	written := 0
	for i, c := range p.cells {
		if l.widths[i] == 0 && c.width == 0 {
			continue
		}
		if written > 0 {
			gap += min(i, 2)
		}
		after := max(0, l.widths[i]-c.width)
		if c.right && written > 0 {
			gap, after = gap+after, 0
		}
		text := p.text[c.start:c.end]
		if room > 0 && c.width > 0 {
			left := room - written - gap
			if left < 1 {
				break
			}
			if c.width > left {
				text = termsafe.Cut(text, left)
				c.width = left
			}
		}
		if len(text) > 0 {
			dst = pad(dst, gap)
			written += gap + c.width
			gap = 0
			dst = p.appendColumn(dst, text, i, severity)
		}
		gap += after
	}
	if room > 0 {
		gap = min(gap, max(0, room-written))
	}
	dst = pad(dst, gap+2)
	return p.appendNotes(paint(dst, p.tail, p.theme.Dim, p.theme), r)
}

func isNumber(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// appendColumn appends the text of a column: the first is emphasized, and a critical
// line is coloured whole.
func (p *Pretty) appendColumn(dst, text []byte, column int, severity Severity) []byte {
	switch {
	case severity == Critical:
		return paint(dst, text, p.theme.Critical, p.theme)
	case column == 0:
		return paint(dst, text, p.theme.Strong, p.theme)
	}
	return append(dst, text...)
}

// column appends the text of a column to p.text; nothing if all its fields are absent.
func (p *Pretty) column(l *layout, c *column) {
	if c.each < 0 {
		p.parts(c.parts, l.in.Fields)
		return
	}
	l.each = slices.Grow(l.each[:0], c.fields.Len())[:c.fields.Len()]
	first := true
	c.fields.ScanElements(l.in.Fields[c.each], l.each, func() bool {
		if !first {
			p.text = append(p.text, c.join...)
		}
		first = false
		p.parts(c.parts, l.each)
		return true
	})
}

func (p *Pretty) parts(parts []part, values [][]byte) {
	start, fields, found := len(p.text), 0, 0
	for i := range parts {
		part := &parts[i]
		if part.field < 0 {
			p.text = append(p.text, part.literal...)
			continue
		}
		fields++
		raw := values[part.field]
		if raw == nil || raw[0] == 'n' {
			p.text = append(p.text, '-')
			continue
		}
		found++
		if part.signed && raw[0] != '-' {
			p.text = append(p.text, '+')
		}
		p.text = p.appendScalar(p.text, raw)
	}
	if fields > 0 && found == 0 {
		p.text = p.text[:start]
	}
}

// appendScalar appends a JSON value, strings without quotes, and long ones cut.
func (p *Pretty) appendScalar(dst, raw []byte) []byte {
	if len(raw) > maxShown {
		dst = p.safe(dst, raw[:maxShown])
		return append(append(append(dst, "… ("...), sizeText(len(raw))...), ')')
	}
	switch raw[0] {
	case '"':
		inner := raw[1 : len(raw)-1]
		if bytes.IndexByte(inner, '\\') >= 0 {
			inner = jsonscan.Unquote(raw)
		}
		return p.safe(dst, inner)
	case '{', '[':
		return jsonscan.AppendSafe(dst, raw, jsonscan.Space|jsonscan.High)
	}
	return append(dst, raw...)
}

func (p *Pretty) safe(dst, text []byte) []byte {
	if p.options.RawControl {
		return append(dst, text...)
	}
	return termsafe.Append(dst, text)
}
