package declared

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"inv/internal/event"
	"inv/internal/jsonscan"
)

// Line is a record, or an element of one, in a topology's log. After parsing, its texts
// are parts of the line's.
type Line struct {
	Key       []byte // as text
	Time      int64  // of the event, epoch ms
	Input     []byte // alias of the topic
	Topic     []byte
	Partition int32
	Offset    int64
	Timestamp int64  // the record's, epoch ms
	Index     int    // of the element; -1 without each
	Rows      []byte // joined rows by name, a JSON object; nil if there are none
	Headers   []byte // by name, a JSON object; nil if no expression uses them
	Value     []byte // the record or element, JSON on one line
}

// Tick is the time of a source partition in a topology's log.
type Tick struct {
	Time      int64 // the latest event time, epoch ms; -1: the partition has had no record
	Topic     []byte
	Partition int32
	Parts     []TopicSize // of each topic that the topology reads
}

// TopicSize is a topic's number of partitions.
type TopicSize struct {
	Topic      []byte
	Partitions int32
}

// AppendLine appends a line with its line feed.
func AppendLine(dst []byte, l *Line) []byte {
	dst = jsonscan.AppendString(append(dst, `{"k":`...), l.Key)
	dst = strconv.AppendInt(append(dst, `,"t":`...), l.Time, 10)
	dst = jsonscan.AppendString(append(dst, `,"in":`...), l.Input)
	dst = appendSource(append(dst, `,"src":"`...), l.Topic, l.Partition)
	dst = strconv.AppendInt(append(dst, '@'), l.Offset, 10)
	dst = strconv.AppendInt(append(dst, `","ts":`...), l.Timestamp, 10)
	if l.Index >= 0 {
		dst = strconv.AppendInt(append(dst, `,"i":`...), int64(l.Index), 10)
	}
	if l.Rows != nil {
		dst = append(append(dst, `,"j":`...), l.Rows...)
	}
	if l.Headers != nil {
		dst = append(append(dst, `,"h":`...), l.Headers...)
	}
	return append(append(append(dst, `,"v":`...), l.Value...), "}\n"...)
}

// AppendTick appends a tick with its line feed.
func AppendTick(dst []byte, t *Tick) []byte {
	dst = append(dst, `{"tick":`...)
	if t.Time < 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, t.Time, 10)
	}
	dst = appendSource(append(dst, `,"of":"`...), t.Topic, t.Partition)
	dst = append(dst, `","parts":{`...)
	for i, p := range t.Parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, p.Topic), ':')
		dst = strconv.AppendInt(dst, int64(p.Partitions), 10)
	}
	return append(dst, "}}\n"...)
}

// appendSource appends the name of a partition. Those of topics need no escapes.
func appendSource(dst, topic []byte, partition int32) []byte {
	return strconv.AppendInt(append(append(dst, topic...), '/'), int64(partition), 10)
}

var errNoLine = errors.New("not a line of a declared topology's log")

// IsTick reports whether a line of the log is a tick.
func IsTick(line []byte) bool { return bytes.HasPrefix(line, []byte(`{"tick":`)) }

// ParseLine reads a line, with or without its line feed. l borrows from it, also after an
// error.
func ParseLine(line []byte, l *Line) error { return parseLine(line, l, nil, nil) }

