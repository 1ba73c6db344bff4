package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"inv/internal/event"
)

// Line is a line of a log: a record for a key, or a tick.
type Line struct {
	Key       string
	Time      int64 // event time, epoch ms
	In        string
	Source    event.Place
	Timestamp int64 // of the source record, epoch ms
	Index     any   // of the element, a json.Number; nil without each
	Rows      map[string]any
	Headers   any
	Value     any

	Tick *Tick // nil: a record's line

	text []byte // that it was parsed from
}

// Tick is time that passes in a source partition.
type Tick struct {
	Time  *int64      // nil: the partition has no record
	Of    event.Place // its Offset is 0
	Parts map[string]int64
}

// outline returns a line with its place and time, and the text of the rest, which takes a
// fifth of the memory: a backlog can have hundreds of thousands that wait for their time.
func (l *Line) outline() *Line {
	return &Line{Key: l.Key, Time: l.Time, Source: l.Source, Index: l.Index, text: bytes.Clone(l.text)}
}

// complete returns the line of an outline.
func (l *Line) complete() *Line {
	full, err := ParseLine(l.text)
	if err != nil {
		panic(err) // it was parsed before
	}
	return full
}

// ParseLine reads a line of a log, and keeps its text.
func ParseLine(text []byte) (*Line, error) {
	v, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("a line that is not JSON: %w", err)
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("a line that is not an object")
	}
	if _, ok := o["tick"]; ok {
		return parseTick(o)
	}
	l := &Line{Index: o["i"], Headers: o["h"], Value: o["v"], text: text}
	var right [6]bool
	l.Key, right[0] = o["k"].(string)
	l.Time, right[1] = whole(o["t"])
	l.In, right[2] = o["in"].(string)
	l.Timestamp, right[3] = whole(o["ts"])
	_, right[4] = o["v"]
	right[5] = true
	if j, there := o["j"]; there {
		l.Rows, right[5] = j.(map[string]any)
	}
	for i, name := range []string{"k", "t", "in", "ts", "v", "j"} {
		if !right[i] {
			return nil, fmt.Errorf("a line without a right %q", name)
		}
	}
	src, _ := o["src"].(string)
	if l.Source, err = event.ParsePlace(src); err != nil {
		return nil, fmt.Errorf("a line without a right source: %w", err)
	}
	return l, nil
}

func parseTick(o map[string]any) (*Line, error) {
	t := &Tick{Parts: map[string]int64{}}
	if v := o["tick"]; v != nil {
		ms, ok := whole(v)
		if !ok {
			return nil, errors.New("a tick without a right time")
		}
		t.Time = &ms
	}
	of, _ := o["of"].(string)
	var err error
	if t.Of, err = event.ParsePlace(of + "@0"); err != nil {
		return nil, fmt.Errorf("a tick without a right partition: %w", err)
	}
	parts, _ := o["parts"].(map[string]any)
	for topic, n := range parts {
		count, ok := whole(n)
		if !ok || count < 0 || count > maxParts {
			return nil, fmt.Errorf("a tick without a right number of partitions of %.80q", topic)
		}
		t.Parts[topic] = count
	}
	return &Line{Tick: t}, nil
}

// maxParts is more than the partitions that a topic can have.
const maxParts = 1 << 20

func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// partition returns the source partition of a place, as topic/partition.
func partitionOf(p event.Place) string {
	text, _, _ := strings.Cut(p.String(), "@")
	return text
}
