package declared

import (
	"math"
	"slices"
	"strings"
)

// clock is the time of a log partition: what its lines and ticks tell of their sources.
// The zero value has no grace, and is ready for use.
type clock struct {
	grace   int64 // ms
	limited bool  // lines can be late

	sources []source // in the order in which they were first named
	places  map[sourceName]int
	last    int   // that at returned: most lines come from the source of the one before
	order   []int // of topics and partitions: see sorted
	parts   []topicParts
	reading

	saved struct {
		sources []source
		parts   []topicParts
		reading
	}
}

// reading is what a clock shows.
type reading struct {
	known     bool  // the watermark is defined
	watermark int64 // epoch ms; never decreases
	time      int64 // the stage time: the watermark less the grace; never decreases
}

// sourceName names a partition of an input topic.
type sourceName struct {
	topic     string
	partition int32
}

// source is a partition of an input topic.
type source struct {
	sourceName
	text    []byte // the topic's name
	latest  int64  // the greatest time of its lines and ticks, epoch ms
	state   sourceState
	counted bool // it is one of the newest tick's parts
}

type sourceState uint8

const (
	unheard sourceState = iota // of
	empty                      // a tick said that it has no time
	heardOf
)

// topicParts is the number of a topic's partitions.
type topicParts struct {
	topic string
	count int32
}

// at returns the index of a source, which it adds if it is new.
func (c *clock) at(topic []byte, partition int32) int {
	if c.last < len(c.sources) {
		if s := &c.sources[c.last]; s.partition == partition && s.topic == string(topic) {
			return c.last
		}
	}
	if i, ok := c.places[sourceName{borrowed(topic), partition}]; ok {
		c.last = i
		return i
	}
	if c.places == nil {
		c.places = map[sourceName]int{}
	}
	name := sourceName{string(topic), partition}
	c.places[name] = len(c.sources)
	c.sources = append(c.sources, source{sourceName: name, text: []byte(name.topic), counted: c.counts(name)})
	return len(c.sources) - 1
}

// counts reports whether a source is one of the parts.
func (c *clock) counts(name sourceName) bool {
	i := slices.IndexFunc(c.parts, func(p topicParts) bool { return p.topic == name.topic })
	return i >= 0 && name.partition < c.parts[i].count
}

// late reports whether a line of a time comes too late.
func (c *clock) late(t int64) bool { return c.limited && c.known && t < c.time }

// line counts the time of a line of a source.
func (c *clock) line(i int, t int64) {
	s := &c.sources[i]
	if s.state == heardOf && t <= s.latest {
		return
	}
	holds := s.state != heardOf || !c.known || s.latest <= c.watermark
	s.latest, s.state = t, heardOf
	if holds && s.counted {
		c.advance()
	}
}

// silent counts a tick that says that a source has no time.
func (c *clock) silent(i int) {
	if s := &c.sources[i]; s.state == unheard {
		s.state = empty
		c.advance()
	}
}

// setParts sets the numbers of partitions. It keeps neither.
func (c *clock) setParts(parts []topicParts) {
	if slices.Equal(c.parts, parts) {
		return
	}
	c.parts = slices.Clone(parts)
	for i := range c.sources {
		s := &c.sources[i]
		s.counted = c.counts(s.sourceName)
	}
	c.advance()
}

// advance computes the watermark, if it is defined.
func (c *clock) advance() {
	want, have, least := 0, 0, int64(math.MaxInt64)
	for i := range c.parts {
		want += int(c.parts[i].count)
	}
	for i := range c.sources {
		s := &c.sources[i]
		if !s.counted || s.state == unheard {
			continue
		}
		have++
		if s.state == heardOf {
			least = min(least, s.latest)
		}
	}
	if have < want || least == math.MaxInt64 {
		return
	}
	if !c.known {
		c.known, c.watermark, c.time = true, least, least-c.grace
		return
	}
	c.watermark = max(c.watermark, least)
	c.time = max(c.time, c.watermark-c.grace)
}

// save makes what the clock shows what rollback returns to.
func (c *clock) save() {
	c.saved.sources = append(c.saved.sources[:0], c.sources...)
	c.saved.parts, c.saved.reading = c.parts, c.reading
}

func (c *clock) rollback() {
	c.order = c.order[:0]
	for i := len(c.saved.sources); i < len(c.sources); i++ {
		delete(c.places, c.sources[i].sourceName)
	}
	c.sources = append(c.sources[:0], c.saved.sources...)
	c.parts, c.reading = c.saved.parts, c.saved.reading
}

// sorted returns the indexes of the sources in the order of topics and partitions.
func (c *clock) sorted() []int {
	if len(c.order) != len(c.sources) {
		c.order = c.order[:0]
		for i := range c.sources {
			c.order = append(c.order, i)
		}
		slices.SortFunc(c.order, c.compare)
	}
	return c.order
}

// compare orders two sources by topic and partition.
func (c *clock) compare(a, b int) int {
	x, y := &c.sources[a], &c.sources[b]
	if order := strings.Compare(x.topic, y.topic); order != 0 {
		return order
	}
	return int(x.partition) - int(y.partition)
}