// parseLine is ParseLine that scans the value by fields, unless they are nil.
func parseLine(line []byte, l *Line, fields *jsonscan.Fields, found [][]byte) error {
	if len(line) > MaxLine {
		return fmt.Errorf("%w: it has %d bytes", errNoLine, len(line))
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	scan := func() (ok bool) {
		if fields == nil {
			_, ok = jsonscan.Valid(l.Value)
			return ok
		}
		return fields.Scan(l.Value, found)
	}
	if l.parseFast(line, nil) && scan() {
		return nil
	}
	if err := l.parseAny(line); err != nil {
		return err
	}
	if !scan() {
		return fmt.Errorf("%w: its value is not JSON", errNoLine)
	}
	return nil
}

// parseFast reads a line as AppendLine writes it. The value is what remains, unseen. It
// reports false for every other text. rows gets the joined rows.
func (l *Line) parseFast(text []byte, rows *joinedRows) bool {
	c := fastLine{text: text, ok: true}
	c.expect(`{"k":"`)
	l.Key = c.plain()
	c.expect(`,"t":`)
	l.Time = c.number()
	c.expect(`,"in":"`)
	l.Input = c.plain()
	c.expect(`,"src":"`)
	source := c.plain()
	c.expect(`,"ts":`)
	l.Timestamp = c.number()
	l.Index, l.Rows, l.Headers = -1, nil, nil
	if c.has(`,"i":`) {
		i := c.number()
		c.ok = c.ok && i >= 0 && i <= math.MaxInt32
		l.Index = int(i)
	}
	if c.has(`,"j":`) {
		l.Rows = c.object(rows.scan)
	}
	if c.has(`,"h":`) {
		l.Headers = c.object(jsonscan.End)
	}
	c.expect(`,"v":`)
	end := len(c.text) - 1
	if !c.ok || end < 1 || c.text[end] != '}' || !validTime(l.Time) || !l.source(source) {
		return false
	}
	l.Value = c.text[:end:end]
	first, last := l.Value[0], l.Value[end-1]
	return first > ' ' && first < 0x80 && last > ' '
}

// fastLine is what has not been read yet of a line. After ok has become false, nothing
// that it gives means anything.
type fastLine struct {
	text []byte
	ok   bool
}

func (c *fastLine) has(prefix string) bool {
	if len(c.text) < len(prefix) || string(c.text[:len(prefix)]) != prefix {
		return false
	}
	c.text = c.text[len(prefix):]
	return true
}

func (c *fastLine) expect(text string) { c.ok = c.ok && c.has(text) }

// plain reads the rest of a string without escapes, and its quote.
func (c *fastLine) plain() []byte {
	n := bytes.IndexByte(c.text, '"')
	if n < 0 || !jsonscan.Clean(c.text[:n]) {
		c.ok = false
		return nil
	}
	out := c.text[:n:n]
	c.text = c.text[n+1:]
	return out
}

// number reads a whole number of at most 19 digits.
func (c *fastLine) number() int64 {
	i, n := 0, int64(0)
	negative := len(c.text) > 0 && c.text[0] == '-'
	if negative {
		i = 1
	}
	first := i
	for ; i < len(c.text) && i-first <= 19 && c.text[i]-'0' <= 9; i++ {
		n = n*10 + int64(c.text[i]-'0')
	}
	c.ok = c.ok && i > first && i-first <= 19 && n >= 0 && (c.text[first] != '0' || i == first+1 && !negative)
	c.text = c.text[i:]
	if negative {
		return -n
	}
	return n
}

// object reads a JSON object, whose end is what end returns.
func (c *fastLine) object(end func(text []byte) int) []byte {
	n := end(c.text)
	if n < 0 || c.text[0] != '{' {
		c.ok = false
		return nil
	}
	out := c.text[:n:n]
	c.text = c.text[n:]
	return out
}

// parseAny reads a line in any order and spelling of its fields.
func (l *Line) parseAny(text []byte) error {
	if _, ok := jsonscan.Valid(text); !ok || !jsonscan.IsObject(text) {
		return errNoLine
	}
	*l = Line{Index: -1}
	seen := 0
	for members := jsonscan.Open(text); ; {
		k, v, more := members.Member()
		if !more {
			break
		}
		n, ok := l.set(string(jsonscan.Unquote(k)), v)
		if !ok || seen&n != 0 {
			return fmt.Errorf("%w: the field %.20q is wrong, or there twice", errNoLine, k)
		}
		seen |= n
	}
	if seen&allFields != allFields {
		return fmt.Errorf("%w: it lacks a field", errNoLine)
	}
	return nil
}

// allFields are the bits of the fields that a line must have.
const allFields = 1<<6 - 1

// set sets a field of the line and returns its bit.
func (l *Line) set(name string, v []byte) (bit int, ok bool) {
	switch name {
	case "k":
		l.Key, ok = unquoted(v)
		return 1 << 0, ok
	case "t":
		l.Time, ok = wholeNumber(v)
		return 1 << 1, ok && validTime(l.Time)
	case "in":
		l.Input, ok = unquoted(v)
		return 1 << 2, ok
	case "src":
		source, ok := unquoted(v)
		return 1 << 3, ok && l.source(source)
	case "ts":
		l.Timestamp, ok = wholeNumber(v)
		return 1 << 4, ok
	case "v":
		l.Value = v
		return 1 << 5, true
	case "i":
		i, ok := wholeNumber(v)
		l.Index = int(i)
		return 1 << 6, ok && i >= 0 && i <= math.MaxInt32
	case "j":
		l.Rows = v
		return 1 << 7, v[0] == '{'
	case "h":
		l.Headers = v
		return 1 << 8, v[0] == '{'
	}
	return 0, true // of a later version
}

func unquoted(v []byte) ([]byte, bool) {
	if v[0] != '"' {
		return nil, false
	}
	return jsonscan.Unquote(v), true
}

func wholeNumber(v []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return n, err == nil
}

func validTime(ms int64) bool { return ms >= 0 && ms <= event.MaxTime }

// source reads topic/partition@offset.
func (l *Line) source(text []byte) bool {
	at := bytes.LastIndexByte(text, '@')
	if at < 0 {
		return false
	}
	c := fastLine{text: text[at+1:], ok: true}
	l.Offset = c.number()
	ok := c.ok && len(c.text) == 0 && l.Offset >= 0
	var named bool
	l.Topic, l.Partition, named = partitionName(text[:at])
	return ok && named
}

// partitionName reads topic/partition.
func partitionName(text []byte) (topic []byte, partition int32, ok bool) {
	slash := bytes.LastIndexByte(text, '/')
	if slash < 1 {
		return nil, 0, false
	}
	c := fastLine{text: text[slash+1:], ok: true}
	n := c.number()
	return text[:slash:slash], int32(n), c.ok && len(c.text) == 0 && n >= 0 && n <= math.MaxInt32 && topicName(text[:slash])
}

// topicName reports whether Kafka could have a topic of this name.
func topicName(name []byte) bool {
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return len(name) > 0 && len(name) <= 249
}

// ParseTick reads a tick, with or without its line feed. t borrows from it, and keeps the
// room of its Parts.
func ParseTick(line []byte, t *Tick) error {
	if len(line) > MaxLine {
		return fmt.Errorf("%w: it has %d bytes", errNoLine, len(line))
	}
	if _, ok := jsonscan.Valid(line); !ok || !IsTick(line) {
		return errNoLine
	}
	*t = Tick{Time: math.MinInt64, Parts: t.Parts[:0]}
	for members := jsonscan.Open(line); ; {
		k, v, more := members.Member()
		if !more {
			break
		}
		if !t.set(string(jsonscan.Unquote(k)), v) {
			return fmt.Errorf("%w: a tick with a wrong field %.20q", errNoLine, k)
		}
	}
	if t.Time == math.MinInt64 || t.Topic == nil || len(t.Parts) == 0 {
		return fmt.Errorf("%w: a tick that lacks a field", errNoLine)
	}
	return nil
}

// maxPartitions bounds the partitions of a topic that a tick may tell of.
const maxPartitions = 1 << 20

func (t *Tick) set(name string, v []byte) (ok bool) {
	switch name {
	case "tick":
		if t.Time = -1; string(v) == "null" {
			return true
		}
		t.Time, ok = wholeNumber(v)
		return ok && validTime(t.Time)
	case "of":
		of, ok := unquoted(v)
		if !ok {
			return false
		}
		t.Topic, t.Partition, ok = partitionName(of)
		return ok
	case "parts":
		t.Parts = t.Parts[:0]
		for members := jsonscan.Open(v); ; {
			k, size, more := members.Member()
			if !more {
				return v[0] == '{'
			}
			n, ok := wholeNumber(size)
			topic := jsonscan.Unquote(k)
			if !ok || n < 1 || n > maxPartitions || !topicName(topic) {
				return false
			}
			t.Parts = append(t.Parts, TopicSize{topic, int32(n)})
		}
	}
	return true // of a later version
}
